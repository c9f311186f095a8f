"""The drill in CI's form, and proof that it is not blind: what it looks for is put there, and it is seen."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import page
from bench.report import Figure, Plot, Report, read
from tests.drills import __main__ as drill
from tests.drills import (
    checks,
    conflicts,
    control,
    disk,
    durability,
    mail,
    migrate,
    positions,
    skew,
)
from tests.drills.frame import SHORT, Options
from tests.drills.history import LATE, READ, UNKNOWN, WRITE, Event, judge
from tests.drills.kinds import KINDS
from tests.drills.load import Told
from tests.drills.mesh import DrillMesh
from tests.drills.relay import frames, kill, partition, rolling
from tests.support.servers import has_pglogical


def figures(report: Report) -> dict[str, object]:
    return {figure.name: figure.value for figure in report.figures}


def assert_well(run: Callable[[Options], Report]) -> None:
    """The round in CI's form finds nothing wrong."""
    report = run(SHORT)
    assert report.well, figures(report)


def test_three_nodes_are_equal_after_conflicts_a_kill_a_cut_and_schema_changes():
    assert_well(conflicts.conflicts)


@pytest.mark.parametrize("run", [conflicts.kill, conflicts.partition, conflicts.join])
def test_three_nodes_are_equal_after_all_of_them_died_were_cut_apart_or_made_way_for_another(run):
    assert_well(run)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root: it is mounted")
def test_a_node_whose_disk_is_full_stops_nobody_and_comes_back():
    assert_well(disk.disk_full)


def test_writers_do_not_notice_a_migration_that_is_killed_and_run_again():
    assert_well(migrate.migrate)


def test_no_write_that_a_peer_acknowledged_is_lost_with_its_host():
    assert_well(durability.durability)


def test_each_mail_arrives_once_while_providers_misbehave_and_a_host_dies():
    assert_well(mail.mail)


@pytest.mark.parametrize("run", [rolling.rolling, kill.kill, partition.partition, frames.frames])
def test_lessons_go_on_while_realtime_is(run):
    """Restarted, killed, cut in two, sent thousands of wrong frames."""
    assert_well(run)


def test_a_node_whose_clock_is_wrong_stops_in_time_and_comes_back():
    assert_well(skew.skew)


def test_a_later_write_that_lost_to_an_earlier_one_is_seen():
    writes = [
        skew.Write(1, 10, 1, 0.0, 0.1),
        skew.Write(1, 11, 2, 2.5, 2.6),
        skew.Write(2, 12, 2, 2.5, 2.6),
    ]
    late = {10: (5_000_000, 1), 11: (2_500_000, 2), 12: (2_500_000, 2)}
    assert skew.eaten(writes, late) == [pytest.approx(2.4)]
    assert skew.eaten(writes, late | {11: (5_000_001, 2)}) == []
    together = [skew.Write(1, 10, 1, 0.0, 3.0), skew.Write(1, 11, 2, 2.5, 2.6)]
    assert skew.eaten(together, late) == []


def test_no_client_is_silently_shown_the_past_and_without_the_wait_some_are():
    assert_well(positions.positions)


@pytest.mark.skipif(
    not has_pglogical(), reason="plain pglogical is not installed: bin/install-yardsticks"
)
def test_the_same_writes_make_a_plain_pglogical_mesh_differ_or_stall():
    assert_well(control.run)


ORDER = {("r", "a"): [(1, 1)], ("r", "b"): [(2, 2)], ("r", "c"): [(2, 3)], ("r", "a again"): [(1, 2), (4, 1)]}  # fmt: skip


def broken(*events: tuple[str, str | None]) -> dict[str, int]:
    """What `judge` finds in a client's events of one register."""
    found = judge("someone", [Event(kind, "r", value) for kind, value in events], ORDER)  # type: ignore[arg-type]
    return dict(found.broken)


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ([("write", "b"), ("read", "a")], WRITE),
        ([("write", "b"), ("read", "b"), ("read", "a")], WRITE),
        ([("read", "b"), ("read", "a")], READ),
        ([("read", "c"), ("read", "b")], READ),
        ([("told", "b"), ("read", "a")], READ),
        ([("read", "b"), ("read", None)], READ),
        ([("read", "b"), ("write", "a")], LATE),
        ([("read", "never written")], UNKNOWN),
    ],
)
def test_a_history_that_breaks_a_session_guarantee_is_seen(events, rule):
    assert broken(*events) == {rule: 1}


@pytest.mark.parametrize(
    "events",
    [
        [("read", None), ("read", "a"), ("write", "b"), ("read", "b"), ("read", "c")],
        [("read", "b"), ("older", None), ("read", "a")],
        [("read", "a again"), ("read", "b"), ("read", "a again")],
        [("read", "c"), ("write", "a again"), ("read", "a again")],
    ],
)
def test_a_history_that_may_be_is_not_called_broken(events):
    assert broken(*events) == {}


