"""The definition itself, and the step-by-step algorithm of a node held against it (docs/decisions/0013)."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from tests.model.histories import ERA, WORLD, Step, deliveries, histories, two_eras
from tests.model.incremental import Crash, ModelNode
from tests.model.specification import Outcome, newest, specified

HISTORIES = histories(WORLD)


def play(node: ModelNode, steps: list[Step]) -> None:
    for step in steps:
        if step.transaction is None:
            node.sweep()
            continue
        before = copy.deepcopy(node.outcome())
        try:
            node.deliver(step.transaction, step.crash_after)
        except Crash:
            assert node.outcome() == before, "half a transaction is there"


def after(steps: list[Step], sweeps: int = 1) -> Outcome:
    node = ModelNode(WORLD, 9)
    play(node, steps)
    for _ in range(sweeps):
        node.sweep()
    return node.outcome()


@given(HISTORIES)
def test_what_is_placed_is_just_what_the_placement_rule_says(history):
    """The rule read as a condition on an outcome, not as a way to compute it."""
    outcome = specified(WORLD, history.changes)
    alive = {t: dict(rows) for t, rows in outcome.tables.items()}
    for (t, k), (_, row) in outcome.parked.items():
        assert k not in alive[t]
        alive[t][k] = row

    def rank(t: str, k: str):
        return newest(c for c in history.changes if c.table == t and c.key == k), k

    for t, rows in alive.items():
        for k, row in rows.items():
            parents = all(
                row[f.column] is None
                or any(
                    p[f.parent_column] == row[f.column]
                    for p in (alive if f.parent == t else outcome.tables)[f.parent].values()
                )
                for f in WORLD.tables[t].foreign_keys
            )
            rival = any(
                other != k and WORLD.tables[t].clash(row, r) and rank(t, other) > rank(t, k)
                for other, r in outcome.tables[t].items()
            )
            assert (k in outcome.tables[t]) == (parents and not rival)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_outcome_is_a_function_of_the_set_of_changes(history, random):
    shuffled = history.changes * 2
    random.shuffle(shuffled)
    assert specified(WORLD, shuffled) == specified(WORLD, history.changes)


@given(st.data())
def test_any_order_of_arrival_with_duplicates_crashes_and_sweeps_gives_the_specified_outcome(data):
    """One sweep at the end is enough, and further ones change nothing."""
    history = data.draw(HISTORIES)
    found = after(data.draw(deliveries(history)), sweeps=data.draw(st.integers(1, 3)))
    assert found == specified(WORLD, history.changes)


@given(st.data())
def test_two_orders_of_arrival_give_one_outcome(data):
    history = data.draw(HISTORIES)
    assert after(data.draw(deliveries(history))) == after(data.draw(deliveries(history)))


@given(st.data())
def test_everything_once_more_changes_nothing(data):
    steps = data.draw(deliveries(data.draw(HISTORIES)))
    assert after(steps) == after(steps + [s for s in steps if s.crash_after is None], sweeps=3)


@given(st.data())
def test_after_each_step_no_rows_clash_and_each_row_has_its_parents(data):
    """So that only parked rows can be wrong, and the sweep need not look at others."""
    node = ModelNode(WORLD, 9)
    for step in data.draw(deliveries(data.draw(HISTORIES))):
        play(node, [step])
        node.check()


@given(st.data())
def test_forgetting_what_all_have_changes_no_outcome(data):
    """Any number of times, at any moment when the node has all of the first era."""
    history, old = data.draw(two_eras(WORLD))
    steps = data.draw(deliveries(history))
    node, missing = ModelNode(WORLD, 9), set(old.changes)
    for step in [Step(None), *steps]:
        play(node, [step])
        if step.transaction and step.crash_after is None:
            missing -= set(step.transaction)
        if not missing and data.draw(st.booleans()):
            node.forget(ERA)
    node.sweep()
    assert node.outcome().but_unborn() == specified(WORLD, history.changes).but_unborn()
    node.forget(2 * ERA)
    assert not node.outcome().unborn
