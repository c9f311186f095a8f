"""What clients were shown and told, and which of it breaks a session guarantee. Decides; asks nobody.

Registers hold values that are never written twice by different writes. Afterwards the change log tells in which order
the mesh has put all writes of a register: by (clock, origin), equal on all nodes (decision 0002). By that order

- *read your writes*: after an acknowledged write a client is shown that write or a later one;
- *monotonic reads*: never an earlier one than it was shown before;
- *writes follow reads*: what it writes comes after what it was shown and wrote before.

One write may stand in the log twice: sent again to a second host when the first did not answer, as the page does. Then
the earliest that fits counts, so nothing is called broken that could be right.

A client that was told `behind` by all hosts that live goes on without its position and says so (OlderNote on the page):
from then on it is promised nothing of before. What it is then shown that is older is counted apart.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Stamp = tuple[int, int]
"""(hybrid clock, origin) of a write."""
Order = Mapping[tuple[str, str], list[Stamp]]
"""(register, value) → when it was written, in ascending order."""

READ, WRITE, LATE = "monotonic reads", "read your writes", "writes follow reads"
UNKNOWN = "shown what nobody wrote"
KINDS = (WRITE, READ, LATE, UNKNOWN)


@dataclass(frozen=True)
class Event:
    """`read`: was shown; `write`: was acknowledged; `told`: knows it from a position that was handed on; `older`: was told
    that what comes may be older. `value` None: the register was not there."""

    kind: Literal["read", "write", "told", "older"]
    register: str = ""
    value: str | None = None
    host: int = 0


@dataclass
class Verdict:
    broken: Counter[str] = field(default_factory=Counter)
    announced: int = 0
    """Reads that were older than before, after the client had been told that they might be."""
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        self.broken += other.broken
        self.announced += other.announced
        self.examples += other.examples


@dataclass
class _Known:
    stamp: Stamp
    value: str
    rule: str


def judge(client: str, events: Iterable[Event], order: Order) -> Verdict:
    """What of one client's history is broken, and how."""
    verdict = Verdict()
    known: dict[str, _Known] = {}
    waived: dict[str, Stamp] = {}

    def broken(rule: str, number: int, event: Event) -> None:
        verdict.broken[rule] += 1
        verdict.examples.append(
            f"{client}, event {number}: {rule}: {event}, knew {known.get(event.register)}"
        )

    for number, event in enumerate(events):
        if event.kind == "older":
            waived |= {register: one.stamp for register, one in known.items()}
            known.clear()
            continue
        before = known.get(event.register)
        if event.value is None:
            if before:
                broken(before.rule, number, event)
            continue
        stamps = order.get((event.register, event.value), [])
        if not stamps:
            broken(UNKNOWN, number, event)
            continue
        fitting = [stamp for stamp in stamps if not before or stamp >= before.stamp]
        if not fitting:
            if event.kind != "told":
                assert before
                broken(LATE if event.kind == "write" else before.rule, number, event)
            continue
        if event.kind == "read" and fitting[-1] < waived.get(event.register, (0, 0)):
            verdict.announced += 1
        rule = WRITE if event.kind == "write" else READ
        if before and before.value == event.value:
            rule = before.rule  # to see one's own write again does not make it another's
        known[event.register] = _Known(fitting[0], event.value, rule)
    return verdict
