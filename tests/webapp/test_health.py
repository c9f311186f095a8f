"""webapp/health: /livez and /readyz, and what the API says while its parts are broken."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import requests

from tests.webapp.support import (
    Api,
    Client,
    Postgres,
    environment,
    error_of,
    log_lines,
    manage,
    wait_for,
)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A Postgres of this test alone, which it may stop."""
    server = Postgres.create()
    yield server
    server.remove()


@pytest.fixture
def own_api(own_postgres: Postgres, tmp_path: Path) -> Iterator[Api]:
    media = tmp_path / "media"
    media.mkdir()
    # One worker: each notices and logs for itself, and which of two answers is chance.
    one_worker = {"FIRSTBELL_WORKERS": "1"}
    server = Api(environment(own_postgres.url, media) | one_worker, tmp_path / "log")
    server.start()
    yield server
    server.stop()


def readyz(api: Api) -> requests.Response:
    return requests.get(api.url("/readyz"), timeout=15)


def test_a_running_host_is_alive_and_ready(api: Api) -> None:
    alive = requests.get(api.url("/livez"), timeout=5)
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    ready = readyz(api)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.headers["Cache-Control"] == "no-store"


def test_probes_need_no_known_host_name_and_pages_may_read_them(api: Api) -> None:
    headers = {"Host": "10.0.0.7", "Origin": "http://localhost:8000"}
    answer = requests.get(api.url("/readyz"), headers=headers, timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:8000"
    refused = requests.get(api.url("/api/v1/session"), headers=headers, timeout=5)
    assert refused.status_code == 400
    assert error_of(refused)["code"] == "bad_request"


def test_a_host_says_which_part_is_broken_and_recovers_by_itself(
    own_api: Api, own_postgres: Postgres
) -> None:
    assert "migrations" in readyz(own_api).json()["reasons"][0]
    for command in ("migrate", "seed_demo"):
        assert manage(own_api.env, command).returncode == 0
    wait_for(lambda: readyz(own_api).status_code == 200, "ready after migrate")

    client = Client(own_api)
    assert client.sign_in("ada").status_code == 200

    own_postgres.stop()
    down = readyz(own_api)
    assert down.status_code == 503
    assert down.json()["status"] == "not ready"
    assert down.json()["reasons"][0].startswith("database: ")
    assert requests.get(own_api.url("/livez"), timeout=5).status_code == 200
    refused = client.get("lessons")
    assert refused.status_code == 503
    assert error_of(refused)["code"] == "unavailable"
    assert refused.headers["Access-Control-Allow-Origin"] == "http://localhost:8000"

    own_postgres.start()
    wait_for(lambda: readyz(own_api).status_code == 200, "ready after Postgres came back")
    shutil.rmtree(own_api.env["FIRSTBELL_MEDIA_ROOT"])
    assert readyz(own_api).json()["reasons"][0].startswith("media: ")
    changes = [line["message"] for line in log_lines(own_api.log) if "ready" in line["message"]]
    assert any("ready→not ready database: " in change for change in changes)


def test_a_restart_of_postgres_between_two_requests_fails_neither(
    own_api: Api, own_postgres: Postgres
) -> None:
    for command in ("migrate", "seed_demo"):
        assert manage(own_api.env, command).returncode == 0
    client = Client(own_api)
    client.sign_in("ada")

    def ask(_: int) -> int:
        other = Client(own_api)
        other.session.cookies.update(client.session.cookies)
        return other.get("lessons").status_code

    with ThreadPoolExecutor(6) as pool:
        # Many at once, so that both workers have a connection that will have died.
        assert set(pool.map(ask, range(24))) == {200}
        own_postgres.stop()
        own_postgres.start()
        assert set(pool.map(ask, range(24))) == {200}


def test_a_given_demo_password_is_the_teachers_from_then_on(own_api: Api) -> None:
    """A cloned environment has passwords of its own (role webapp)."""

    def seed(password: str) -> str:
        done = manage(own_api.env | {"FIRSTBELL_DEMO_PASSWORD": password}, "seed_demo")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert manage(own_api.env, "migrate").returncode == 0
    assert "was made or changed" in seed("of-the-image")
    assert "was made or changed" in seed("of-this-clone")
    again = seed("of-this-clone")
    assert "is there" in again
    assert "of-this-clone" not in again, "logs keep what is printed"
    assert Client(own_api).sign_in("ada", "of-this-clone").ok
    assert Client(own_api).sign_in("grace", "of-this-clone").ok


def test_a_node_that_must_not_serve_says_why(own_api: Api, own_postgres: Postgres) -> None:
    """What cluster/watch.py found, as `mesh.unfit_reasons()` tells it."""
    assert manage(own_api.env, "migrate").returncode == 0
    db = psycopg2.connect(own_postgres.url)
    db.autocommit = True
    with closing(db), db.cursor() as cursor:
        cursor.execute("create schema mesh")
        cursor.execute(
            "create function mesh.me() returns smallint language sql as 'select 3::smallint'"
        )
        wait_for(lambda: readyz(own_api).status_code == 200, "ready on a mesh of an older release")
        cursor.execute("create table mesh.unfit (reason text)")
        cursor.execute(
            "create function mesh.unfit_reasons() returns setof text language sql"
            " as 'select reason from mesh.unfit'"
        )
        assert readyz(own_api).status_code == 200
        cursor.execute("insert into mesh.unfit values ('the clock of host3 is 60 s ahead')")
        refused = readyz(own_api)
        assert refused.status_code == 503
        assert refused.json()["reasons"] == ["mesh: the clock of host3 is 60 s ahead"]
        cursor.execute("delete from mesh.unfit")
        assert readyz(own_api).status_code == 200


def test_a_read_only_database_is_not_ready(own_api: Api, own_postgres: Postgres) -> None:
    assert manage(own_api.env, "migrate").returncode == 0
    wait_for(lambda: readyz(own_api).status_code == 200, "ready after migrate")
    own_postgres.stop()
    config = own_postgres.folder / "data" / "postgresql.auto.conf"
    config.write_text(config.read_text() + "default_transaction_read_only = on\n")
    own_postgres.start()
    wait_for(
        lambda: readyz(own_api).json().get("reasons") == ["database: it is read-only"],
        "read-only noticed",
    )
