"""Schema changes while people write: nobody waits long behind one, and none is lost or run out of turn."""

import threading
import time

import psycopg2
import pytest

from tests.support.nodes import Nodes, wait_until


@pytest.fixture
def item(mesh: Nodes):
    mesh.ddl(1, "create table item (id int primary key, v text)")
    mesh.level()
    yield
    mesh.ddl(1, "drop table item")
    mesh.level()


def columns(mesh: Nodes, node: int) -> list[str]:
    found = mesh.admin(node, "select name from mesh.columns_of('item'::regclass)")
    return [name for (name,) in found]


def test_a_schema_change_waits_for_a_long_transaction_and_nobody_waits_behind_it(mesh, item):
    busy = mesh.connect(1)
    with busy.cursor() as cursor:
        cursor.execute("insert into item values (1, 'long')")
        change = threading.Thread(target=mesh.ddl, args=(1, "alter table item add column c int"))
        change.start()
        longest = 0.0
        for key in range(100, 110):
            began = time.monotonic()
            mesh.admin(2, "select 1")
            with mesh.connect(1) as db, db.cursor() as other:
                other.execute("insert into item values (%s)", (key,))
            longest = max(longest, time.monotonic() - began)
        assert change.is_alive()
        busy.commit()
    busy.close()
    change.join(20)
    assert not change.is_alive()
    assert longest < 5  # without the bound: until the long transaction ends, here for ever
    mesh.level()
    mesh.assert_equal("item")
    assert "c" in columns(mesh, 3)


def test_a_schema_change_that_gets_no_lock_on_a_peer_waits_there_and_those_after_it_keep_their_turn(
    mesh, item
):
    before = mesh.apply_errors()
    busy = mesh.connect(3)
    with busy.cursor() as cursor:
        cursor.execute("insert into item values (1, 'long')")
        mesh.ddl(1, "alter table item add column c int default 1")
        mesh.ddl(1, "create table other (id int primary key)")
        mesh.ddl(1, "alter table item alter column c set default 2")
        mesh.sql(1, "insert into item values (2, 'new', 5)")
        waiting = "select detail from mesh.parked where reason = 'schema' order by key"
        wait_until(lambda: len(mesh.admin(3, waiting)) == 3, what="node 3 has all three")
        assert mesh.admin(3, waiting) == [
            ("waits for a lock",),
            ("waits for the schema change before it",),
            ("waits for the schema change before it",),
        ]
        mesh.admin(3, "select mesh.sweep()")
        assert len(mesh.admin(3, waiting)) == 3
        busy.commit()
    busy.close()
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.parked(3) == []
    assert mesh.apply_errors() == before
    mesh.sql(3, "insert into item (id) values (3)")
    assert mesh.sql(3, "select c from item where id = 3") == [(2,)]
    mesh.ddl(1, "drop table other")


def test_a_schema_change_that_never_gets_its_lock_is_given_up_and_leaves_nothing(mesh, item):
    busy = mesh.connect(1)
    with busy.cursor() as cursor:
        cursor.execute("insert into item values (1, 'very long')")
        with pytest.raises(
            psycopg2.errors.LockNotAvailable, match="waited 10 s for a lock in vain"
        ):
            mesh.ddl(1, "alter table item add column c int")
        busy.rollback()
    busy.close()
    assert columns(mesh, 1) == ["id", "v"]
    assert mesh.admin(1, "show lock_timeout") == [("0",)]


def test_rows_from_before_a_new_column_have_in_it_what_postgres_gave_the_rows_that_were_there(
    mesh, item
):
    with mesh.alone(3):
        mesh.sql(3, "insert into item values (1, 'old')")
        mesh.ddl(1, "alter table item add column c int default 1")
        mesh.ddl(1, "alter table item alter column c set default 2")
        mesh.ddl(1, "alter table item add column d text")
        mesh.ddl(1, "alter table item alter column d set default 'later'")
        mesh.sql(1, "insert into item (id, v) values (2, 'new')")
    mesh.assert_equal("item")
    assert mesh.sql(2, "select * from item order by 1") == [
        (1, "old", 1, None),
        (2, "new", 2, "later"),
    ]


def test_changes_that_call_a_column_by_its_old_name_find_it(mesh, item):
    mesh.sql(1, "insert into item values (1, 'a'), (2, 'b')")
    with mesh.alone(3):
        mesh.sql(3, "update item set v = 'from the old schema' where id = 1")
        mesh.sql(3, "insert into item values (3, 'c')")
        mesh.ddl(1, "alter table item rename column v to w")
        mesh.sql(1, "update item set w = 'from the new' where id = 2")
    mesh.assert_equal("item")
    assert mesh.sql(2, "select id, w from item order by 1") == [
        (1, "from the old schema"),
        (2, "from the new"),
        (3, "c"),
    ]
    assert mesh.parked(1) == []


