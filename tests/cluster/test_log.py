"""What the change log may forget, what a position names, and when a node takes writes: three nodes without agents."""

import psycopg2
import pytest

from tests.cluster.test_mesh import AHEAD, apart, together
from tests.support.nodes import Nodes, running_mesh, wait_until

DAY = 24 * 3600


@pytest.fixture(scope="module")
def mesh():
    """A mesh of its own: its clocks run days ahead in the end."""
    with running_mesh(3) as nodes:
        nodes.ddl(1, "create table item (id int primary key, v text, a text unique, b text unique)")
        nodes.level()
        yield nodes


@pytest.fixture(autouse=True)
def _clean(mesh: Nodes) -> None:
    mesh.sql(1, "truncate item")  # parked rows too
    mesh.level()


def beat(mesh: Nodes, *nodes: int) -> None:
    """Each node says what it has, and all have heard it."""
    for node in nodes or mesh.numbers:
        mesh.admin(node, "select mesh.beat()")
    mesh.level()
    sent = {n: mesh.admin(n, "select at from mesh.heartbeat where node = %s", n) for n in nodes}
    for node, at in sent.items():
        for other in nodes:
            wait_until(
                lambda node=node, other=other, at=at: (
                    mesh.admin(other, "select at from mesh.heartbeat where node = %s", node) == at
                ),
                what=f"node {other} has the beat of node {node}",
            )


def pass_days(mesh: Nodes, days: int) -> None:
    """All clocks go on by so many days, and the log gets its partitions, as the agents would see to."""
    global _days
    _days += days
    for node in mesh.numbers:
        mesh.admin(node, AHEAD, _days * DAY * 1_000_000)
        mesh.admin(node, "select mesh.make_partitions(24)")


_days = 0


def prune(mesh: Nodes, node: int) -> list[str]:
    for _ in range(3):  # what is heard, and that it was heard
        beat(mesh, *mesh.numbers)
    return mesh.admin(node, "select mesh.prune(24)")[0][0]


def log(mesh: Nodes, node: int, key: str) -> list[tuple]:
    """Kinds of the changes that the log holds for one item."""
    return [
        kind
        for (kind,) in mesh.admin(
            node,
            "select kind from mesh.change where tbl = 'item' and key = %s order by hlc, origin",
            key,
        )
    ]


def test_the_watermark_waits_for_an_open_transaction_and_for_the_member_that_lags(mesh):
    db = mesh.connect(2)
    with db.cursor() as cursor:
        cursor.execute("insert into item (id, v) values (1, 'open')")
        stamped = mesh.admin(2, "select mesh.clock()")[0][0]
        for _ in range(3):
            beat(mesh, 1, 2, 3)
        assert mesh.admin(1, "select mesh.watermark()")[0][0] < stamped
        db.commit()
    db.close()
    mesh.level()
    mesh.cut(3, 2)
    for _ in range(3):
        for node in mesh.numbers:
            mesh.admin(node, "select mesh.beat()")
    assert mesh.admin(1, "select mesh.watermark()")[0][0] < stamped
    mesh.heal(3, 2)
    mesh.level()
    wait_until(
        lambda: [beat(mesh, 1, 2, 3)] and mesh.admin(1, "select mesh.watermark()")[0][0] >= stamped,
        what="all members have it",
    )


def test_a_part_of_the_log_goes_once_all_members_have_it_and_rows_go_on_as_before(mesh):
    mesh.sql(1, "insert into item (id, v) values (1, 'old'), (2, 'old'), (3, 'old')")
    mesh.level()
    mesh.cut(3, 1)
    pass_days(mesh, 3)
    mesh.sql(1, "update item set v = 'new' where id = 2")
    for node in mesh.numbers:
        mesh.admin(node, "select mesh.beat()")
    assert mesh.admin(2, "select mesh.prune(24)")[0][0] == []  # node 3 may lack some of it
    mesh.heal(3, 1)
    mesh.level()
    assert prune(mesh, 2) != []
    assert log(mesh, 2, "1") == []
    assert log(mesh, 1, "1")[-1:] == ["I"]  # each node for itself
    mesh.sql(2, "update item set v = 'after' where id = 1")
    mesh.sql(2, "delete from item where id = 3")
    mesh.sql(1, "update item set a = 'x' where id = 2")
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.sql(2, "select id, v, a from item order by 1") == [
        (1, "after", None),
        (2, "new", "x"),
    ]
    assert mesh.admin(1, "select key from mesh.conflict where tbl = 'item'") == []


