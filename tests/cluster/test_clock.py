"""Clocks: measured through the databases; the wrong one's node takes no writes; equal ones can't make nodes differ."""

import re

import psycopg2
import pytest

from cluster import health
from cluster.clock import Reading, Skew, measure, skews, unfit_reason
from cluster.db import connect
from cluster.watch import Watch
from tests.support.clocks import TRUE, set_clock
from tests.support.nodes import CREDENTIALS, Nodes, running_mesh


@pytest.fixture(scope="module")
def mesh():
    """A mesh of its own: clocks that ran ahead leave their mark on a node."""
    with running_mesh(3) as nodes:
        yield nodes


@pytest.fixture
def right_again(mesh: Nodes):
    """Afterwards the clocks go right, all gates are open, and what the floors were raised to is forgotten."""
    yield
    for node in mesh.numbers:
        set_clock(mesh, node, TRUE)
        mesh.admin(
            node, "select setval('mesh.clock_floor', 0)"
        )  # else its clock stood still for the tests that follow
        mesh.admin(node, "delete from mesh.unfit")
        mesh.admin(node, "select mesh.open_gate()")


def readings(**ahead: float) -> dict[str, Reading]:
    return {name: Reading(seconds, 0.001) for name, seconds in ahead.items()}


def look(mesh: Nodes, node: int) -> None:
    """One turn of what the agent does beside its own."""
    watching = Watch(mesh.topology, mesh.topology.host(node), CREDENTIALS)
    with connect(mesh.topology, watching.host, CREDENTIALS, autocommit=True) as db:
        watching.turn(db)
    watching.close()


# --- on a real mesh


def test_skew_is_measured_through_the_database(mesh: Nodes, right_again):
    set_clock(mesh, 2, f"{TRUE} + 3000000")
    found = {}
    for host in mesh.topology.hosts:
        with connect(mesh.topology, host, CREDENTIALS, autocommit=True) as db:
            found[host.name] = measure(db)
    off = skews(found)
    assert abs(off["host2"].seconds - 3) <= off["host2"].error + 0.001
    assert abs(off["host1"].seconds) <= off["host1"].error + 0.001
    nodes = {node.name: node for node in health.look(mesh.topology, CREDENTIALS)}
    assert abs((nodes["host2"].clock_skew_seconds or 0) - 3) <= (nodes["host2"].clock_error_seconds or 0) + 0.001  # fmt: skip
    assert any("its clock is" in trouble for trouble in nodes["host2"].troubles)
    assert not any("clock" in trouble for trouble in nodes["host1"].troubles)


def test_the_node_whose_clock_is_wrong_takes_no_writes_until_it_is_right(mesh: Nodes, right_again):
    mesh.ddl(1, "create table bell (id int primary key, rung text)")
    mesh.level()
    set_clock(mesh, 2, f"{TRUE} + 60000000")
    for node in mesh.numbers:
        look(mesh, node)
    with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
        mesh.sql(2, "insert into bell values (1, 'a minute from now')")
    (reason,) = mesh.sql(2, "select mesh.unfit_reasons()")[0]
    assert re.match(r"the clock of host2 is (59\.9|60\.)\d+ s ± .* ahead of the others", reason)
    for node in (1, 3):
        assert mesh.sql(node, "select mesh.unfit_reasons()") == []
        mesh.sql(node, "insert into bell values (%s, 'now')", node)
    set_clock(mesh, 2, TRUE)
    look(mesh, 2)
    assert mesh.sql(2, "select mesh.unfit_reasons()") == []
    mesh.sql(2, "insert into bell values (2, 'now')")
    mesh.level()
    mesh.assert_equal("bell")


def test_a_clock_that_drifts_is_said_in_the_log_before_it_is_too_late(
    mesh: Nodes, right_again, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "cluster.watch")
    watching = Watch(mesh.topology, mesh.topology.host(2), CREDENTIALS)
    try:
        for clock in (TRUE, f"{TRUE} + 500000", f"{TRUE} + 500000", TRUE):
            set_clock(mesh, 2, clock)
            watching.looked_at = 0.0
            with connect(mesh.topology, watching.host, CREDENTIALS, autocommit=True) as db:
                watching.turn(db)
    finally:
        watching.close()
    said = [message for message in caplog.messages if "alarm" in message]
    assert [re.sub(r"is [\d.]+ s ± .*", "is …", message) for message in said] == [
        "node=host2 alarm: its clock is …",
        "node=host2 alarm over: its clock is …",
    ]