def test_changes_of_a_column_that_was_dropped_meanwhile_wait_for_nothing(mesh, item):
    mesh.ddl(1, "alter table item add column late text")
    mesh.sql(1, "insert into item values (1, 'a'), (2, 'b')")
    with mesh.alone(3):
        mesh.sql(3, "update item set late = 'gone' where id = 1")
        mesh.sql(3, "update item set v = 'stays', late = 'gone' where id = 2")
        mesh.sql(3, "insert into item values (3, 'new', 'gone')")
        mesh.ddl(1, "alter table item drop column late")
    mesh.assert_equal("item")
    assert mesh.sql(2, "select * from item order by id") == [(1, "a"), (2, "stays"), (3, "new")]
    assert mesh.parked(1) == []
    mesh.ddl(2, "alter table item add column late text default 'anew'")  # another of its name
    mesh.level()
    mesh.sql(1, "update item set late = 'mine' where id = 1")
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.sql(3, "select late from item order by id") == [("mine",), ("anew",), ("anew",)]


def test_a_column_under_the_name_of_one_that_was_dropped_gets_nothing_of_it(mesh, item):
    mesh.ddl(1, "alter table item add column late text")
    mesh.sql(1, "insert into item values (1, 'a'), (2, 'b'), (3, 'c')")
    with mesh.alone(3):
        mesh.sql(3, "update item set late = 'old' where id = 1")
        mesh.sql(3, "insert into item values (4, 'd', 'old')")
        mesh.ddl(1, "alter table item drop column late")
        mesh.ddl(1, "alter table item add column late int default 7")
        mesh.sql(1, "update item set late = 8 where id = 2")
        mesh.sql(1, "insert into item values (5, 'e', 9)")
        mesh.sql(3, "update item set v = 'B', late = 'old' where id = 2")  # the newer of the two
    mesh.assert_equal("item")
    assert mesh.sql(2, "select id, v, late from item order by id") == [
        (1, "a", 7), (2, "B", 8), (3, "c", 7), (4, "d", 7), (5, "e", 9),
    ]  # fmt: skip
    mesh.ddl(1, "alter table item drop column late, add column late int")  # both at once
    mesh.level()
    mesh.sql(2, "update item set late = 1 where id = 1")
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.sql(3, "select id, late from item order by id") == [
        (1, 1), (2, None), (3, None), (4, None), (5, None),
    ]  # fmt: skip
    assert mesh.parked(1) == []


def test_a_change_that_meets_a_schema_change_half_done_is_read_by_the_names_that_hold_then(
    mesh, item
):
    mesh.ddl(1, "alter table item add column late text")
    mesh.sql(1, "insert into item values (1, 'a', 'old')")
    mesh.level()
    mesh.cut(3, 2)
    mesh.sql(2, "update item set late = 'of the old column' where id = 1")
    with mesh.connect(3) as changing:
        statement = "alter table item drop column late, add column late text"
        changing.cursor().execute("select mesh.run_ddl(%s)", [statement])
        mesh.heal(3, 2)
        worker = "select 1 from pg_stat_activity where backend_type like 'logical%' and wait_event_type = 'Lock'"
        wait_until(lambda: mesh.admin(3, worker), what="the worker waits for the table")
    changing.close()
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.sql(3, "select * from item") == [(1, "a", None)]


def test_columns_that_swap_their_names_keep_what_was_written_under_the_old_ones(mesh, item):
    mesh.ddl(1, "alter table item add column a text, add column b text")
    mesh.sql(1, "insert into item values (1, 'x', 'a0', 'b0'), (2, 'y', 'a0', 'b0')")
    with mesh.alone(3):
        mesh.sql(3, "update item set a = 'a1' where id = 1")
        for was, now in (("a", "aside"), ("b", "a"), ("aside", "b")):
            mesh.ddl(1, f"alter table item rename column {was} to {now}")
        mesh.sql(1, "update item set a = 'b1' where id = 2")
        mesh.sql(3, "update item set a = 'a2' where id = 2")
    mesh.assert_equal("item")
    assert mesh.sql(2, "select id, a, b from item order by id") == [
        (1, "b0", "a1"),
        (2, "b1", "a2"),
    ]
    for was, now in (("a", "aside"), ("b", "a"), ("aside", "b")):
        mesh.ddl(2, f"alter table item rename column {was} to {now}")
    mesh.sql(2, "update item set a = 'a3' where id = 1")
    mesh.level()
    mesh.assert_equal("item")
    assert mesh.sql(1, "select id, a, b from item order by id") == [
        (1, "a3", "b0"),
        (2, "a2", "b1"),
    ]
    assert mesh.parked(1) == []


@pytest.mark.parametrize(
    "column",
    [
        "at timestamptz default now()",
        "u uuid default gen_random_uuid()",
        "n serial",
        "g int generated always as identity",
    ],
)
def test_a_default_that_would_differ_between_nodes_is_refused_where_rows_are(mesh, item, column):
    mesh.ddl(1, f"alter table item add column {column}")  # nothing is there to fill
    mesh.ddl(1, f"alter table item drop column {column.split()[0]}")
    mesh.sql(1, "insert into item values (1, 'a')")
    with pytest.raises(psycopg2.errors.RaiseException, match="would be another value on each node"):
        mesh.ddl(1, f"alter table item add column {column}")
    assert columns(mesh, 1) == ["id", "v"]
