"""Two peers' changes of one key arrive at once: whoever looked into the log first must not write last what is older."""

import threading
from collections.abc import Callable, Iterator

import psycopg2.extras
import pytest
from psycopg2.extensions import connection

from tests.support.nodes import Nodes, running_mesh, wait_until


@pytest.fixture(scope="module")
def node() -> Iterator[Nodes]:
    with running_mesh(1) as nodes:
        nodes.ddl(1, "create table race (id int primary key, v text)")
        yield nodes


def worker(node: Nodes) -> connection:
    """A session that takes changes as an apply worker does."""
    db = node.connect(1, "postgres")
    with db.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
    db.commit()
    return db


def arrive(db: connection, origin: int, hlc: int, kind: str, key: int, v: str | None) -> None:
    row = psycopg2.extras.Json({"id": str(key), "v": v})
    with db.cursor() as cursor:
        cursor.execute(
            "insert into mesh.change (origin, seq, hlc, tbl, key, kind, row, txn)"
            " select %s, %s, last_value + %s, 'race', %s, %s, %s, 1 from mesh.pruned_to",
            (origin, hlc * 100 + key, hlc, str(key), kind, row),
        )


def while_it_has_looked(node: Nodes, first: connection, look: Callable[[], None]) -> None:
    """Let `look` go on up to where it asks what is parked, commit `first`, and let it go on.

    `first` has read mesh.parked and holds it; who wants it alone waits for that, and `look` behind them both.
    """
    alone = node.connect(1, "postgres")
    holding = threading.Thread(
        target=lambda: alone.cursor().execute("lock table mesh.parked in access exclusive mode")
    )
    looking = threading.Thread(target=look)
    holding.start()
    wait_until(lambda: waiting(node) == 1)
    looking.start()
    wait_until(lambda: waiting(node) == 2)
    first.commit()
    holding.join()
    alone.rollback()
    looking.join()
    alone.close()


def waiting(node: Nodes) -> int:
    rows = node.admin(1, "select pid from pg_stat_activity where wait_event_type = 'Lock'")
    return len(rows)


def test_of_two_inserts_at_once_the_newer_stands_whoever_looked_first(node: Nodes) -> None:
    first, second = worker(node), worker(node)
    arrive(first, 2, 200, "I", 1, "newer")

    def older() -> None:
        arrive(second, 3, 100, "I", 1, "older")
        second.commit()

    while_it_has_looked(node, first, older)
    assert node.sql(1, "select v from race where id = 1") == [("newer",)]
    assert node.admin(1, "select count(*) from mesh.change where key = '1'") == [(2,)]


def test_what_came_and_went_while_an_older_insert_looked_stays_gone(node: Nodes) -> None:
    first, second = worker(node), worker(node)
    arrive(first, 2, 200, "I", 2, "newer")
    arrive(first, 2, 300, "D", 2, "newer")

    def older() -> None:
        arrive(second, 3, 100, "I", 2, "older")
        second.commit()

    while_it_has_looked(node, first, older)
    assert node.sql(1, "select v from race where id = 2") == []
    for _ in range(3):
        node.admin(1, "select mesh.sweep()")
    assert node.sql(1, "select v from race where id = 2") == []
    assert node.admin(1, "select * from mesh.parked") == []
