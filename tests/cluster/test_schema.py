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
        for key in range(100, 130):
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
    assert mesh.admin(3, "select * from mesh.parked") == []
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
