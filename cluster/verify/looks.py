"""Rows that may differ are looked at until it is sure: what is in flight is no difference, what stays is one.

Between two looks all nodes take in whatever any of them had at the look before, and settle what is parked. A look
counts against a row if all nodes know the same changes of it, and either
- it is in its table everywhere, so that nothing but those changes says what it is; or
- no node has touched it since the look before (of a parked row others have a say, whose changes may be in flight).
A row against which LOOKS looks count differs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from cluster.verify.node import Node, State, everywhere

Key = tuple[str, str]
"""Table and key."""
LOOKS = 3
MAX_LOOKS = 15
PAUSE_SECONDS = 0.02
"""After the n-th look n times as long: rows that are written all the time are met in peace sooner or later."""


@dataclass(frozen=True)
class Doubt:
    """A key whose state is not equal on all nodes; `states` by node number."""

    table: str
    key: str
    states: dict[int, State]

    @property
    def same_changes_everywhere(self) -> bool:
        return len({state.history for state in self.states.values()}) == 1

    @property
    def explained_by_changes_alone(self) -> bool:
        return self.same_changes_everywhere and all(
            s.digest is not None and s.reason is None for s in self.states.values()
        )


def level(nodes: Sequence[Node], seconds: float) -> list[str]:
    """Wait until each node has what any node has now, and has settled it; what is not there in time, in words."""
    positions = everywhere(nodes, lambda node: node.one("select mesh.position()"))
    names = {node.host.node: node.host.name for node in nodes}

    def catch_up(node: Node) -> list[str]:
        end = time.monotonic() + seconds
        missing = []
        for number, position in positions.items():
            left = max(0, int((end - time.monotonic()) * 1000))
            if not node.one("select mesh.wait_for(%s, %s)", position, left):
                missing.append(f"{node.host.name} lacks changes that {names[number]} has")
        node.end()
        node.sweep()
        return missing

    return [line for lines in everywhere(nodes, catch_up).values() for line in lines]


def settle(
    nodes: Sequence[Node], doubtful: set[Key], seconds: float
) -> tuple[list[Doubt], list[Doubt]]:
    """(rows that differ, rows of which it can't be said: they changed at every look, or a node lacks changes)."""
    differ: list[Doubt] = []
    calm: dict[Key, tuple[Doubt | None, int]] = {}
    open_keys = set(doubtful)
    end = time.monotonic() + 2 * seconds
    since = max(everywhere(nodes, lambda node: node.pruned()).values())
    last: dict[Key, Doubt] = {}
    for look in range(1, MAX_LOOKS + 1):
        if not open_keys:
            break
        level(nodes, max(0.0, min(seconds, end - time.monotonic())))
        last = {(d.table, d.key): d for d in unequal(nodes, open_keys, since)}
        open_keys = set(last)
        for key, doubt in last.items():
            before, times = calm.get(key, (None, 0))
            if doubt.explained_by_changes_alone:
                times += 1
            elif doubt.same_changes_everywhere:
                times = times + 1 if before == doubt else 1
            calm[key] = doubt, times
            if times >= LOOKS:
                differ.append(doubt)
                open_keys.discard(key)
        if time.monotonic() > end:
            break
        if open_keys and look > 1:
            time.sleep(look * PAUSE_SECONDS)
    return differ, [last[key] for key in sorted(open_keys)]


def unequal(nodes: Sequence[Node], keys: set[Key], since: int = 0) -> list[Doubt]:
    """Those of `keys` that this look finds in different states."""
    found = []
    for table, group in groupby(sorted(keys), key=lambda key: key[0]):
        names = [key for _, key in group]
        by_node = everywhere(nodes, partial(Node.states, table=table, keys=names, since=since))
        for key in names:
            states = {number: states[key] for number, states in by_node.items()}
            if len({repr(state.content) for state in states.values()}) > 1:
                found.append(Doubt(table, key, states))
    return found
