"""What leaves the change log is on disk first: two nodes without agents, whose keepers are asked by hand."""

import gzip
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.cli import main
from cluster.db import connect
from cluster.log_keeper import LogKeeper
from cluster.topology import ChangeLog
from tests.cluster.test_membership import write_secrets
from tests.cluster.test_mesh import AHEAD
from tests.support.nodes import CREDENTIALS, Nodes, running_mesh

DAY = 24 * 3600 * 1_000_000


@pytest.fixture(scope="module")
def mesh():
    """A mesh of its own: its clocks run days ahead in the end."""
    with running_mesh(2) as nodes:
        nodes.ddl(1, "create table note (id int primary key, v text)")
        nodes.level()
        yield nodes


class Clock:
    days = 0


def pass_days(mesh: Nodes, days: int) -> None:
    Clock.days += days
    for node in mesh.numbers:
        mesh.admin(node, AHEAD, Clock.days * DAY)


def keeper(mesh: Nodes, archive: Path, **change_log) -> LogKeeper:
    topology = replace(mesh.topology, change_log=ChangeLog(**change_log))
    return LogKeeper(topology, topology.host(1), CREDENTIALS, archive)


def turn(keeper: LogKeeper) -> None:
    with connect(keeper.topology, keeper.host, keeper.passwords, autocommit=True) as db:
        keeper.turn(db)


def all_have_heard(mesh: Nodes) -> None:
    for _ in range(4):
        for node in mesh.numbers:
            mesh.admin(node, "select mesh.beat()")
        mesh.level()
        time.sleep(0.3)  # beats travel beside the log


def parts(mesh: Nodes) -> list[str]:
    return [name for (name,) in mesh.admin(1, "select name from mesh.partitions()")]


def an_old_part(mesh: Nodes) -> tuple[str, list[tuple]]:
    """A part that nobody needs any more, and its rows."""
    pass_days(mesh, 2)
    for node in mesh.numbers:
        mesh.admin(node, "select mesh.make_partitions(24)")
    mesh.sql(1, "insert into note select g, E'line\n\"' || g || chr(8364) from generate_series(1, 3) g on conflict (id) do update set v = excluded.v || note.v")  # fmt: skip
    mesh.level()
    mesh.sql(2, "update note set v = null where id = 2")
    mesh.level()
    pass_days(mesh, 3)
    for node in mesh.numbers:
        mesh.admin(node, "select mesh.make_partitions(24)")
    all_have_heard(mesh)
    ((old,),) = mesh.admin(
        1,
        "select relname from mesh.change c join pg_class p on p.oid = c.tableoid where tbl = 'note' order by hlc desc limit 1",
    )
    assert (old,) in mesh.admin(1, "select mesh.prunable(24)")
    return old, rows_of(mesh, old)


def rows_of(mesh: Nodes, part: str) -> list[tuple]:
    return mesh.admin(1, f'select to_jsonb(c) from mesh."{part}" c order by hlc, origin, seq')


def test_a_part_is_dropped_when_it_is_on_disk_and_comes_back_from_there_as_it_was(mesh, tmp_path):
    old, rows = an_old_part(mesh)
    assert len(rows) == 4
    turn(keeper(mesh, tmp_path / "log", keep_hours=24))
    assert old not in parts(mesh)
    file = tmp_path / "log" / f"{old}.csv.gz"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [f.name for f in file.parent.glob("*.draft")] == []
    db = mesh.connect(1, user="postgres")
    with db.cursor() as cursor, gzip.open(file) as packed:
        cursor.execute("create temporary table part (like mesh.change)")
        cursor.copy_expert("copy part from stdin (format csv, header)", packed)
        cursor.execute("select to_jsonb(c) from part c order by hlc, origin, seq")
        assert cursor.fetchall() == rows
    db.close()


def test_a_part_that_can_not_be_archived_stays(mesh, tmp_path):
    old, rows = an_old_part(mesh)
    (tmp_path / "log").write_text("no folder")
    with pytest.raises(OSError, match="log"):
        turn(keeper(mesh, tmp_path / "log", keep_hours=24))
    assert old in parts(mesh)
    assert rows_of(mesh, old) == rows
    (tmp_path / "log").unlink()
    turn(keeper(mesh, tmp_path / "log", keep_hours=24))
    assert old not in parts(mesh)


def test_what_a_killed_agent_wrote_in_part_is_written_anew(mesh, tmp_path):
    old, rows = an_old_part(mesh)
    (tmp_path / f"{old}.csv.draft").write_bytes(b"half")
    (tmp_path / f"{old}.csv.gz.draft").write_bytes(b"half")
    turn(keeper(mesh, tmp_path, keep_hours=24))
    with gzip.open(tmp_path / f"{old}.csv.gz", "rt") as packed:
        assert packed.read().count("note,") == len(rows)


def test_without_an_archive_old_parts_just_go_and_old_files_with_them(mesh, tmp_path):
    old, _ = an_old_part(mesh)
    for age, name in ((31, "change_20200101T00.csv.gz"), (1, "change_20200102T00.csv.gz")):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age * 86400,) * 2)
    turn(keeper(mesh, tmp_path, keep_hours=24, archive_days=30))
    assert min(f.name for f in tmp_path.iterdir()) == "change_20200102T00.csv.gz"
    assert (tmp_path / f"{old}.csv.gz").exists()
    newer, _ = an_old_part(mesh)
    turn(keeper(mesh, tmp_path, keep_hours=24, archive_days=0))
    assert newer not in parts(mesh)
    assert list(tmp_path.iterdir()) == []


def test_conflicts_are_listed_for_a_season_and_no_longer(mesh, tmp_path):
    for seq, age in ((1, "91 days"), (2, "89 days")):
        mesh.admin(
            1,
            "insert into mesh.conflict (loser_origin, loser_seq, tbl, key, loser_hlc, loser_kind, noticed_at)"
            " values (9, %s, 'note', '1', 1, 'U', clock_timestamp() - %s::interval)",
            seq,
            age,
        )
    turn(keeper(mesh, tmp_path))
    assert mesh.admin(1, "select loser_seq from mesh.conflict where loser_origin = 9") == [(2,)]


def test_clusterctl_log_tells_parts_growth_and_who_is_waited_for(mesh):
    write_secrets(mesh)
    all_have_heard(mesh)
    config = ["--config", str(mesh.folder / "cluster.toml"), "log"]
    first, second = json.loads(CliRunner().invoke(main, [*config, "--json"]).stdout)
    assert (first["host"], second["host"]) == ("host1", "host2")
    assert first["parts"][-1]["name"] in parts(mesh)
    assert first["bytes"] > 0
    assert 0 < first["all_have_seconds"] < 600
    assert first["slowest"] in ("host1", "host2")
    said = CliRunner().invoke(main, config)
    assert said.exit_code == 0
    assert "all members have what is older than" in said.stdout
    assert f"  {parts(mesh)[0]}  " in said.stdout
