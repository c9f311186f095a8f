"""`clusterctl verify`: finds every difference, calls nothing a difference that is only on its way."""

import contextlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from click.testing import CliRunner

from cluster.cli import Files
from cluster.commands.verify import verify as command
from cluster.errors import ClusterError
from cluster.verify import Report, Untrustworthy, run, verify
from cluster.verify.node import SCRATCH, Node
from tests.support.nodes import CREDENTIALS, Nodes, wait_until

ROWS = 1200
PLANTED = 3000
"""Rows of the tables that a pass damages itself, each on one node."""


@pytest.fixture
def pupils(mesh: Nodes):
    """Two tables, one with a key of two columns, with the same rows on all nodes; seen by one pass already."""
    mesh.ddl(
        1,
        'create table pupil (id bigint primary key, name text, mail text unique, "a %" numeric, at timestamptz,'
        " marks int[], ratio double precision)",
    )
    mesh.ddl(1, "create table seat (room text, place int, pupil bigint, primary key (room, place))")
    mesh.sql(
        1,
        "insert into pupil select g, 'name ' || g, 'm' || g, g / 4.0, now() + g * interval '1 s', array[g], g / 3.0"
        " from generate_series(1, %s) g",
        ROWS,
    )
    mesh.sql(1, "insert into seat select 'r' || g / 10, g % 10, g from generate_series(1, 100) g")
    mesh.level()
    assert look(mesh).well
    yield "pupil"
    for table in ("pupil", "seat"):
        mesh.ddl(1, f"drop table {table}")
    mesh.level()


def look(mesh: Nodes, **options) -> Report:
    return verify(mesh.topology, CREDENTIALS, **options)


def tamper(mesh: Nodes, node: int, statement: str) -> None:
    """Change rows on one node as no ordinary session can: nothing of it stands in the change log."""
    with mesh.connect(node, "postgres") as db, db.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(statement)
        assert cursor.rowcount > 0
    db.close()


def log_name(mesh: Nodes, table: str) -> str:
    return mesh.admin(1, "select tbl from mesh.replicated where rel = %s::regclass", table)[0][0]


def found(report: Report) -> list[tuple[str, str]]:
    return sorted((d.table, d.key) for d in report.differences)


def test_of_equal_nodes_the_second_pass_hashes_next_to_nothing(mesh, pupils):
    report = look(mesh)
    assert report.well
    assert report.planted == 3
    assert report.rows[log_name(mesh, pupils)] == ROWS
    # what earlier tests, autovacuum and the planted rows leave: a few blocks, not three times all rows
    assert report.hashed < 3 * ROWS + PLANTED
    assert look(mesh, full=True).hashed >= 3 * ROWS + 3 * PLANTED - 10


DAMAGES = [
    "update pupil set name = name || ' ' where id = %s",
    "update pupil set mail = null where id = %s",
    'update pupil set "a %%" = "a %%"::numeric(20, 9) where id = %s',  # equal numbers, another text
    "update pupil set at = at + interval '1 microsecond' where id = %s",
    "update pupil set marks = '[2:2]={77}' where id = %s",
    "update pupil set ratio = ratio + 1e-10 where id = %s",
    "delete from pupil where id = %s",
]


def test_rows_changed_past_the_log_are_found_though_nothing_else_happened(mesh, pupils):
    keys = range(100, 100 + 150 * len(DAMAGES), 150)
    for statement, key in zip(DAMAGES, keys, strict=True):
        tamper(mesh, 2, statement % key)
    tamper(mesh, 3, "insert into pupil (id) values (77000)")
    report = look(mesh)
    assert found(report) == sorted((log_name(mesh, pupils), str(k)) for k in (*keys, 77000))
    changed = next(d for d in report.differences if d.key == "100").states
    assert changed[1].content == changed[3].content != changed[2].content
    assert not report.undecided
    assert not report.problems


def test_one_value_in_one_row_is_enough(mesh, pupils):
    """No other damage beside it whose search would find it as well."""
    tamper(mesh, 2, "update pupil set ratio = ratio + 1e-10 where id = 77")
    assert found(look(mesh)) == [(log_name(mesh, pupils), "77")]