def test_a_late_update_of_a_row_whose_delete_was_pruned_is_lost_on_all_nodes_alike(mesh):
    mesh.sql(1, "insert into item (id) values (4)")
    mesh.level()
    mesh.sql(1, "delete from item where id = 4")
    mesh.level()
    newest = mesh.admin(1, "select nextval('mesh.change_seq')")[0][0]
    pass_days(mesh, 3)
    assert prune(mesh, 2) != []
    late = (
        "set session_replication_role = replica; insert into mesh.change values"
        f" (1, {newest}, mesh.clock(), 'item', '4', 'U', '{{\"v\": \"late\"}}', 1, 1, 1, null, null);"
        " reset session_replication_role"
    )
    for node in mesh.numbers:
        mesh.admin(node, late)
        mesh.admin(node, "select mesh.sweep()")
    assert (
        mesh.admin(3, "select reason from mesh.parked where key = '4' and reason <> 'recheck'")
        == []
    )
    pass_days(mesh, 1)
    for _ in range(3):
        beat(mesh, 1, 2, 3)
    mesh.admin(2, "select mesh.sweep()")
    assert (
        mesh.admin(2, "select reason from mesh.parked where key = '4' and reason <> 'recheck'")
        == []
    )
    assert mesh.sql(2, "select * from item") == []
    lost = "select loser_row from mesh.conflict where tbl = 'item' and key = '4' and loser_seq = %s"
    assert mesh.admin(2, lost, newest) == [({"v": "late"},)]


def test_what_was_pruned_does_not_change_who_of_two_old_rivals_is_the_newer(mesh):
    apart(mesh)
    mesh.sql(1, "insert into item (id, b) values (9, 'b')")  # Y, the oldest
    mesh.sql(2, "insert into item (id, a, b) values (1, 'a', 'b')")  # X wants both
    mesh.sql(3, "insert into item (id, a) values (5, 'a')")  # Z, the newest
    together(mesh)
    assert mesh.sql(1, "select id from item order by 1") == [(5,), (9,)]
    pass_days(mesh, 3)
    assert prune(mesh, 2) != []
    assert log(mesh, 2, "1") == []
    assert log(mesh, 1, "1")[-1:] == ["I"]
    mesh.sql(1, "update item set a = null where id = 5")
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.sql(2, "select id from item order by 1") == [(1,), (5,)]


def test_a_position_names_the_change_that_was_committed_late_too(mesh):
    late = mesh.connect(1)
    with late.cursor() as cursor:
        cursor.execute("insert into item (id) values (1)")
        mesh.sql(1, "insert into item (id) values (2)")
        before = mesh.sql(1, "select mesh.position()")[0][0]
        wait_until(
            lambda: mesh.sql(3, "select 1 from item where id = 2"), what="node 3 has the second"
        )
        assert mesh.sql(3, "select mesh.wait_for(%s, 100)", before) == [(True,)]
        mesh.cut(3, 1)
        late.commit()
    late.close()
    after = mesh.sql(1, "select mesh.position()")[0][0]
    assert mesh.sql(3, "select mesh.wait_for(%s, 100)", after) == [(False,)]
    mesh.heal(3, 1)
    assert mesh.sql(3, "select mesh.wait_for(%s, 5000)", after) == [(True,)]
    assert mesh.sql(3, "select count(*) from item") == [(2,)]


def test_numbers_of_transactions_that_were_rolled_back_are_waited_for_by_nobody(mesh):
    db = mesh.connect(1)
    with db.cursor() as cursor:
        cursor.execute("insert into item select g from generate_series(1, 20) g")
        db.rollback()
    db.close()
    mesh.sql(1, "insert into item (id) values (30)")
    position = mesh.sql(1, "select mesh.position()")[0][0]
    assert mesh.sql(2, "select mesh.wait_for(%s, 5000)", position) == [(True,)]
    for _ in range(3):
        beat(mesh, 1, 2, 3)
    settled = mesh.sql(1, "select mesh.position()")[0][0]
    assert "-" not in settled.split("1:")[1].split(",")[0]  # and soon nobody speaks of them
    assert mesh.sql(3, "select mesh.wait_for(%s, 5000)", settled) == [(True,)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "3f2a9c01",
        "3f2a9c01/1:",
        "3f2a9c01/1:2-",
        "3f2a9c01/1:2..3",
        "3f2a9c01/1:2-3..",
        "3f2a9c01/1:" + "9" * 19,
    ],
)
def test_what_is_not_a_position_is_said_to_be_none(mesh, text):
    with pytest.raises(psycopg2.DataError, match="not a position"):
        mesh.sql(1, "select mesh.wait_for(%s, 100)", text)


def test_after_a_start_nothing_is_written_until_the_node_is_admitted(mesh):
    mesh.kill(3)
    mesh.start(3, admit=False)
    with pytest.raises(
        psycopg2.OperationalError, match="not been admitted since its Postgres started"
    ):
        mesh.sql(3, "insert into item (id) values (1)")
    with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
        mesh.ddl(3, "alter table item add column c text")
    assert mesh.sql(3, "select * from item") == []
    mesh.admin(3, "select mesh.open_gate()")
    mesh.sql(3, "insert into item (id) values (1)")
    mesh.level()
    mesh.assert_equal("item")