@pytest.fixture(scope="module")
def mesh():
    with DrillMesh(2) as nodes:
        for kind in ("row", "bundle", "foreign-key"):
            for statement in KINDS[kind].schema:
                nodes.ddl(1, statement)
        nodes.sql(1, "insert into d_bundle values (1, 'whole')")
        nodes.sql(
            1, "insert into d_bundle_row select 1, part, 'whole' from generate_series(1, 7) part"
        )
        assert checks.wait_equal(nodes, 60) == []
        yield nodes


def quietly(mesh: DrillMesh, node: int, statement: str) -> None:
    """Change one node alone, behind the change log's back."""
    mesh.admin(node, "set session_replication_role = replica")
    mesh.admin(node, statement)
    mesh.admin(node, "set session_replication_role = origin")


def test_a_row_that_one_node_alone_has_is_seen(mesh):
    quietly(mesh, 2, "insert into d_row (id, a) values (77, 'only here')")
    assert checks.wait_equal(mesh, 1) == ["d_row"]
    assert checks.differing_rows(mesh) == {"d_row": ["77"]}
    quietly(mesh, 2, "delete from d_row where id = 77")
    assert checks.wait_equal(mesh, 5) == []


def test_a_row_that_is_parked_on_one_node_alone_is_seen(mesh):
    mesh.admin(2, "select mesh.park('of_no_table', '5', 'table', 'so that no sweep places it')")
    found = checks.differing_rows(mesh)
    mesh.admin(2, "delete from mesh.parked")
    assert found == {"parked rows": ["of_no_table 5"]}


@pytest.mark.parametrize(
    "damage",
    [
        "update d_bundle_row set mark = 'other' where part = 3",
        "delete from d_bundle_row where part = 7",
        "delete from d_bundle",
        "update d_bundle set mark = 'undone'",
    ],
)
def test_a_transaction_that_is_there_in_part_is_seen(mesh, damage):
    with mesh.connect(2, "postgres") as db, db.cursor() as cursor:
        cursor.execute(checks.HALF_BUNDLES)
        assert cursor.fetchall() == []
        cursor.execute("set session_replication_role = replica")
        cursor.execute(damage)
        cursor.execute(checks.HALF_BUNDLES)
        assert cursor.fetchall() == [(1,)]
        db.rollback()
    db.close()


def test_a_child_without_its_parent_is_seen(mesh):
    quietly(mesh, 1, "insert into d_class values (1, 999, 'orphan')")
    found = checks.orphans(mesh)
    quietly(mesh, 1, "delete from d_class")
    assert found == {"d_class.school": 1}


def test_an_acknowledged_write_that_is_gone_is_seen(mesh):
    assert checks.lost_marks(mesh, [Told(acknowledged={1: "whole"})]) == []
    assert checks.lost_marks(mesh, [Told(acknowledged={1: "older"}, in_doubt={1: {"whole"}})]) == []
    assert len(checks.lost_marks(mesh, [Told(acknowledged={1: "newer"})])) == 2


def test_an_error_of_an_apply_worker_is_told_from_one_that_trying_again_mends(tmp_path: Path):
    log = tmp_path / "log"
    line = "2026-01-01 00:00:00 UTC [7] {} ERROR:  {}\n"
    worker = "logical replication worker"
    log.write_text(
        line.format(worker, "null value in column 7") + line.format(worker, "deadlock detected")
        + line.format("client backend", "duplicate key value")
    )  # fmt: skip
    bad, again = checks.apply_errors(log)
    assert dict(bad) == {"null value in column N": 1}
    assert dict(again) == {"deadlock detected": 1}


def test_the_page_shows_each_figure_and_plot_without_asking_the_network(tmp_path: Path):
    told = Report(
        "one", "A <title>", "what it is",
        figures=[Figure("lost", 3, "rows", "0", False)], plots=[Plot("Speed", "tps", ["a", "b"], {"x": [1.5, None]})],
        conditions={"cores": 2},
    )  # fmt: skip
    told.write(tmp_path)
    assert read(tmp_path / "one.json") == told
    text = page.write(tmp_path, "Title", "Lead").read_text()
    assert "A &lt;title&gt;" in text
    assert "✗ missed" in text
    assert "<svg" in text
    assert "<script" not in text
    assert "src=" not in text
    assert "url(" not in text


def test_a_round_that_does_not_exist_is_misuse(capsys: pytest.CaptureFixture[str]):
    assert drill.main(["earthquake"]) == 2
    assert "there are conflicts" in capsys.readouterr().err


def test_every_round_stands_in_the_readme():
    readme = Path(__file__).with_name("README.md").read_text()
    assert [name for name in drill.ROUNDS if f"| `{name}` |" not in readme] == []
