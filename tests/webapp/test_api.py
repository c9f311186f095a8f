"""webapp/api: the schema, the shape of errors, the admin and the demo school."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

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
    uuid7,
)

DOCUMENTED = {
    "/api/v1/session": {"get", "post", "delete"},
    "/api/v1/session/password": {"put"},
    "/api/v1/session/passkey": {"post"},
    "/api/v1/session/passkey/options": {"post"},
    "/api/v1/passkeys": {"get", "post"},
    "/api/v1/passkeys/options": {"post"},
    "/api/v1/passkeys/{passkey_id}": {"delete"},
    "/api/v1/password": {"put"},
    "/api/v1/password-resets/{reset_id}": {"put"},
    "/api/v1/sign-ins": {"get", "delete"},
    "/api/v1/sign-ins/{sign_in_id}": {"delete"},
    "/api/v1/invitations": {"get"},
    "/api/v1/invitations/{invitation_id}": {"put", "delete"},
    "/api/v1/invitations/{invitation_id}/account": {"get", "put"},
    "/api/v1/lessons": {"get"},
    "/api/v1/lessons/{lesson_id}": {"get", "put", "delete"},
    "/api/v1/lessons/{lesson_id}/sharing": {"put", "delete"},
    "/api/v1/lessons/{lesson_id}/archive": {"get"},
    "/api/v1/school/lessons": {"get"},
    "/api/v1/imports/{import_id}": {"put"},
    "/api/v1/media/{name}": {"put"},
    "/api/v1/teachings": {"get"},
    "/api/v1/teachings/{teaching_id}": {"get", "put"},
    "/api/v1/teachings/{teaching_id}/lessons/{lesson_id}": {"get"},
    "/api/v1/teachings/{teaching_id}/boards/{pairing_id}": {"delete"},
    "/api/v1/boards": {"get", "delete"},
    "/api/v1/boards/{board_id}": {"put", "delete"},
    "/api/v1/board/pairing": {"delete"},
    "/api/v1/board/rooms": {"get", "delete"},
    "/api/v1/board/rooms/{room_id}": {"delete"},
}


def test_the_schema_is_valid_and_without_warnings(database: str, media_root: Path) -> None:
    done = manage(environment(database, media_root), "spectacular", "--validate", "--fail-on-warn")
    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr


def test_the_schema_tells_every_operation_and_its_errors(visitor: Client) -> None:
    schema = visitor.get("schema").json()
    found: dict[str, set[str]] = {path: set(ways) for path, ways in schema["paths"].items()}
    assert found == DOCUMENTED
    for ways in schema["paths"].values():
        for operation in ways.values():
            assert operation["responses"]["409"]["description"]
            names = {one["name"] for one in operation.get("parameters", [])}
            assert "Firstbell-Position" in names


def test_answers_have_the_fields_that_the_schema_promises(teacher: Client) -> None:
    schema = teacher.get("schema").json()
    lesson = teacher.import_(b"# One", "text/markdown").json()["lessons"][0]
    body = teacher.get(f"lessons/{lesson['id']}").json()
    promised = schema["components"]["schemas"]["ReadLesson"]
    assert set(promised["required"]) == set(promised["properties"]) == set(body)


def test_addresses_that_are_not_there_answer_in_the_one_error_shape(
    visitor: Client, teacher: Client
) -> None:
    for path in ("/api/v1/nothing", "/nothing", "/api/v1/lessons/"):
        answer = teacher.get(path)
        assert answer.status_code in (400, 404)
        error_of(answer)
    answer = teacher.ask("PATCH", f"lessons/{uuid7()}", json={})
    assert answer.status_code == 405
    assert error_of(answer)["code"] == "method_not_allowed"


def test_migrations_say_all_that_the_models_say(database: str, media_root: Path) -> None:
    done = manage(environment(database, media_root), "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout


def test_seeding_the_demo_twice_changes_nothing(
    postgres: Postgres, database: str, media_root: Path
) -> None:
    def rows() -> str:
        query = (
            "SELECT json_agg(t) FROM (SELECT u.id::text, u.username, u.password, u.is_superuser, "
            "s.name FROM accounts_user u LEFT JOIN accounts_school s ON s.id = u.school_id "
            "ORDER BY 1) t"
        )
        command = [str(postgres.programs / "psql"), "-XAtc", query, database]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    before = rows()
    names = {row["username"] for row in json.loads(before)}
    assert {"ada", "grace"} <= names
    done = manage(environment(database, media_root), "seed_demo")
    assert done.returncode == 0, done.stderr
    assert rows() == before


def test_the_demo_lesson_is_complete(database: str, media_root: Path, api: Api) -> None:
    grace = Client(api)
    grace.sign_in("grace")
    done = manage(
        environment(database, media_root),
        "shell",
        "-v0",
        "-c",
        "from webapp.lessons.models import Import; import json;"
        "print(json.dumps(Import.objects.get(id='01900000-0000-7000-8000-000000000021').answer))",
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["warnings"] == []
    (lesson,) = answer["lessons"]
    assert lesson["slide_count"] == 10
    assert grace.get(f"lessons/{lesson['id']}").status_code == 404


@pytest.fixture(scope="module")
def admin(database: str, media_root: Path, api: Api) -> requests.Session:
    env = environment(database, media_root) | {"FIRSTBELL_DEMO_ADMIN_PASSWORD": "demo-admin-pw"}
    assert manage(env, "seed_demo").returncode == 0
    session = requests.Session()
    form = session.get(api.url("/admin/login/"), timeout=10)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
    data = {"username": "admin", "password": "demo-admin-pw", "csrfmiddlewaretoken": token}
    answer = session.post(api.url("/admin/login/?next=/admin/"), data=data, timeout=10)
    assert "Site administration" in answer.text
    return session


@pytest.mark.parametrize(
    "model",
    [
        "accounts/school",
        "accounts/user",
        "lessons/lesson",
        "lessons/import",
        "media/mediafile",
        "teaching/teachingsession",
        "auth/group",
    ],
)
def test_the_admin_lists_and_opens_every_model(
    admin: requests.Session, api: Api, teacher: Client, model: str
) -> None:
    lesson = teacher.import_(b"# One", "text/markdown").json()["lessons"][0]
    teacher.put(f"teachings/{uuid7()}", {"lesson": lesson["id"]})
    page = admin.get(api.url(f"/admin/{model}/"), timeout=10)
    assert page.status_code == 200
    rows = re.findall(rf'href="(/admin/{model}/[^"?]+/change/)"', page.text)
    if model != "auth/group":
        assert rows
        assert admin.get(api.url(rows[0]), timeout=10).status_code == 200


def test_the_admin_has_its_styles(admin: requests.Session, api: Api) -> None:
    page = admin.get(api.url("/admin/"), timeout=10).text
    (style,) = re.findall(r'href="(/static/admin/css/base\.css)"', page)
    answer = requests.get(api.url(style), timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/css")


def test_a_change_in_the_admin_is_a_new_version(
    admin: requests.Session, api: Api, teacher: Client
) -> None:
    # Otherwise a teacher's page that is open just now would overwrite it without being told.
    lesson = teacher.import_(b"# One", "text/markdown").json()["lessons"][0]
    before = teacher.get(f"lessons/{lesson['id']}").json()
    url = api.url(f"/admin/lessons/lesson/{lesson['id']}/change/")
    (token,) = set(re.findall(r'csrfmiddlewaretoken" value="([^"]+)"', admin.get(url).text)) or {""}
    owner = teacher.get("session").json()["user"]["id"]
    form = {"title": "By admin", "markdown": "# A\n\n---\n\n# B", "owner": owner}
    admin.post(
        url, data=form | {"csrfmiddlewaretoken": token}, headers={"Referer": url}, timeout=10
    )
    after = teacher.get(f"lessons/{lesson['id']}").json()
    assert after["title"] == "By admin"
    assert after["version"] != before["version"]
    save = {"title": "T", "markdown": "x", "version": uuid7(), "base_version": before["version"]}
    assert teacher.put(f"lessons/{lesson['id']}", save).status_code == 412


def test_teachers_have_no_way_into_the_admin(api: Api, teacher: Client) -> None:
    answer = teacher.get("/admin/lessons/lesson/", allow_redirects=False)
    assert answer.status_code == 302
    assert "/admin/login/" in answer.headers["Location"]


def test_log_lines_are_json_with_time_and_node(api: Api) -> None:
    lines = api.log.read_text().splitlines()
    parsed = log_lines(api.log)
    assert len(parsed) == len(lines)
    assert all(line["node"] == 3 and line["time"].endswith("+00:00") for line in parsed)