def test_rows_of_a_table_with_a_key_of_two_columns_are_found_by_it(mesh, pupils):
    tamper(mesh, 3, "update seat set pupil = 5 where (room, place) = ('r4', 4)")
    assert found(look(mesh)) == [(log_name(mesh, "seat"), '["r4", "4"]')]
    assert found(look(mesh, tables=[log_name(mesh, pupils)])) == []


def test_many_differences_on_all_nodes_are_all_found(mesh, pupils):
    tamper(mesh, 1, "update pupil set name = 'x' where id % 10 = 1")
    tamper(mesh, 2, "delete from pupil where id % 10 = 2")
    tamper(mesh, 3, "insert into pupil (id) select g from generate_series(5001, 5300) g")
    keys = [str(i) for i in (*range(1, ROWS + 1, 10), *range(2, ROWS + 1, 10), *range(5001, 5301))]
    assert found(look(mesh)) == sorted((log_name(mesh, pupils), key) for key in keys)


def test_a_row_that_is_parked_on_one_node_only_is_found(mesh, pupils):
    mesh.admin(2, "select mesh.park('of_no_table', '5', 'table', 'so that no sweep places it')")
    try:
        report = look(mesh)
        assert found(report) == [("of_no_table", "5")]
        assert {n: s.reason for n, s in report.differences[0].states.items()} == {
            1: None,
            2: "table",
            3: None,
        }
    finally:
        mesh.admin(2, "delete from mesh.parked")
    assert look(mesh).well


def test_column_order_and_settings_of_sessions_make_no_difference(mesh, pupils):
    mesh.admin(3, "alter database firstbell set datestyle = 'German'")
    mesh.admin(3, "alter database firstbell set bytea_output = 'escape'")
    mesh.admin(3, "alter database firstbell set extra_float_digits = -10")
    with mesh.connect(2, "postgres") as db, db.cursor() as cursor:
        cursor.execute("set mesh.ddl = 'local'; set session_replication_role = replica")
        cursor.execute("alter table pupil add column n2 text; update pupil set n2 = name")
        cursor.execute("alter table pupil drop column name")
        cursor.execute("alter table pupil rename column n2 to name")
        cursor.execute("select mesh.attach('pupil'::regclass)")
    db.close()
    try:
        report = look(mesh)
        assert (found(report), report.problems) == ([], [])
        assert report.rows[log_name(mesh, pupils)] == ROWS
    finally:
        mesh.admin(3, "alter database firstbell reset all")


def test_under_writes_on_all_nodes_there_is_no_false_alarm_and_damage_is_found(mesh, pupils):
    """Hot rows, swaps of unique values, deletes and new rows, from three writers, while passes run."""
    stop = threading.Event()
    # One row's changes take their time to be applied on node 3: it often is in flight when somebody looks.
    mesh.admin(
        3,
        "set mesh.ddl = 'local'; create function public.slow() returns trigger language plpgsql as"
        " 'begin perform pg_sleep(0.1); return new; end';"
        " create trigger slow before update on pupil for each row when (old.id = 60) execute function slow();"
        " alter table pupil enable replica trigger slow; reset mesh.ddl",
    )

    def arrived(query: str, *args: object) -> None:
        """Nobody writes faster than all nodes apply on this machine: rows are in flight, but no queue grows."""
        for node in mesh.numbers:
            wait_until(lambda node=node: stop.is_set() or mesh.sql(node, query, *args), seconds=60)

    def trickle() -> None:
        i = 0
        while not stop.wait(0.15):
            i += 1
            mesh.sql(1, "update pupil set name = %s where id = 60", f"slow {i}")
            arrived("select 1 from pupil where id = 60 and name = %s", f"slow {i}")

    def write(node: int) -> None:
        db = mesh.connect(node)
        db.autocommit = True
        i = 0
        with db.cursor() as cursor:
            while not stop.wait(0.04):
                i += 1
                hot = 1 + i * 7 % 20
                for statement, args in (
                    ("update pupil set name = %s where id = %s", (f"{node}/{i}", hot)),
                    ("update pupil set mail = %s where id = %s", (f"claimed {i % 5}", hot)),
                    # of one writer only: where changes cross, the row is settled from the log, which mends it
                    ("update pupil set name = %s where id = %s", (f"{i}", 50 + node)),
                    ("delete from pupil where id = %s", (100 + i % 50,)),
                    ("insert into pupil (id, name) values (%s, 'new')", (100 + i * 3 % 50,)),
                    ("insert into pupil (id) values (%s)", (node * 1_000_000 + i,)),
                ):
                    try:
                        cursor.execute(statement, args)
                    except (
                        psycopg2.errors.UniqueViolation,
                        psycopg2.errors.DeadlockDetected,
                    ):
                        continue
                arrived("select 1 from pupil where id = %s", node * 1_000_000 + i)
        db.close()

    for node in mesh.numbers:
        mesh.sql(node, "select 1")  # connected, before threads share it
    pool = ThreadPoolExecutor(len(mesh.numbers) + 1)
    writers = [*(pool.submit(write, node) for node in mesh.numbers), pool.submit(trickle)]
    try:
        for _ in range(4):
            report = look(mesh, wait_seconds=30)
            assert (found(report), report.problems) == ([], [])
        tamper(mesh, 2, "update pupil set marks = null where id in (51, 1000)")  # 51 is hot
        report = look(mesh, wait_seconds=30)
        assert found(report) == [(log_name(mesh, pupils), key) for key in ("1000", "51")], report
    finally:
        stop.set()
        pool.shutdown()
    for writer in writers:
        writer.result()  # raises what ended it early: then nobody wrote meanwhile
    mesh.level()
    mesh.admin(3, "set mesh.ddl = 'local'; drop function public.slow() cascade; reset mesh.ddl")


