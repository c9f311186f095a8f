"""Histories in which an incremental algorithm easily goes wrong, each in every order of arrival that fits in a second:
on the model and in real Postgres. Chance finds them seldom; each is here because something once did, or nearly did."""

import itertools
import random

import pytest

from tests.model.histories import ERA, WORLD, Step
from tests.model.incremental import ModelNode
from tests.model.specification import EVERY_KEY, Change, Row, specified

MAX_ORDERS = 6


def change(
    hlc: int, kind: str, table: str, key: str = EVERY_KEY, origin: int = 1, **row: object
) -> Change:
    columns: Row = {c: str(v) for c, v in row.items()}
    if kind == "I":
        columns = (
            {"low": "0"}
            | {c: None for c in WORLD.tables[table].columns if c != "low"}
            | columns
            | {"id": key}
        )
        columns = {c: columns[c] for c in WORLD.tables[table].columns}
    return Change(
        origin,
        hlc * 100 + int(key.replace("*", "9")),
        hlc,
        table,
        key,
        kind,
        tuple(columns.items()),
    )


def pupil(hlc: int, key: str, kind: str = "I", origin: int = 1, **row: object) -> Change:
    return change(hlc, kind, "m_pupil", key, origin, **row)


def room(hlc: int, key: str, kind: str = "I", origin: int = 1, **row: object) -> Change:
    return change(hlc, kind, "m_room", key, origin, **row)


def school(hlc: int, key: str, kind: str = "I", origin: int = 1, **row: object) -> Change:
    return change(hlc, kind, "m_school", key, origin, **row)


BETWEEN = [
    room(7, "1", floor=1),
    room(6, "2", floor=1, school=1, number=1),
    room(5, "3", school=1, number=1, floor=2),
    school(1, "1"),
]
CASES: dict[str, list[Change]] = {
    "a row between an older and a newer rival moves nobody": BETWEEN,
    "the newer of three rivals lets go": [*BETWEEN, room(8, "1", "U", 2, floor=0)],
    "a parked row gets another value": [pupil(5, "1", badge=1), pupil(4, "2", badge=1), pupil(6, "2", "U", 2, badge=2)],
    "a parked row becomes the newer one": [pupil(5, "1", badge=1), pupil(4, "2", badge=1), pupil(6, "2", "U", 2, note="a")],
    "equal clocks, decided by origin": [pupil(5, "1", origin=2, badge=1), pupil(5, "2", badge=1)],
    "equal clocks of two births": [pupil(5, "1", badge=1), pupil(5, "1", origin=2, badge=2), pupil(5, "1", origin=3, badge=0)],
    "equal versions, decided by key": [pupil(5, "1", badge=1), pupil(5, "2", badge=1), pupil(5, "3", badge=1)],
    "equal clocks in one row": [pupil(1, "1"), pupil(5, "1", "U", note="a"), pupil(5, "1", "U", 2, note="b")],
    "values swapped": [
        pupil(1, "1", badge=1), pupil(2, "2", badge=2), pupil(5, "1", "U", badge=2), pupil(6, "2", "U", badge=1),
    ],
    "an update survives no truncate that came after the insert": [
        pupil(1, "1"), change(5, "T", "m_pupil", origin=2), pupil(6, "1", "U", note="a"),
    ],
    "updates of a row that was never inserted": [pupil(5, "1", "U", badge=1), pupil(6, "2", badge=1)],
    "a delete older than the second birth": [pupil(1, "1", note="a"), pupil(5, "1", "D", 2), pupil(6, "1", origin=3)],
    "a parent that is parked": [school(5, "1", code=1), school(6, "2", code=1), room(7, "1", school=1), pupil(8, "1", room=1)],
    "a parent that goes, with a rival of its child": [
        school(1, "1"), room(5, "1", school=1, floor=1), room(4, "2", floor=1), school(6, "1", "D", 2),
    ],
    "a chain without its head": [room(2, "1", school=1), pupil(3, "1", room=1), pupil(4, "2", boss=1)],
    "a row that names itself and lacks another parent": [pupil(1, "1", room=1, boss=1), change(5, "T", "m_school", origin=2)],
    "rows that name each other": [
        change(3, "I", "m_left", "1", other=1), change(4, "I", "m_right", "1", other=1), change(5, "D", "m_left", "1", 2),
    ],
    "a row that turns to itself": [pupil(1, "1", boss=1), pupil(1, "2", boss=1), pupil(2, "2", boss=2)],
    "a row that turns to one who is gone": [
        pupil(1, "1", boss=1), pupil(1, "2", boss=2), pupil(9, "1", "D"), pupil(2, "2", boss=1),
    ],
    "a row that named itself by a value that it no longer has": [
        pupil(1, "1", boss=1), pupil(2, "1", buddy=1, badge=0), pupil(3, "1", buddy=0),
    ],
    "a row that names itself and has a newer rival": [pupil(1, "1", boss=1, buddy=1, badge=1), pupil(2, "2", badge=1)],
    "a parked parent's other value changes": [
        pupil(1, "1", badge=0, boss=3), pupil(2, "2", buddy=0), pupil(4, "1", "U", 2, badge=2),
    ],
    "a parked parent's other value changes as it is placed": [
        pupil(1, "1", badge=0, boss=3), pupil(2, "2", buddy=0), pupil(4, "1", "U", badge=2, boss="1"),
    ],
    "a parent's other value changes": [
        pupil(1, "1", badge=1), pupil(2, "2", buddy=1, boss=1), pupil(5, "1", "U", 2, badge=2), pupil(6, "3", buddy=2),
    ],
    "ranges in a chain": [change(h, "I", "m_slot", k, low=low) for h, k, low in ((3, "1", 0), (2, "2", 1), (1, "3", 2))],
    "a deferrable value taken twice": [change(1, "I", "m_slot", "1", place=1, low=0), change(2, "I", "m_slot", "2", place=1, low=3)],
    "deferrable values swapped": [
        change(1, "I", "m_slot", "1", place=1, low=0), change(2, "I", "m_slot", "2", place=2, low=3),
        change(5, "U", "m_slot", "1", place=2), change(5, "U", "m_slot", "2", origin=2, place=1),
    ],
}  # fmt: skip


