"""Random histories through the real SQL: in any order of arrival, tables and parked rows are as specified."""

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.model.histories import ERA, WORLD, Step, deliveries, histories, two_eras
from tests.model.specification import specified

EXAMPLES = max(settings().max_examples // 3, 1)
"""A history on Postgres costs about 0.1 s, ten times as much as one on the model."""


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_any_order_of_arrival_ends_in_the_specified_tables_and_parked_rows(sql_node, data):
    history = data.draw(histories(WORLD))
    with sql_node.empty():
        sql_node.play(data.draw(deliveries(history)))
        found = sql_node.sweep_until_settled()
    expected = specified(WORLD, history.changes)
    event(f"parked: {sorted({reason for reason, _ in expected.parked.values()})}")
    assert found == expected


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_pruning_what_all_have_changes_no_outcome(sql_node, data):
    history, old = data.draw(two_eras(WORLD))
    missing = set(old.changes)
    with sql_node.empty():
        for step in [Step(None), *data.draw(deliveries(history))]:
            sql_node.play([step])
            if step.transaction and step.crash_after is None:
                missing -= set(step.transaction)
            if not missing and data.draw(st.booleans()) and sql_node.forget(ERA):
                event("pruned")
        found = sql_node.sweep_until_settled()
        sql_node.promise(2 * ERA)
        assert not sql_node.sweep_until_settled().unborn
    assert found.but_unborn() == specified(WORLD, history.changes).but_unborn()
