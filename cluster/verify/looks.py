"""Rows that may differ are looked at until it is sure: what is in flight is no difference, what stays is one.

Between two looks all nodes take in whatever any of them had at the look before, and settle what is parked. A look
counts against a row if all nodes know the same changes of it, and either
- it is in its table everywhere, so that nothing but those changes says what it is; or
- no node has touched it since the look before (of a parked row others have a say, whose changes may be in flight).
A row against which LOOKS looks count differs.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from cluster.verify.node import Node, State, everywhere

Key = tuple[str, str]
"""Table and key."""
LOOKS = 3
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.3
"""After the n-th look n times as long."""
FILM_SECONDS, FRAME_SECONDS = 0.1, 0.005
"""A row that is written all the time is filmed on each node: there will be changes with which all are seen, if not at
the same moment, unless a node is further behind than the film is long. So it is doubled when it decided nothing."""


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
    film = FILM_SECONDS
    for look in itertools.count(1):
        if not open_keys:
            break
        level(nodes, max(0.0, min(seconds, end - time.monotonic())))
        filmed = look > LOOKS
        found = unequal(nodes, open_keys, since, film if filmed else 0.0)
        last = {(d.table, d.key): d for d in found}
        if filmed and not all(d.same_changes_everywhere for d in last.values()):
            # tables are filmed one after the other, and LOOKS looks are still to come
            share = (end - time.monotonic()) / (LOOKS + 1) / len({table for table, _ in last})
            film = min(2 * film, max(FILM_SECONDS, share))
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
            time.sleep(min(look * PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
    return differ, [last[key] for key in sorted(open_keys)]


def unequal(
    nodes: Sequence[Node], keys: set[Key], since: int = 0, film_seconds: float = 0.0
) -> list[Doubt]:
    """Those of `keys` that this look, or film, finds in different states."""
    found = []
    for table, group in groupby(sorted(keys), key=lambda key: key[0]):
        names = [key for _, key in group]
        films = everywhere(nodes, partial(_film, table, names, since, film_seconds))
        for key in names:
            states = _together({node: film[key] for node, film in films.items()})
            if len({repr(state.content) for state in states.values()}) > 1:
                found.append(Doubt(table, key, states))
    return found


def _film(
    table: str, names: list[str], since: int, seconds: float, node: Node
) -> dict[str, list[State]]:
    """By key, the states that were seen one after the other."""
    end = time.monotonic() + seconds
    seen: dict[str, list[State]] = {
        key: [state] for key, state in node.states(table, names, since).items()
    }
    while time.monotonic() < end:
        time.sleep(FRAME_SECONDS)
        for key, state in node.states(table, names, since).items():
            if state != seen[key][-1]:
                seen[key].append(state)
    return seen


def _together(seen: dict[int, list[State]]) -> dict[int, State]:
    """Of what was seen of a key on each node, states of the same changes, the newest; if there are none, the last."""
    common = set.intersection(*({state.history for state in states} for states in seen.values()))
    newest = next(
        (s.history for s in reversed(next(iter(seen.values()))) if s.history in common), None
    )
    return {
        node: next((s for s in reversed(states) if s.history == newest), states[-1])
        for node, states in seen.items()
    }
