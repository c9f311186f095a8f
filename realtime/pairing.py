"""Codes, offers and failure budgets: what is decided when a board and a teacher meet.

Pure deciding: no sockets, no bus, no clock of its own. A code is never the credential; it is
single use and lives for minutes. Codes must not be logged, so nothing here logs.
"""

import secrets
import uuid
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from realtime.errors import Refusal
from realtime.settings import PairingLimits

DIGITS = 6
CLASSES = 16  # a code is in its node's residue class, so two nodes never show the same one
REMEMBERED_SECONDS = 600.0  # how long a used code answers "used" instead of "wrong"
REMEMBERED_MOST = 20_000  # with the live ones far fewer than the 62,500 codes of a node

SYMBOLS = (
    ("🦊", "fox"), ("🐢", "turtle"), ("🦉", "owl"), ("🐙", "octopus"), ("🦋", "butterfly"),
    ("🐘", "elephant"), ("🦒", "giraffe"), ("🐧", "penguin"), ("🐝", "bee"), ("🐳", "whale"),
    ("🍎", "apple"), ("🍋", "lemon"), ("🍒", "cherries"), ("🍄", "mushroom"), ("🌻", "sunflower"),
    ("🌵", "cactus"), ("🌈", "rainbow"), ("🌙", "moon"), ("⭐", "star"), ("🔥", "fire"),
    ("⚓", "anchor"), ("⛵", "sailing boat"), ("🚀", "rocket"), ("🚲", "bicycle"), ("🎈", "balloon"),
    ("🎁", "present"), ("🔑", "key"), ("🔔", "bell"), ("🎸", "guitar"), ("☂️", "umbrella"),
    ("🏠", "house"), ("⚽", "football"),
)  # fmt: skip


@dataclass(frozen=True)
class Claimer:
    """The teacher who typed a code."""

    session: str
    teacher: str
    name: str
    position: str | None = None


@dataclass
class Code:
    """A code on a board's screen."""

    text: str
    board: Hashable
    expires_at: float


@dataclass
class Offer:
    """A claimed code, waiting for the teacher to compare symbols."""

    pairing: str
    code: str
    board: Hashable
    claimer: Claimer
    symbol: str
    symbol_name: str
    expires_at: float
    done: bool = False


