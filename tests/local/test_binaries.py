"""Programs of the system: found, and refused with what to do when missing or too old."""

import pytest

from cluster.errors import ClusterError
from cluster.local import binaries


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A machine that has only what the test puts there: `programs("nginx", "nginx/1.22.1")`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(binaries, "_ADMIN_FOLDERS", str(tmp_path))
    monkeypatch.setattr(binaries, "_POSTGRES_FOLDERS", tmp_path / "postgresql")

    def put(name: str, says: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{says}'\n")
        path.chmod(0o755)

    put("nginx", "nginx version: nginx/1.22.1")
    put("nats-server", "nats-server: v2.9.10")
    put("postgresql/15/bin/postgres", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    put("postgresql/15/bin/initdb", "")
    return put


def test_the_newest_postgres_of_several_is_taken(programs):
    programs("postgresql/9.6/bin/postgres", "postgres (PostgreSQL) 9.6.24")
    programs("postgresql/9.6/bin/initdb", "")
    assert binaries.find().postgres.parent.parent.name == "15"


def test_what_is_too_old_is_named_with_its_version_and_the_wanted_one(programs):
    programs("postgresql/15/bin/postgres", "postgres (PostgreSQL) 13.9")
    programs("nats-server", "nats-server: v2.8.4")
    with pytest.raises(ClusterError) as refused:
        binaries.find()
    message = refused.value.message
    assert "PostgreSQL is 13.9" in message
    assert "needs 15 or newer" in message
    assert "nats-server is 2.8.4" in message
    assert "needs 2.9 or newer" in message
    assert "bin/install" in message


def test_what_is_missing_is_named(programs, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(binaries, "_ADMIN_FOLDERS", str(tmp_path / "empty"))
    monkeypatch.setattr(binaries, "_POSTGRES_FOLDERS", tmp_path / "empty")
    with pytest.raises(ClusterError) as refused:
        binaries.find()
    for name in ("PostgreSQL", "nats-server", "nginx"):
        assert name in refused.value.message
