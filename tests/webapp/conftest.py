"""Fixtures of the web application's tests.

postgres   a throwaway Postgres of this test run
database   its URL, migrated, with the demo schools
media_root where this run's figures go
api        a running gunicorn on both
visitor    a client that is not signed in
teacher    a client signed in as ada, whose lessons are gone at the start
tess       the user name of a teacher whom no other test has; <name>@school.example is hers
stranger   a client signed in as grace, who teaches at another school
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webapp.support import (
    PASSWORD,
    Api,
    Client,
    Postgres,
    environment,
    manage,
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres.create()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def media_root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="firstbell-host-"))
    media = folder / "media"
    media.mkdir()
    yield media
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def database(postgres: Postgres, media_root: Path) -> str:
    for command in ("migrate", "seed_demo"):
        done = manage(environment(postgres.url, media_root), command)
        assert done.returncode == 0, done.stderr
    return postgres.url


@pytest.fixture(scope="session")
def api(database: str, media_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    server = Api(environment(database, media_root), tmp_path_factory.mktemp("api") / "log")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _people(database: str, media_root: Path) -> Iterator[str]:
    names = [f"tess-{number}" for number in range(60)]
    code = (
        "from webapp.accounts.models import *; from django.contrib.auth.hashers import make_password;"
        "s = School.objects.get(name='Firstbell Demo School');"
        f"p = make_password('{PASSWORD}');"
        "User.objects.bulk_create([User(username=n, email=n + '@school.example', password=p, school=s)"
        f" for n in {names}])"
    )
    done = manage(environment(database, media_root), "shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return iter(names)


@pytest.fixture
def tess(_people: Iterator[str]) -> str:
    return next(_people)


@pytest.fixture
def visitor(api: Api) -> Client:
    return Client(api)


@pytest.fixture(scope="session")
def _teacher(api: Api) -> Client:
    client = Client(api)
    assert client.sign_in("ada").status_code == 200
    return client


@pytest.fixture
def teacher(_teacher: Client) -> Client:
    for row in _teacher.get("lessons").json()["results"]:
        assert _teacher.delete(f"lessons/{row['id']}").status_code == 204
    return _teacher


@pytest.fixture(scope="session")
def stranger(api: Api) -> Client:
    client = Client(api)
    assert client.sign_in("grace").status_code == 200
    return client
