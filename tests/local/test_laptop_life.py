"""From nothing to a cluster and away again: other sizes, unreachable folders, a clean stop."""

import os
import shutil
import tempfile
from pathlib import Path

import psycopg2
import pytest

from cluster.local import Laptop, ports, state
from tests.local.conftest import FIRST_PORT_BASE, make_dist

PARTS = ("postgres",)


@pytest.fixture
def folder(request):
    """A folder that only root may enter, as a clone in /root is."""
    folder = Path(tempfile.mkdtemp(prefix="firstbell-life-"))
    make_dist(folder / "dist")
    yield folder
    target = (folder / "run").resolve()
    shutil.rmtree(folder)
    shutil.rmtree(target, ignore_errors=True)


def test_another_size_sets_the_old_cluster_aside_and_starts_a_fresh_one(folder, capsys):
    small = Laptop(folder / "run", 1, ports.free_base(FIRST_PORT_BASE), PARTS, folder / "dist")
    larger = Laptop(folder / "run", 2, None, PARTS, folder / "dist")
    try:
        small.up()
        if state.runs_as_root():
            assert (folder / "run").is_symlink(), "postgres can't enter a 0700 folder"
        old_pids = [p.pid for unit in small.units() for p in unit.processes()]
        password = small.secrets.app_password
        larger.up()
        assert "is kept in" in capsys.readouterr().out
        (aside,) = small.state.old.iterdir()
        assert (aside / "hosts/host1/postgres/PG_VERSION").exists()
        assert password in (aside / "secrets.toml").read_text()
        assert [host.name for host in larger.topology.hosts] == ["host1", "host2"]
        psycopg2.connect(larger.dsn(2)).close()
        assert not any(pid in old_pids for unit in larger.units() for pid in pids(unit))
    finally:
        larger.down()
    assert [p for unit in larger.units() for p in unit.processes()] == []
    data = larger.state.postgres_data("host1")
    assert not (data / "postmaster.pid").exists(), "Postgres was not stopped cleanly"


def pids(unit) -> list[int]:
    return [process.pid for process in unit.processes()]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_postgres_runs_as_its_own_user_under_root(folder):
    laptop = Laptop(folder / "run", 1, ports.free_base(FIRST_PORT_BASE), PARTS, folder / "dist")
    try:
        laptop.up()
        users = {p.name(): p.username() for p in laptop.unit(1).processes()}
        assert users["postgres"] == "postgres"
    finally:
        laptop.down()
