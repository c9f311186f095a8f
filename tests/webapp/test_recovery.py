"""webapp/recovery and parked accounts, on a real mesh of two nodes with an API on each."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nodes import CREDENTIALS, Nodes, running_mesh, wait_until
from tests.webapp.support import Api, Client, environment, error_of, manage, new_lesson, uuid7

ADMIN_PASSWORD = "operator-of-the-school"
DUTCH = {"Accept-Language": "nl"}


@pytest.fixture(scope="module")
def mesh() -> Iterator[Nodes]:
    with running_mesh(2) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def apis(mesh: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Api]]:
    folder = tmp_path_factory.mktemp("recovery")
    found = {}
    for node in mesh.numbers:
        port = mesh.topology.host(node).ports.postgres
        url = f"postgres://firstbell:{CREDENTIALS.app}@127.0.0.1:{port}/firstbell"
        env = environment(url, folder) | {
            "FIRSTBELL_DB_ENGINE": "webapp.multimaster",
            "FIRSTBELL_NODE": str(node),
            "FIRSTBELL_WORKERS": "1",
            "FIRSTBELL_DEMO_ADMIN_PASSWORD": ADMIN_PASSWORD,
        }
        found[node] = Api(env, folder / f"api{node}.log")
    for command in ("migrate", "seed_demo"):
        done = manage(found[1].env, command)
        assert done.returncode == 0, done.stderr
    mesh.level()
    for api in found.values():
        api.start()
    yield found
    for api in found.values():
        api.stop()


@pytest.fixture
def ada(mesh: Nodes, apis: dict[int, Api]) -> dict[int, Client]:
    """Ada with one session, by the node she asks."""
    first, second = Client(apis[1]), Client(apis[2])
    assert first.sign_in("ada").status_code == 200
    second.session, second.csrf_token = first.session, first.csrf_token
    mesh.level()
    return {1: first, 2: second}


def operator(api: Api, username: str = "admin", password: str = ADMIN_PASSWORD) -> Client:
    """Somebody signed in to the admin, with cookies of their own."""
    client = Client(api)
    form = {"username": username, "password": password, "next": "/admin/"}
    answer = post_form(client, "/admin/login/", form)
    assert answer.status_code == 302, answer.text
    return client


def post_form(client: Client, path: str, form: dict[str, str]):
    page = client.session.get(client.api.url(path), timeout=30)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token, page.text
    return client.session.post(
        client.api.url(path),
        data=form | {"csrfmiddlewaretoken": token[1]},
        allow_redirects=False,
        timeout=30,
    )


def shown(client: Client, path: str) -> str:
    answer = client.session.get(client.api.url(path), timeout=30)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def cut(mesh: Nodes) -> None:
    mesh.cut(1, 2)
    mesh.cut(2, 1)


def heal(mesh: Nodes) -> None:
    mesh.heal(1, 2)
    mesh.heal(2, 1)
    mesh.level()


def entry(page: str, text: str) -> str:
    """The address of the listed entry whose line has this text."""
    line = next(line for line in page.split("<tr>") if text in line)
    found = re.search(r'href="(/admin/recovery/lostchange/[^"]+)"', line)
    assert found, line
    return found[1]


def test_an_operator_sees_what_a_teacher_lost_and_gives_it_back(mesh, apis, ada):
    lesson = new_lesson(ada[1], title="Before")
    mesh.level()
    cut(mesh)
    for node, title in ((1, "Lost"), (2, "Won")):
        body = {
            "title": title,
            "markdown": "# One\n",
            "version": uuid7(),
            "base_version": lesson["version"],
        }
        assert ada[node].put(f"lessons/{lesson['id']}", body).status_code == 200
    heal(mesh)
    assert ada[1].get(f"lessons/{lesson['id']}").json()["title"] == "Won"
    boss = operator(apis[2])
    page = shown(boss, "/admin/recovery/lostchange/")
    assert "an update lost to an update" in page
    assert ">ada<" in page  # who lost, and who won
    address = entry(page, lesson["id"])
    assert "Lost" in shown(boss, address)
    boss.session.headers.update(DUTCH)
    dutch = shown(boss, address)
    assert "Verloren wijzigingen" in dutch
    assert "Verloren: ada, op node 1," in dutch
    assert "Kies wat je wilt terugzetten." in post_form(boss, address, {}).text
    del boss.session.headers["Accept-Language"]
    refused = post_form(boss, address, {})
    assert "Choose what to restore" in refused.text
    done = post_form(boss, address, {"restore:title": "on", "value:title": "Lost"})
    assert done.status_code == 302, done.text
    mesh.level()
    assert ada[1].get(f"lessons/{lesson['id']}").json()["title"] == "Lost"
    mesh.assert_equal("lessons_lesson", "django_admin_log")
    again = post_form(boss, address, {"restore:title": "on", "value:title": "Lost"})
    assert again.status_code == 302
    actor = mesh.admin(
        1, "select actor from mesh.change where tbl = 'lessons_lesson' order by hlc desc limit 1"
    )
    assert actor == mesh.admin(1, "select id::text from accounts_user where username = 'admin'")


def test_a_row_changed_since_is_restored_only_when_the_operator_says_so(mesh, apis, ada):
    lesson = new_lesson(ada[1], title="Before")
    mesh.level()
    cut(mesh)
    versions = {1: uuid7(), 2: uuid7()}
    for node, title in ((1, "Lost"), (2, "Won")):
        body = {
            "title": title,
            "markdown": "# One\n",
            "version": versions[node],
            "base_version": lesson["version"],
        }
        assert ada[node].put(f"lessons/{lesson['id']}", body).status_code == 200
    heal(mesh)
    body = {
        "title": "Newer",
        "markdown": "# One\n",
        "version": uuid7(),
        "base_version": versions[2],
    }
    assert ada[2].put(f"lessons/{lesson['id']}", body).status_code == 200
    mesh.level()
    boss = operator(apis[1])
    address = entry(shown(boss, "/admin/recovery/lostchange/"), lesson["id"])
    refused = post_form(boss, address, {"restore:title": "on", "value:title": "Lost"})
    assert "the row was changed again at" in refused.text
    assert (
        post_form(
            boss, address, {"restore:title": "on", "value:title": "Lost", "anyway": "on"}
        ).status_code
        == 302
    )
    mesh.level()
    assert ada[2].get(f"lessons/{lesson['id']}").json()["title"] == "Lost"


def test_lost_changes_are_for_superusers_only(mesh, apis):
    mesh.sql(1, "update accounts_user set is_staff = true where username = 'grace'")
    try:
        grace = operator(apis[1], "grace", "firstbell-demo")
        for path in ("/admin/recovery/lostchange/", "/admin/recovery/lostchange/1_3A1/"):
            assert grace.session.get(apis[1].url(path), timeout=30).status_code == 403
        assert "Lost changes" not in shown(grace, "/admin/")
    finally:
        mesh.sql(1, "update accounts_user set is_staff = false where username = 'grace'")
        mesh.level()


def register(mesh: Nodes, node: int, username: str, email: str = "") -> str:
    """A new teacher of ada's school with ada's password, made on one host."""
    person = uuid7()
    mesh.sql(
        node,
        "insert into accounts_user (id, password, last_login, is_superuser, username, first_name, last_name, email,"
        " is_staff, is_active, date_joined, school_id) select %s, password, last_login, false, %s, first_name, last_name,"
        " %s, false, true, now(), school_id from accounts_user where username = 'ada'",
        person,
        username,
        email,
    )
    return person


def test_who_took_a_name_a_moment_too_early_is_told_and_loses_nothing_else(mesh, apis):
    cut(mesh)
    loser = register(mesh, 1, "mary")
    mary = Client(apis[1])
    assert mary.sign_in("mary").status_code == 200
    lesson = new_lesson(mary, title="Kept")
    winner = register(mesh, 2, "mary")
    heal(mesh)
    wait_until(
        lambda: (
            [(winner,)] == mesh.sql(1, "select id::text from accounts_user where username = 'mary'")
        ),
        what="the later one has the name",
    )
    for path in ("session", "lessons"):
        told = mary.get(path)
        assert told.status_code == 409, told.text
        assert error_of(told)["code"] == "name_taken"
        assert "username “mary” was taken" in error_of(told)["message"]
        assert list(error_of(told)["fields"]) == ["username"]
        dutch = error_of(mary.get(path, headers=DUTCH))
        assert (dutch["code"], list(dutch["fields"])) == ("name_taken", ["username"])
        assert "elders gebruikersnaam “mary” in gebruik genomen" in dutch["message"]
    mesh.sql(2, "update accounts_user set password = '!' where id = %s", winner)
    mesh.level()
    assert error_of(Client(apis[2]).sign_in("mary"))["code"] == "name_taken"
    assert error_of(Client(apis[2]).sign_in("mary", "wrong"))["code"] == "wrong_credentials"

    boss = operator(apis[2])
    address = entry(shown(boss, "/admin/recovery/lostchange/"), f'"field-key">{loser}<')
    taken = post_form(boss, address, {"restore:first_name": "on", "value:first_name": "Ada"})
    assert "Give it another value" in taken.text
    done = post_form(boss, address, {"restore:username": "on", "value:username": "mary.l"})
    assert done.status_code == 302, done.text
    mesh.level()
    mesh.assert_equal("accounts_user", "lessons_lesson")
    again = mary.get("session")  # the very session
    assert again.status_code == 200, again.text
    assert again.json()["user"]["username"] == "mary.l"
    assert mary.get(f"lessons/{lesson['id']}").json()["title"] == "Kept"


def test_who_registered_an_address_a_moment_too_early_is_told_and_loses_nothing_else(mesh, apis):
    """Of two accounts with one address, written differently, whose names don't clash."""
    cut(mesh)
    loser = register(mesh, 1, "mara", "Mara@school.example")
    mara = Client(apis[1])
    assert mara.sign_in("mara").status_code == 200
    lesson = new_lesson(mara, title="Kept")
    winner = register(mesh, 2, "mara.b", "mara@School.example")
    heal(mesh)
    wait_until(lambda: mara.get("session").status_code == 409, what="the later one has the address")
    mesh.level()
    for node in (1, 2):
        assert mesh.sql(
            node, "select id::text from accounts_user where email ilike 'mara@school.example'"
        ) == [(winner,)]
    told = error_of(mara.get("lessons"))
    assert (told["code"], list(told["fields"])) == ("email_taken", ["email"])
    assert "email address “Mara@school.example” was taken" in told["message"]
    assert error_of(Client(apis[2]).sign_in("mara"))["code"] == "email_taken"
    assert "e-mailadres" in error_of(mara.get("session", headers=DUTCH))["message"]

    boss = operator(apis[2])
    address = entry(shown(boss, "/admin/recovery/lostchange/"), f'"field-key">{loser}<')
    values = {"restore:email": "on", "value:email": "mara.l@school.example"}
    done = post_form(boss, address, values)
    assert done.status_code == 302, done.text
    mesh.level()
    mesh.assert_equal("accounts_user", "lessons_lesson")
    assert mara.get("session").json()["user"]["email"] == "mara.l@school.example"
    assert mara.get(f"lessons/{lesson['id']}").json()["title"] == "Kept"


def test_an_unknown_session_is_still_401(mesh, apis):
    visitor = Client(apis[1])
    assert visitor.get("session").status_code == 401
    refused = visitor.get("session", headers=DUTCH | {"Firstbell-Position": "nonsense"})
    assert error_of(refused)["message"].startswith("Firstbell-Position is geen positie")
    assert "Accept-Language" in refused.headers["Vary"]
    visitor.session.cookies.set("firstbell_session", "a" * 32)
    assert visitor.get("session").status_code == 401


def test_templates_are_part_of_the_package():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '"webapp.recovery" = ["templates/**"]' in text
