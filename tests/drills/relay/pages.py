"""Pages as they behave when hosts come and go: live/links.ts and session.ts in Python, thousands in one process.

Decides which hosts a page has lines to; what a teacher or a board does with them is in lessons.py.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from pycrdt import Array, Doc

from realtime import presence, protocol
from tests.drills.relay.waits import (
    BAD_FRAME,
    BASE,
    BOARD_PRESENCE_TICKS,
    BREADTH,
    CALM,
    MOST,
    MOVING_SHARE,
    PROMPT,
    RESTART,
    SETTLED,
    SILENCE,
    STRETCH,
    TRUSTED,
    UNWELCOME,
    WAKING_GRACE,
    WELCOME,
)
from tests.drills.relay.wire import Wire
from tests.realtime.support import token


@dataclass(frozen=True)
class Where:
    """A host as pages know it."""

    name: str
    port: int


def ranked(hosts: Sequence[Where], session: str) -> list[Where]:
    """core/rank.ts: rendezvous hash."""
    return sorted(
        hosts, key=lambda h: hashlib.sha256(f"{h.name}:{session}".encode()).digest()[:8], reverse=True
    )  # fmt: skip


@dataclass
class Seen:
    """What all pages of a drill noted. Times are the loop's, in seconds."""

    handshakes: list[tuple[float, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    closes: dict[int, int] = field(default_factory=dict)
    late: float = 0.0
    """How late a timer of this process came at most: pages' own waits look longer by that much."""
    stalled_at: float = float("-inf")
    """When this process last was late by much. It is one process; the pages of a school don't all fall asleep at once."""


class Line(Wire):
    def __init__(self, page: "Page", index: int) -> None:
        super().__init__()
        self.page, self.index = page, index
        self.is_open = self.leaving = False
        self.opened_at = 0.0
        self.began_at = self.heard_at = page.now()
        self.load = 0.0

    def opened(self) -> None:
        self.page.seen.handshakes.append((self.page.now(), self.page.hosts[self.index].name))
        self.send_text(self.page.greeting)

    def text(self, payload: bytes) -> None:
        self.heard_at = self.page.now()
        self.page.control(self, json.loads(payload))

    def binary(self, payload: bytes) -> None:
        self.heard_at = self.page.now()
        self.page.frame(self, payload)

    def ended(self, code: int) -> None:
        self.page.died(self, code)


@dataclass
class _Slot:
    line: Line | None = None
    rest_until: float = 0.0
    patient_until: float = 0.0
    failures: int = 0
    load: float = 0.0


class Page:
    """One page: its lines to the hosts (links.ts, plan.ts), its document (session.ts)."""

    role = ""

    def __init__(
        self, seen: Seen, hosts: Sequence[Where], session: str, subject: str, rng: random.Random
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.seen, self.hosts, self.session, self.rng = seen, hosts, session, rng
        self.slots = [_Slot() for _ in hosts]
        self.breadth = min(BREADTH, len(hosts))
        self.stand_in_served = self.stand_in_unserved = 0.0
        self.running = False
        self.doc: Doc = Doc()
        self.steps = self.doc.get("steps", type=Array)
        self.ticks = 0
        hello = {"type": "hello", "protocol": 1, "token": token(session, self.role, subject)}
        self.greeting = json.dumps(hello).encode()
        self.state = json.dumps({"role": self.role, "pairing": subject}).encode()
        self._due: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self.running = True
        self.loop.call_later(self.rng.random(), self._tick)
        self._review()

    def stop(self) -> None:
        self.running = False
        for line in self.lines:
            line.end()

    @property
    def lines(self) -> list[Line]:
        return [slot.line for slot in self.slots if slot.line is not None]

    @property
    def open(self) -> list[Line]:
        return [line for line in self.lines if line.is_open]

    # frames

    def control(self, line: Line, message: dict) -> None:
        kind = message["type"]
        line.load = message.get("load", line.load)
        if kind == "welcome":
            line.is_open, line.opened_at = True, self.now()
            line.send_binary(protocol.encode_binary(protocol.STEP1, self.doc.get_state()))
            self._say_presence([line])
            self._review()
        elif kind == "move":
            self._leave(line, message)
        elif kind == "error":
            self.seen.errors.append(message["code"])

    def frame(self, line: Line, payload: bytes) -> None:
        frame = protocol.parse_binary(payload)
        if frame.kind == protocol.AWARENESS:
            if b'"teacher"' in frame.body:
                self.heard_teacher()
        elif frame.kind == protocol.STEP1:
            self.answer(line, frame.body)
        elif frame.body != b"\0\0":
            self.doc.apply_update(frame.body)
            self.changed()

    def heard_teacher(self) -> None:
        """Awareness of a teacher's page came."""

    def answer(self, line: Line, state_vector: bytes) -> None:
        """A sync step 1 came."""

    def changed(self) -> None:
        """The document may have changed."""

    def _say_presence(self, lines: Sequence[Line]) -> None:
        state = presence.encode([(self.doc.client_id, self.ticks + 1, self.state)])
        for line in lines:
            line.send_binary(protocol.encode_binary(protocol.AWARENESS, state))

    # lines

    def _tick(self) -> None:
        if not self.running:
            return
        due = self.now() + 1
        self.ticks += 1
        for line in self.lines:
            now = self.now()
            awake = now - self.seen.stalled_at > WAKING_GRACE
            if line.is_open and now - line.heard_at > SILENCE and awake:
                line.end()
            elif line.is_open:
                line.send_text(b'{"type":"ping","t":%d}' % (now * 1000))
            elif now - line.began_at > WELCOME:
                line.end()
        if self.role == "teacher" or self.ticks % BOARD_PRESENCE_TICKS == 0:
            self._say_presence(self.open)
        self.ticked()
        self._review()
        self.loop.call_at(due, self._tick)

    def ticked(self) -> None:
        """Once a second."""

    def _from(self, slot: _Slot) -> float:
        if any(not line.leaving for line in self.open):
            return max(slot.rest_until, slot.patient_until, self.stand_in_served)
        return max(slot.rest_until, self.stand_in_unserved)

    def _review(self) -> None:
        if not self.running:
            return
        now = self.now()
        usable = [
            s for s in self.slots
            if (s.line is None and self._from(s) <= now) or (s.line is not None and not s.line.leaving)
        ]  # fmt: skip
        wanted, surplus = usable[: self.breadth], usable[self.breadth :]
        up = [s.line for s in wanted if s.line is not None and s.line.is_open]
        if sum(now - line.opened_at >= SETTLED for line in up) >= self.breadth:
            self._end(s.line for s in surplus)
        if wanted and len(up) == len(wanted):
            self._end(line for line in self.open if line.leaving)
        for slot in wanted:
            if slot.line is None:
                self._connect(slot)
        waits = [self._from(s) for s in self.slots if s.line is None and self._from(s) > now]
        if self._due is not None:
            self._due.cancel()
        self._due = self.loop.call_at(min(waits) + 0.001, self._review) if waits else None

    @staticmethod
    def _end(lines) -> None:
        for line in list(lines):
            if line is not None:
                line.end(1000)

    def _connect(self, slot: _Slot) -> None:
        line = slot.line = Line(self, self.slots.index(slot))
        task = asyncio.ensure_future(self._dial(line))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _dial(self, line: Line) -> None:
        try:
            await self.loop.create_connection(
                lambda: line, "127.0.0.1", self.hosts[line.index].port
            )
        except OSError:
            line.end()

    def died(self, line: Line, code: int) -> None:
        slot = self.slots[line.index]
        if slot.line is not line:
            return
        slot.line, slot.load = None, line.load
        if not self.running:
            return
        if line.is_open:
            self.seen.closes[code] = self.seen.closes.get(code, 0) + 1
        trusted = line.is_open and (self.now() - line.opened_at >= TRUSTED or line.leaving)
        slot.failures = 1 if trusted else slot.failures + 1
        self._spread()
        ceiling = min(MOST, BASE * 2 ** min(slot.failures, 10))
        wait = self.rng.random() * ceiling * (1 + STRETCH * slot.load)
        slot.rest_until = self.now() + wait
        slot.patient_until = self.stand_in_served + wait
        if code in (RESTART, BAD_FRAME) or line.leaving:
            slot.patient_until = max(slot.patient_until, self.now() + UNWELCOME)
        self._review()

    def _spread(self, calmly: bool = True) -> None:
        load = max(s.load if s.line is None else s.line.load for s in self.slots)
        wait = self.rng.random() * (1 + STRETCH * load)
        self.stand_in_served = self.now() + wait * (CALM if calmly else PROMPT)
        self.stand_in_unserved = self.now() + wait * PROMPT

    def _leave(self, line: Line, message: dict) -> None:
        elsewhere = message.get("hosts")
        for slot, host in zip(self.slots, self.hosts, strict=True):
            if slot.line is None and elsewhere is not None and host.name not in elsewhere:
                slot.patient_until = max(slot.patient_until, self.now() + UNWELCOME)

        def move() -> None:
            line.leaving = True
            self._review()

        self.loop.call_later(self.rng.random() * message["within_seconds"] * MOVING_SHARE, move)

    def set_breadth(self, breadth: int) -> None:
        breadth = min(breadth, len(self.slots))
        if breadth > self.breadth:
            self._spread(False)
        if breadth != self.breadth:
            self.breadth = breadth
            self._review()
