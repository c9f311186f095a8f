"""Codes and offers: what is decided when a board and a teacher meet.

Pure deciding: no sockets, no bus, no clock of its own. A code is never the credential; it is
single use and lives for minutes. Codes must not be logged, so nothing here logs.
"""

import secrets
import uuid
from collections.abc import Hashable
from dataclasses import dataclass, field

from realtime import codes
from realtime.errors import Refusal
from realtime.settings import PairingLimits

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
    """The teacher who wants a board."""

    session: str
    teacher: str
    name: str
    position: str | None = None


@dataclass
class Code:
    """A code on a board's screen: six digits, and the long form of it."""

    text: str
    long: str
    board: Hashable
    expires_at: float


@dataclass
class Offer:
    """A board that a teacher wants, until the teacher confirms."""

    pairing: str
    code: Code
    board: Hashable
    claimer: Claimer
    symbol: str
    symbol_name: str
    expires_at: float
    number: str = ""
    """What the teacher has to read from the board; "" if it needn't be told."""
    ready_at: float = 0.0
    """Not to be confirmed before: until then the board may refuse."""
    room: str = ""
    """What the teacher calls this board, if it is started without a code."""
    device: str = ""
    """Which board it is, once confirmed."""
    done: bool = False
    over: bool = False
    """Rejected, refused or left: kept until it expires, so that nobody else is asked for it."""


