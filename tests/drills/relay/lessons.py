"""What teachers and boards do in a drill: she goes on step by step, it notes when it saw each.

What a page shows is an array that its teacher appends to: each update counts, where a map would show the last one only.
"""

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from realtime import protocol
from tests.drills.relay.pages import Line, Page, Seen, Where, ranked
from tests.drills.relay.waits import BREADTH, TEACHER_MISSED


class Teacher(Page):
    """Appends what `steer` says."""

    role = "teacher"

    def __init__(self, *args, **more) -> None:
        super().__init__(*args, **more)
        self.sent: list[float] = []

    def steer(self) -> None:
        before = self.doc.get_state()
        self.steps.append(self.step(len(self.sent)))
        self.sent.append(self.now())
        update = protocol.encode_binary(protocol.UPDATE, self.doc.get_update(before))
        for line in self.open:
            line.send_binary(update)

    def step(self, number: int) -> str:
        """What she writes for her step of this number."""
        return f"{self.doc.client_id} {number}"

    def answer(self, line: Line, state_vector: bytes) -> None:
        update = self.doc.get_update(state_vector)
        line.send_binary(protocol.encode_binary(protocol.STEP2, update))


class Board(Page):
    """Notes when it saw each step of its teacher."""

    role = "board"

    def __init__(self, *args, **more) -> None:
        super().__init__(*args, **more)
        self.seen_at: list[float] = []
        self.teacher_at = self.now()

    def heard_teacher(self) -> None:
        self.teacher_at = self.now()

    def changed(self) -> None:
        new = len(self.steps) - len(self.seen_at)
        self.seen_at += [self.now()] * new

    def ticked(self) -> None:
        silence = self.now() - self.teacher_at
        missed = int(silence / TEACHER_MISSED) if silence > TEACHER_MISSED else 0
        self.set_breadth(BREADTH + missed)


@dataclass
class Pair:
    teacher: Teacher
    board: Board

    def took(self) -> list[float]:
        """Seconds from each press to its being on the board, as far as it came."""
        return [
            seen - sent for sent, seen in zip(self.teacher.sent, self.board.seen_at, strict=False)
        ]

    @property
    def lost(self) -> int:
        """Steps that the board lacks, or has twice, or that are not hers."""
        hers = Counter(map(self.teacher.step, range(len(self.teacher.sent))))
        shown = Counter(self.board.steps.to_py() or [])
        return (hers - shown).total() + (shown - hers).total()


def new_pair(
    seen: Seen, hosts: Sequence[Where], rng: random.Random, first: str | None = None
) -> Pair:
    """A teacher and a board in a session of their own; `first`: the host that must be first in its rank."""
    while True:
        session = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        order = ranked(hosts, session)
        if first in (None, order[0].name):
            teacher = Teacher(seen, order, session, "7", rng)
            return Pair(teacher, Board(seen, order, session, str(uuid.uuid4()), rng))