def test_a_node_that_starts_with_a_wrong_clock_does_not_take_one_write(mesh: Nodes, right_again):
    set_clock(mesh, 3, f"{TRUE} - 60000000")
    mesh.admin(3, "delete from mesh.gate")  # as after a start
    look(mesh, 3)
    with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
        mesh.ddl(3, "create table too_early (id int primary key)")


def test_a_clock_that_was_ahead_does_not_win_over_others_once_it_is_right(mesh: Nodes, right_again):
    (floor,) = mesh.admin(3, "select last_value from mesh.clock_floor")[0]
    try:
        set_clock(mesh, 3, f"{TRUE} + 60000000")
        mesh.admin(3, "select mesh.beat()")  # before anybody saw it
        look(mesh, 3)
        set_clock(mesh, 3, TRUE)
        look(mesh, 3)
        (reason,) = mesh.sql(3, "select mesh.unfit_reasons()")[0]
        assert "would still be stamped" in reason
        with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
            mesh.ddl(3, "create table from_the_future (id int primary key)")
    finally:
        mesh.admin(3, "select setval('mesh.clock_floor', %s)", floor)
    look(mesh, 3)
    assert mesh.sql(3, "select mesh.unfit_reasons()") == []


def test_equal_timestamps_do_not_make_nodes_differ(mesh: Nodes, right_again):
    mesh.ddl(1, "create table tie (id int primary key, v text, u text unique)")
    mesh.level()
    (now,) = mesh.admin(1, f"select {TRUE} + 5000000")[0]
    for a, b in ((a, b) for a in mesh.numbers for b in mesh.numbers if a != b):
        mesh.cut(a, b)
    for node in mesh.numbers:
        set_clock(mesh, node, str(now))
        for key in (1, 2, 3):
            mesh.sql(
                node, "insert into tie values (%s, %s, %s)", key, f"of {node}", f"{key} {node}"
            )
        mesh.sql(node, "insert into tie values (%s, 'same', 'wanted by all')", 10 + node)
        mesh.sql(node, "update tie set v = %s where id = 2", f"later, of {node}")
        if node == 2:
            mesh.sql(node, "delete from tie where id = 3")
    stamps = [mesh.admin(n, "select hlc from mesh.change where tbl = 'tie' and origin = mesh.me() order by seq") for n in mesh.numbers]  # fmt: skip
    assert stamps[0][0] == stamps[1][0] == stamps[2][0]
    for a, b in ((a, b) for a in mesh.numbers for b in mesh.numbers if a != b):
        mesh.heal(a, b)
    mesh.level()
    mesh.assert_equal("tie")
    assert mesh.sql(1, "select v from tie where id = 1") == [("of 3",)]
    assert len(mesh.sql(1, "select 1 from tie where u = 'wanted by all'")) == 1


# --- what decides, without a database


def test_of_three_clocks_the_one_that_disagrees_is_wrong():
    three = readings(a=100.0, b=100.01, c=103.0)
    assert unfit_reason("a", three) is None
    assert unfit_reason("b", three) is None
    assert "the clock of c is 2.990 s ± 0.002 s ahead of" in (unfit_reason("c", three) or "")
    assert "behind" in (unfit_reason("c", readings(a=100.0, b=100.01, c=97.0)) or "")


def test_of_two_clocks_the_one_ahead_is_wrong():
    two = readings(a=100.0, b=102.0)
    assert unfit_reason("a", two) is None
    assert unfit_reason("b", two)


def test_one_clock_alone_is_right_and_never_are_all_wrong():
    assert unfit_reason("a", readings(a=5.0)) is None
    all_apart = readings(a=0.0, b=10.0, c=20.0, d=30.0)
    assert [name for name in all_apart if not unfit_reason(name, all_apart)] == ["b"]


def test_what_the_network_may_have_caused_is_not_held_against_a_clock():
    slow = {"a": Reading(100.0, 0.001), "b": Reading(100.0, 0.001), "c": Reading(101.5, 0.6)}
    assert unfit_reason("c", slow) is None
    assert not Skew(0.25, 0.1).alarming
    assert Skew(0.25, 0.01).alarming
    assert Skew(-0.25, 0.01).alarming


def test_a_clock_near_the_bound_does_not_come_and_go():
    near = readings(a=100.0, b=100.0, c=100.9)
    assert unfit_reason("c", near) is None
    assert unfit_reason("c", near, already=True)
    assert unfit_reason("c", readings(a=100.0, b=100.0, c=100.4), already=True) is None
