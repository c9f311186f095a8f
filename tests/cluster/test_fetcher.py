"""What a dead node had sent to one peer only reaches the others, a transaction at a time."""

import contextlib
import threading

from cluster.db import connect
from cluster.fetcher import Fetcher
from tests.support.nodes import CREDENTIALS, Nodes, wait_until


def fetcher_of(mesh: Nodes, node: int) -> Fetcher:
    return Fetcher(mesh.topology, mesh.topology.host(node), CREDENTIALS)


def turn(fetcher: Fetcher) -> None:
    with connect(fetcher.topology, fetcher.host, fetcher.passwords, autocommit=True) as db:
        fetcher.turn(db)


def test_a_change_that_reached_one_peer_before_its_node_died_reaches_the_others(mesh):
    mesh.ddl(1, "create table left_behind (id int primary key, v text)")
    mesh.level()
    mesh.cut(2, 1)
    mesh.sql(1, "insert into left_behind values (1, 'acknowledged')")
    wait_until(lambda: mesh.sql(3, "select 1 from left_behind"), what="node 3 has it")
    mesh.kill(1)
    try:
        assert mesh.sql(2, "select 1 from left_behind") == []
        fetcher = fetcher_of(mesh, 2)
        wait_until(
            lambda: turn(fetcher) or mesh.sql(2, "select 1 from left_behind"), what="fetched"
        )
    finally:
        mesh.start(1)
        mesh.heal(2, 1)
    mesh.level(60)
    mesh.assert_equal("left_behind")
    assert set(mesh.rows("left_behind")[1]) == {("(1,acknowledged)",)}
    mesh.ddl(1, "drop table left_behind")
    mesh.level()


def test_a_fetcher_does_not_wait_for_a_worker_that_is_bringing_what_it_fetches(mesh):
    mesh.ddl(1, "create table half_brought (id int primary key, v text)")
    mesh.level()
    mesh.cut(2, 1)
    mesh.sql(1, "insert into half_brought values (1, 'acknowledged')")
    wait_until(lambda: mesh.sql(3, "select 1 from half_brought"), what="node 3 has it")
    (change,) = mesh.admin(
        3, "select row_to_json(c)::text from mesh.change c where tbl = 'half_brought'"
    )[0]
    mesh.kill(1)
    worker = mesh.connect(2, "postgres")
    fetcher = fetcher_of(mesh, 2)
    try:
        with worker.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            cursor.execute("set synchronous_commit = local")
            cursor.execute(
                "insert into mesh.change select * from json_populate_record(null::mesh.change, %s)",
                [change],
            )
            turn(fetcher)  # would never come back: the test's own time limit
            assert mesh.sql(2, "select 1 from half_brought") == []
            worker.commit()
        turn(fetcher)
        assert mesh.sql(2, "select v from half_brought") == [("acknowledged",)]
    finally:
        worker.close()
        mesh.start(1)
        mesh.heal(2, 1)
    mesh.level(60)
    mesh.ddl(1, "drop table half_brought")
    mesh.level()


def test_transactions_come_whole_large_ones_and_those_that_began_long_before(mesh):
    mesh.ddl(1, "create table whole (id int primary key)")
    mesh.level()
    slow = mesh.connect(1)
    with slow.cursor() as cursor:
        cursor.execute("insert into whole values (0)")  # its number is lower than all that follow
    mesh.sql(1, "insert into whole select generate_series(1, 8000)")
    wait_until(lambda: mesh.sql(2, "select count(*) from whole") == [(8000,)])
    mesh.cut(2, 1)
    mesh.sql(1, "insert into whole select generate_series(8001, 16000)")
    slow.commit()
    wait_until(lambda: mesh.sql(3, "select count(*) from whole") == [(16001,)])
    mesh.kill(1)
    seen: set[int] = set()
    over = threading.Event()

    def look() -> None:
        with contextlib.closing(mesh.connect(2)) as db, db.cursor() as cursor:
            db.autocommit = True
            while not over.wait(0.005):
                cursor.execute("select count(*) from whole where id > 8000")
                seen.add(cursor.fetchone()[0])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        fetcher = fetcher_of(mesh, 2)
        complete = [(16001,)]
        wait_until(
            lambda: turn(fetcher) or mesh.sql(2, "select count(*) from whole") == complete,
            60,
            "all fetched",
        )
    finally:
        over.set()
        looking.join()
        mesh.start(1)
        mesh.heal(2, 1)
    assert seen <= {0, 8000}
    assert 0 in seen
    mesh.level(60)
    mesh.assert_equal("whole")
    mesh.ddl(1, "drop table whole")
    mesh.level()