@contextlib.contextmanager
def hot_row(mesh: Nodes, every: float):
    """Row 51 is written on node 1 meanwhile, each so many seconds."""
    stop = threading.Event()

    def write() -> None:
        with contextlib.closing(mesh.connect(1)) as db, db.cursor() as cursor:
            db.autocommit = True
            while not stop.wait(every):
                cursor.execute("update pupil set name = clock_timestamp()::text where id = 51")

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            yield
        finally:
            stop.set()
        writer.result()


def assert_its_damage_is_found(mesh: Nodes, pupils: str) -> None:
    tamper(mesh, 2, "update pupil set marks = null where id = 51")
    report = look(mesh, wait_seconds=30)
    assert (found(report), report.undecided) == ([(log_name(mesh, pupils), "51")], [])


def test_a_row_that_is_written_all_the_time_is_decided(mesh, pupils):
    with hot_row(mesh, every=0.004):
        assert look(mesh, wait_seconds=30).well
        assert_its_damage_is_found(mesh, pupils)
    mesh.level()


def test_a_row_that_is_written_all_the_time_is_decided_though_a_node_stays_behind(mesh, pupils):
    """Each change of the row is applied on node 3 a second after it was written: it is never seen as it is elsewhere."""
    mesh.admin(
        3,
        "set mesh.ddl = 'local';"
        " create function public.late() returns trigger language plpgsql as $$ begin perform pg_sleep("
        " 1 - extract(epoch from clock_timestamp() - new.name::timestamptz)::float); return new; end $$;"
        " create trigger late before update on pupil for each row when (old.id = 51) execute function late();"
        " alter table pupil enable replica trigger late; reset mesh.ddl",
    )
    try:
        with hot_row(
            mesh, every=0.15
        ):  # slower than a busy machine applies it: it must not come to be later
            assert_its_damage_is_found(mesh, pupils)
    finally:
        mesh.admin(3, "set mesh.ddl = 'local'; drop function public.late() cascade; reset mesh.ddl")
    mesh.level()


def test_rows_that_a_cut_off_node_lacks_are_not_called_differences(mesh, pupils):
    mesh.cut(3, 1)
    mesh.sql(1, "insert into pupil (id) values (9001)")
    report = look(mesh, wait_seconds=0.5)
    mesh.heal(3, 1)
    assert report.differences == []
    assert "host3 lacks changes that host1 has" in report.problems
    mesh.level()
    assert look(mesh).well


def test_a_table_with_another_form_on_one_node_is_named_and_the_others_are_compared(mesh, pupils):
    with mesh.connect(2, "postgres") as db, db.cursor() as cursor:
        cursor.execute("set mesh.ddl = 'local'; alter table seat add column extra int")
        cursor.execute("select mesh.attach('seat'::regclass)")
    db.close()
    tamper(mesh, 1, "update pupil set name = 'x' where id = 9")
    report = look(mesh)
    assert found(report) == [(log_name(mesh, pupils), "9")]
    assert any("seat" in problem for problem in report.problems)