@dataclass
class CodeBook:
    """All codes and offers of boards whose sockets this node holds."""

    node: int
    limits: PairingLimits = field(default_factory=PairingLimits)

    def __post_init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._code_of: dict[Hashable, str] = {}
        self._spent: dict[str, float] = {}
        self._offers: dict[str, Offer] = {}

    def open(self, board: Hashable, now: float) -> Code:
        """The board's code, a new one if it has none; raises Refusal too_fast if all are used.

        An offer that waits for this board is off: it shows a code again, not a symbol.
        """
        shown = self._codes.get(self._code_of.get(board, ""))
        if shown is not None and shown.expires_at > now:
            return shown
        self.drop(board, now)
        if len(self._codes) >= self.limits.codes:
            raise Refusal("too_fast", "This host has no free code. Try again in a minute.")
        code = Code(self._free_code(), board, now + self.limits.code_seconds)
        self._codes[code.text] = code
        self._code_of[board] = code.text
        return code

    def _free_code(self) -> str:
        while True:
            number = secrets.randbelow(10**DIGITS // CLASSES) * CLASSES + self.node
            text = f"{number:0{DIGITS}d}"
            if text not in self._codes and text not in self._spent:
                return text

    def _retire(self, text: str | None, now: float) -> None:
        code = self._codes.pop(text, None) if text is not None else None
        if code is not None:
            self._code_of.pop(code.board, None)
            self._spent[code.text] = now + REMEMBERED_SECONDS
            if len(self._spent) > REMEMBERED_MOST:
                del self._spent[next(iter(self._spent))]

    def claim(self, text: str, claimer: Claimer, now: float) -> Offer | None:
        """Use up a code; None if it isn't ours, Refusal pair.expired_code if it is too old.

        The same teacher may repeat a claim, since its answer can get lost on the way.
        """
        repeated = self._repeated(text, claimer, now)
        if repeated is not None:
            return repeated
        code = self._codes.get(text)
        if code is None and text not in self._spent:
            return None
        self._retire(text, now)
        if code is None or code.expires_at <= now:
            message = "This code was used or is too old. Type the one that the board shows now."
            raise Refusal("pair.expired_code", message)
        symbol, name = secrets.choice(SYMBOLS)
        expires_at = now + self.limits.offer_seconds
        offer = Offer(str(uuid.uuid4()), text, code.board, claimer, symbol, name, expires_at)
        self._offers[offer.pairing] = offer
        return offer

    def _repeated(self, text: str, claimer: Claimer, now: float) -> Offer | None:
        for offer in self._offers.values():
            alive = not offer.done and offer.expires_at > now
            if alive and offer.code == text and _same_teacher(offer, claimer):
                return offer
        return None

    def owns(self, pairing: str) -> bool:
        """Whether this node made that offer (and still remembers)."""
        return pairing in self._offers

    def confirm(self, pairing: str, session: str, teacher: str, now: float) -> Offer:
        """The teacher saw the symbol; repeating is harmless. Raises Refusal pair.gone."""
        offer = self._offers.get(pairing)
        if offer is None or (not offer.done and offer.expires_at <= now):
            raise gone()
        if (offer.claimer.session, offer.claimer.teacher) != (session, teacher):
            raise gone()
        offer.done = True
        offer.expires_at = now + self.limits.offer_seconds
        return offer

    def reject(self, pairing: str, session: str, teacher: str) -> Offer:
        """The symbols differ; raises Refusal pair.gone if the offer is confirmed or unknown."""
        offer = self._offers.get(pairing)
        if offer is None or offer.done:
            raise gone()
        if (offer.claimer.session, offer.claimer.teacher) != (session, teacher):
            raise gone()
        return self._offers.pop(pairing)

    def drop(self, board: Hashable, now: float) -> None:
        """A board's socket closed: its code and its open offer are gone."""
        self._retire(self._code_of.get(board), now)
        for offer in [o for o in self._offers.values() if o.board == board and not o.done]:
            del self._offers[offer.pairing]

    def sweep(self, now: float) -> tuple[list[Code], list[Offer]]:
        """Take out what has expired: codes to renew, offers nobody confirmed."""
        codes = [code for code in self._codes.values() if code.expires_at <= now]
        for code in codes:
            self._retire(code.text, now)
        old = [offer for offer in self._offers.values() if offer.expires_at <= now]
        for offer in old:
            del self._offers[offer.pairing]
        self._spent = {text: until for text, until in self._spent.items() if until > now}
        return codes, [offer for offer in old if not offer.done]


def _same_teacher(offer: Offer, claimer: Claimer) -> bool:
    mine = offer.claimer
    return (mine.session, mine.teacher) == (claimer.session, claimer.teacher)


class Budgets:
    """Counts wrong codes in a sliding window: per teacher, per address, and of the cluster."""

    def __init__(self, limits: PairingLimits) -> None:
        self._limits = limits
        self._failures: dict[str, deque[float]] = {}

    def check(self, teacher: str, address: str, now: float) -> None:
        """Raise Refusal pair.too_many_tries if one of the budgets is used up."""
        for key, most in self._keys(teacher, address):
            if len(self._recent(key, now)) >= most:
                raise too_many_tries()

    def failed(self, teacher: str, address: str, now: float) -> None:
        """Count a wrong code."""
        for key, most in self._keys(teacher, address):
            times = self._recent(key, now)
            times.append(now)
            if len(times) > most:  # never more than needed to say no
                times.popleft()
            self._failures[key] = times

    def refund(self, teacher: str, address: str) -> None:
        """The code was right after all: take the newest failure back."""
        for key, _ in self._keys(teacher, address):
            times = self._failures.get(key)
            if times:
                times.pop()

    def sweep(self, now: float) -> None:
        """Forget who has not failed for a window."""
        for key in list(self._failures):
            if not self._recent(key, now):
                del self._failures[key]

    def _keys(self, teacher: str, address: str) -> list[tuple[str, int]]:
        limits = self._limits
        return [
            (f"teacher {teacher}", limits.failures_per_teacher),
            (f"address {address}", limits.failures_per_address),
            ("cluster", limits.failures_per_cluster),
        ]

    def _recent(self, key: str, now: float) -> deque[float]:
        times = self._failures.get(key, deque())
        while times and times[0] <= now - self._limits.window_seconds:
            times.popleft()
        return times


def clean_code(text: str) -> str:
    """Six digits as typed, spaces and dashes left out; raises Refusal pair.wrong_code."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise wrong_code()
    return digits


def wrong_code() -> Refusal:
    """No board shows this code."""
    message = "No board shows this code. Type the six digits that the board shows now."
    return Refusal("pair.wrong_code", message)


def too_many_tries() -> Refusal:
    """A failure budget is used up."""
    message = "Too many wrong codes. Wait ten minutes, then try again."
    return Refusal("pair.too_many_tries", message)


def gone() -> Refusal:
    """The offer can't be confirmed any more."""
    return Refusal("pair.gone", "This pairing is over. Type the code that the board shows now.")