def orders(changes: list[Change]) -> list[list[Step]]:
    found = list(itertools.islice(itertools.permutations(changes), 5041))
    random.Random(1).shuffle(found)
    return [[Step([c]) for c in order] for order in found[:MAX_ORDERS]]


@pytest.mark.parametrize("name", CASES)
def test_on_the_model_each_order_ends_as_specified_after_each_sweep(name):
    for steps in orders(CASES[name]):
        node = ModelNode(WORLD, 9)
        for step in steps:
            node.deliver(step.transaction or [])
        for _ in range(3):
            node.sweep()
            assert node.outcome() == specified(WORLD, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_postgres_each_order_ends_as_specified_and_stays_so(name, sql_node):
    for steps in orders(CASES[name]):
        with sql_node.empty():
            sql_node.play(steps)
            assert sql_node.sweep_until_settled() == specified(WORLD, CASES[name])


def test_three_rivals_whose_versions_were_pruned_are_still_in_order(sql_node):
    """The example of decision 0013: of a parked row and its rivals the versions are kept."""
    letting_go = room(ERA + 1, "1", "U", 2, floor=0)
    for keys in itertools.permutations("123"):
        old = [
            Change(c.origin, c.seq, c.hlc, c.table, k, "I", (("id", k), *c.row[1:]))
            for c, k in zip(BETWEEN[:3], keys, strict=True)
        ] + BETWEEN[3:]
        new = Change(2, ERA, ERA + 1, "m_room", keys[0], "U", letting_go.row)
        model = ModelNode(WORLD, 9)
        with sql_node.empty():
            for node in (model, sql_node):
                node.deliver(old)
                node.sweep()
                assert node.forget(ERA)
                node.deliver([new])
                assert node.sweep_until_settled() == specified(WORLD, [*old, new])
