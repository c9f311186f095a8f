"""The same store on SQLite and on Postgres."""

import concurrent.futures
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from provisioner.errors import ProvisionerError
from provisioner.lifecycle import Failure, Kind, State, Wanted
from provisioner.store import Store, meta, now
from tests.support.ports import free_port
from tests.support.postgres import as_postgres, bin_folder, new_data


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="office-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    port, tools, data = free_port(), bin_folder(), folder / "data"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    quiet = {**as_postgres(), "check": True, "cwd": folder, "stdout": subprocess.DEVNULL}
    new_data(data, "p")
    subprocess.run([tools / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"],
                   **quiet)  # fmt: skip
    try:
        yield f"postgresql+psycopg2://p@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([tools / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path) -> Iterator[Store]:
    if request.param == "sqlite":
        made = Store(f"sqlite:///{tmp_path}/p.sqlite")
    else:
        made = Store(request.getfixturevalue("postgres_url"))
    made.prepare()
    made.prepare()  # done again, it changes nothing
    yield made
    made.dispose()


def add(store: Store, name: str, **more: object) -> int:
    values = {
        "name": name, "template": "t", "provider": "p", "owner": "ada", "variables": {"n": 1},
        "ttl_seconds": 60, "keep": False, "state": State.REQUESTED, "wanted": Wanted.PRESENT,
        "open": True, "created_at": now(), **more,
    }  # fmt: skip
    with store.change() as db:
        return db.add_environment(**values)


def test_what_is_written_is_read_back_as_it_was(store: Store):
    moment = datetime(2026, 11, 21, 5, 0, 0, 123456, tzinfo=UTC)
    failure = Failure("why", "task")
    id = add(store, "same", expires_at=moment, failure=failure, credentials=[{"password": "x"}])
    found = store.environment("same")
    assert found is not None
    assert (found.id, found.expires_at, found.failure) == (id, moment, failure)
    assert (found.state, found.variables) == (State.REQUESTED, {"n": 1})
    with store.change() as db:
        run = db.add_run(environment_id=id, provider="p", kind=Kind.CREATE, attempt=1)
        db.set_environment(id, open=False, state=State.GONE, credentials=None, ended_at=moment)
        db.audit("ada", "create", "same", "x")
    assert store.runs(id) == [run]
    assert store.environment("same").credentials is None
    with store.change() as db:
        assert run.id in db.delete_closed_before(moment + timedelta(seconds=1))
    assert store.environment("same") is None


def test_a_name_has_one_open_bearer_also_when_many_ask_at_once(store: Store):
    def one(_: int) -> int | None:
        try:
            return add(store, "once")
        except IntegrityError:
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = [id for id in pool.map(one, range(8)) if id is not None]
    assert len(ids) == 1
    with store.change() as db:
        db.set_environment(ids[0], open=False, state=State.GONE)
    again = add(store, "once")
    assert store.environment("once").id == again


def test_a_change_that_fails_leaves_nothing(store: Store):
    def half() -> None:
        with store.change() as db:
            db.audit("ada", "half", None, "")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with store.look() as db:
        assert "half" not in [a.what for a in db.audits()]


def test_a_database_of_a_newer_version_is_refused(store: Store):
    with store.change() as db:
        db._db.execute(meta.update().where(meta.c.key == "schema").values(value="99"))
    try:
        with pytest.raises(ProvisionerError, match="schema version 99"):
            store.prepare()
    finally:
        with store.change() as db:
            db._db.execute(meta.update().where(meta.c.key == "schema").values(value="1"))