@dataclass
class CodeBook:
    """All codes and offers of boards whose sockets this node holds."""

    node: int
    limits: PairingLimits = field(default_factory=PairingLimits)
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self._codes: dict[str, Code] = {}  # by both of its forms
        self._code_of: dict[Hashable, Code] = {}
        self._spent: dict[str, float] = {}
        self._offers: dict[str, Offer] = {}

    @property
    def live(self) -> int:
        """How many boards show a code."""
        return len(self._code_of)

    def open(self, board: Hashable, now: float) -> Code:
        """The board's code, a new one if it has none; raises Refusal too_fast if all are used.

        An offer that waits for this board is off: it shows a code again, not a symbol.
        """
        shown = self._code_of.get(board)
        if shown is not None and shown.expires_at > now:
            return shown
        self.drop(board, now)
        if self.live >= self.limits.codes:
            raise Refusal("too_fast", "This host has no free code. Try again in a minute.")
        code = Code(self._free_code(), codes.draw_long(), board, now + self.limits.code_seconds)
        self._codes[code.text] = self._codes[code.long] = self._code_of[board] = code
        return code

    def shows_code(self, board: Hashable) -> bool:
        """Whether the board waits: an offer takes its code away."""
        return board in self._code_of

    def _free_code(self) -> str:
        while True:
            text = codes.draw(self.node, self.key)
            if text not in self._codes and text not in self._spent:
                return text

    def _retire(self, code: Code | None, now: float) -> None:
        if code is None or self._codes.pop(code.text, None) is None:
            return
        del self._codes[code.long]
        self._code_of.pop(code.board, None)
        for text in (code.text, code.long):
            self._spent[text] = now + REMEMBERED_SECONDS
        while len(self._spent) > REMEMBERED_MOST:
            del self._spent[next(iter(self._spent))]

    def claim(self, text: str, claimer: Claimer, now: float) -> Offer | None:
        """Use up a code; None if it isn't ours, Refusal pair.expired_code if it is too old.

        The same teacher may repeat a claim, since its answer can get lost on the way.
        """
        repeated = self._repeated(claimer, now, text=text)
        if repeated is not None:
            return repeated
        code = self._codes.get(text)
        if code is None and text not in self._spent:
            return None
        self._retire(code, now)
        if code is None or code.expires_at <= now:
            message = "This code was used or is too old. Type the one that the board shows now."
            raise Refusal("pair.expired_code", message)
        offer = self._offer(code, claimer, now)
        offer.number = codes.draw_number() if codes.is_short(text) else ""
        return offer

    def start(self, board: Hashable, claimer: Claimer, room: str, now: float) -> Offer | None:
        """A teacher whom this board is remembered for needs no code. None if it does not wait.

        The board may refuse for some seconds: it asks for a code again.
        """
        repeated = self._repeated(claimer, now, board=board)
        if repeated is not None:
            return repeated
        code = self._code_of.get(board)
        if code is None:
            return None
        self._retire(code, now)
        offer = self._offer(code, claimer, now)
        offer.room, offer.ready_at = room, now + self.limits.refuse_seconds
        return offer

    def _offer(self, code: Code, claimer: Claimer, now: float) -> Offer:
        symbol, name = secrets.choice(SYMBOLS)
        expires_at = now + self.limits.offer_seconds
        offer = Offer(str(uuid.uuid4()), code, code.board, claimer, symbol, name, expires_at)
        self._offers[offer.pairing] = offer
        return offer

    def _repeated(
        self, claimer: Claimer, now: float, text: str | None = None, board: Hashable = None
    ) -> Offer | None:
        for offer in self._offers.values():
            alive = not offer.done and not offer.over and offer.expires_at > now
            asked = offer.board == board or text in (offer.code.text, offer.code.long)
            if alive and asked and _same_teacher(offer, claimer.session, claimer.teacher):
                return offer
        return None

    def owns(self, pairing: str) -> bool:
        """Whether this node made that offer (and still remembers)."""
        return pairing in self._offers

    def find(self, pairing: str, session: str, teacher: str, now: float) -> Offer:
        """This teacher's offer, if it can be confirmed; raises Refusal pair.gone or pair.too_early."""
        offer = self._offers.get(pairing)
        if offer is None or offer.over or not _same_teacher(offer, session, teacher):
            raise gone()
        if offer.done:
            return offer
        if offer.expires_at <= now:
            raise gone()
        if now < offer.ready_at:
            message = "The board may still refuse. Confirm again in a few seconds."
            raise Refusal("pair.too_early", message)
        return offer

    def confirm(self, offer: Offer, device: str, now: float) -> None:
        """The teacher has it; repeating is harmless."""
        offer.done, offer.device = True, offer.device or device
        offer.expires_at = now + self.limits.offer_seconds

    def reject(self, pairing: str, session: str, teacher: str) -> Offer:
        """The teacher says no; raises Refusal pair.gone if the offer is confirmed or unknown."""
        offer = self._offers.get(pairing)
        if offer is None or offer.done or offer.over or not _same_teacher(offer, session, teacher):
            raise gone()
        offer.over = True
        return offer

    def drop(self, board: Hashable, now: float) -> None:
        """A board's socket closed: its code and its open offer are gone."""
        self._retire(self._code_of.get(board), now)
        for offer in self._offers.values():
            offer.over |= offer.board == board and not offer.done

    def sweep(self, now: float) -> tuple[list[Code], list[Offer]]:
        """Take out what has expired: codes to renew, offers nobody confirmed."""
        expired = [code for code in self._code_of.values() if code.expires_at <= now]
        for code in expired:
            self._retire(code, now)
        old = [offer for offer in self._offers.values() if offer.expires_at <= now]
        for offer in old:
            del self._offers[offer.pairing]
        self._spent = {text: until for text, until in self._spent.items() if until > now}
        return expired, [offer for offer in old if not offer.done and not offer.over]


def _same_teacher(offer: Offer, session: str, teacher: str) -> bool:
    return (offer.claimer.session, offer.claimer.teacher) == (session, teacher)


def gone() -> Refusal:
    """The offer can't be confirmed any more."""
    return Refusal("pair.gone", "This pairing is over. Type the code that the board shows now.")


def wrong_number() -> Refusal:
    """Whoever typed the code does not see the board."""
    message = "This is not the number on the board. It shows a new code now: type that one."
    return Refusal("pair.wrong_number", message)