@pytest.mark.parametrize(
    ("damage", "undo", "named"),
    [
        ("create index seen on pupil (name)", "drop index seen", "index seen of table .* is not on host1, host3"),
        (
            "alter table pupil add constraint rich check (ratio > 0) not valid",
            "alter table pupil drop constraint rich",
            "constraint rich of table .* is not on host1, host3",
        ),
        (
            "alter table pupil alter name set default 'x'",
            "alter table pupil alter name drop default",
            "column name .* is not the same everywhere: host1: text; host2: text default 'x'",
        ),
        (
            "alter table seat alter pupil set not null",
            "alter table seat alter pupil drop not null",
            "column pupil .* host2: bigint not null; host3: bigint$",
        ),
    ],
)  # fmt: skip
def test_what_decides_about_rows_is_the_same_on_all_nodes_or_named(
    mesh, pupils, damage, undo, named
):
    here = "set mesh.ddl = 'local'; {}; reset mesh.ddl"
    mesh.admin(2, here.format(damage))
    try:
        report = look(mesh, wait_seconds=1)
        (problem,) = report.problems
        assert re.search(named, problem)
        assert report.rows[log_name(mesh, pupils)] == ROWS, "rows are compared all the same"
    finally:
        mesh.admin(2, here.format(undo))
    assert look(mesh).well


def test_a_truncate_and_a_schema_change_meanwhile_are_no_alarm(mesh, pupils):
    mesh.sql(2, "truncate pupil")
    mesh.ddl(3, "alter table seat add column note text default 'x'")
    report = look(mesh)
    mesh.level()
    assert report.differences == []
    assert look(mesh).well


def test_a_node_that_is_away_is_named_and_the_others_are_compared(mesh, pupils):
    tamper(mesh, 1, "delete from pupil where id = 9")
    mesh.kill(3)
    try:
        report = look(mesh)
    finally:
        mesh.start(3)
    assert found(report) == [(log_name(mesh, pupils), "9")]
    assert any("host3" in problem for problem in report.problems)
    mesh.level()


def test_a_run_that_can_not_see_its_own_damage_fails(mesh, pupils, monkeypatch):
    monkeypatch.setattr(Node, "digest", lambda self, table, afresh: (1, 1, 0))
    with pytest.raises(Untrustworthy, match="can't be trusted"):
        look(mesh)
    monkeypatch.undo()
    assert look(mesh).well


def test_damage_that_a_killed_run_left_in_the_scratch_table_is_mended(mesh, pupils, monkeypatch):
    monkeypatch.setattr(run.scratch, "restore", lambda nodes: None)
    look(mesh)
    monkeypatch.undo()
    assert look(mesh).planted == 3
    for table in SCRATCH:
        for node in mesh.numbers:
            assert mesh.admin(node, f"table {table} except table mesh_verify.pristine") == []
            assert mesh.admin(node, f"table mesh_verify.pristine except table {table}") == []


def test_the_command_says_what_differs_where_with_exit_codes(mesh, pupils):
    files = Files(mesh.folder / "cluster.toml")
    files.passwords = CREDENTIALS
    equal = CliRunner().invoke(command, [], obj=files)
    assert (equal.exit_code, "all nodes are equal" in equal.output) == (0, True), equal.output
    tamper(mesh, 2, "update pupil set name = 'other' where id = 5")
    shown = CliRunner().invoke(command, [], obj=files)
    assert shown.exit_code == 1
    assert "host2: name='other'" in shown.output
    plan = CliRunner().invoke(command, ["--json"], obj=files)
    assert plan.exit_code == 1
    (difference,) = json.loads(plan.output)["differences"]
    assert difference["key"] == "5"
    assert difference["hosts"]["host2"]["row"]["name"] == "other"
    with pytest.raises(ClusterError, match="no replicated table nonsense"):
        look(mesh, tables=["nonsense"])


def test_two_runs_at_once_are_refused(mesh, pupils):
    with mesh.connect(2, "postgres") as db, db.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtext('mesh.verify'))")
        with pytest.raises(ClusterError, match="another verify or repair is running on host2"):
            look(mesh)
    db.close()
    wait_until(lambda: look(mesh).well, 10, "the lock is gone")
