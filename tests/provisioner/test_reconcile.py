"""What is missing, what is too much: only what can be known for sure."""

from datetime import timedelta

import pytest

from provisioner.errors import ResultError
from provisioner.lifecycle import State, Wanted
from provisioner.reconcile import compare, names
from provisioner.store import Environment, now

BEGAN = now()
BEFORE, AFTER = BEGAN - timedelta(minutes=1), BEGAN + timedelta(seconds=1)


def environment(name: str, state: State, ready_at=BEFORE) -> Environment:
    values = dict.fromkeys(Environment.__dataclass_fields__)
    return Environment(**{**values, "name": name, "state": state, "ready_at": ready_at,
                          "wanted": Wanted.PRESENT, "open": True})  # fmt: skip


@pytest.mark.parametrize(
    ("state", "ready_at", "vanished"),
    [
        (State.READY, BEFORE, True),
        (State.EXPIRING, BEFORE, True),
        (State.READY, AFTER, False),  # it was not there yet when the provider was asked
        (State.CREATING, None, False),
        (State.DESTROYING, BEFORE, False),
        (State.FAILED, BEFORE, False),
    ],
)
def test_only_what_was_ready_before_the_provider_was_asked_can_have_vanished(
    state, ready_at, vanished
):
    found = compare(frozenset(), BEGAN, [environment("one", state, ready_at)], [])
    assert bool(found.vanished) is vanished
    assert compare(frozenset({"one"}), BEGAN, [environment("one", state)], []).vanished == ()


def test_an_orphan_is_what_is_neither_known_nor_marked_as_ours():
    listed = frozenset({"known", "marked", "stranger"})
    found = compare(listed, BEGAN, [environment("known", State.CREATING)], ["marked"])
    assert found.orphans == {"stranger"}


@pytest.mark.parametrize("content", [None, {}, "name", [1], [None]])
def test_a_list_that_is_no_list_of_names_is_refused(content):
    with pytest.raises(ResultError, match="no JSON array of names"):
        names(content)
