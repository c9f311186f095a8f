"""webapp/accounts: signing in and out, cookies that are unknown or of another school."""

import base64
import contextlib
import re
from hashlib import pbkdf2_hmac

import psycopg2
import requests

from tests.webapp.support import (
    PAGE_ORIGIN,
    PASSWORD,
    Api,
    Client,
    error_of,
    is_uuid7,
    new_lesson,
    uuid7,
)


def test_a_teacher_signs_in_and_is_known_afterwards(visitor: Client) -> None:
    answer = visitor.sign_in("ada")
    assert answer.status_code == 200
    user = answer.json()["user"]
    assert user["username"] == "ada"
    assert user["name"] == "Ada Lovelace"
    assert user["school"]["name"] == "Firstbell Demo School"
    assert is_uuid7(user["id"])
    assert is_uuid7(user["school"]["id"])
    again = visitor.get("session")
    assert again.status_code == 200
    assert again.json()["user"] == user


def test_a_wrong_password_is_refused_with_its_own_code(visitor: Client) -> None:
    for username, password in (("ada", "wrong"), ("nobody", "firstbell-demo")):
        answer = visitor.sign_in(username, password)
        assert answer.status_code == 403
        assert error_of(answer)["code"] == "wrong_credentials"
    assert visitor.get("session").status_code == 401


def test_a_password_is_kept_by_argon2_and_one_of_before_is_hashed_anew_when_it_is_used(
    api: Api, database: str, tess: str
) -> None:
    def kept() -> str:
        with contextlib.closing(psycopg2.connect(database)) as db, db.cursor() as cursor:
            cursor.execute("select password from accounts_user where username = %s", (tess,))
            return cursor.fetchone()[0]

    figures = r"argon2\$argon2id\$v=19\$m=19456,t=2,p=1\$"
    assert re.match(figures, kept())
    of_before = base64.b64encode(pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt", 1000)).decode()
    with contextlib.closing(psycopg2.connect(database)) as db, db, db.cursor() as cursor:
        statement = "update accounts_user set password = %s where username = %s"
        cursor.execute(statement, (f"pbkdf2_sha256$1000$salt${of_before}", tess))
    assert Client(api).sign_in(tess, "wrong").status_code == 403
    assert kept().startswith("pbkdf2_sha256$")
    assert Client(api).sign_in(tess, PASSWORD).status_code == 200
    assert re.match(figures, kept())
    assert Client(api).sign_in(tess, PASSWORD).status_code == 200


def test_a_sign_in_without_a_password_names_the_missing_field(visitor: Client) -> None:
    answer = visitor.ask("POST", "session", json={"username": "ada"})
    assert answer.status_code == 400
    assert "password" in error_of(answer)["fields"]


def test_nobody_signed_in_is_401_everywhere(visitor: Client) -> None:
    for path in ("session", "lessons", f"lessons/{uuid7()}", "teachings"):
        answer = visitor.get(path)
        assert answer.status_code == 401, path
        assert error_of(answer)["code"] == "not_signed_in"


def test_signing_out_ends_the_session_and_may_be_repeated(visitor: Client) -> None:
    visitor.sign_in("ada")
    cookie = visitor.session.cookies["firstbell_session"]
    assert visitor.delete("session").status_code == 204
    assert visitor.delete("session").status_code == 204
    visitor.session.cookies.set("firstbell_session", cookie)
    assert visitor.get("session").status_code == 401


def test_whoever_signs_in_takes_away_sessions_that_expired_and_no_other(
    visitor: Client, teacher: Client, database: str
) -> None:
    db = psycopg2.connect(database)
    db.autocommit = True
    with db.cursor() as cursor:
        cursor.execute(
            "insert into django_session select 'stale-' || n, '', now() - interval '1 minute' from generate_series(1, 3) n"
        )
        visitor.sign_in("ada")
        cursor.execute("select count(*) from django_session where expire_date < now()")
        assert cursor.fetchone() == (0,)
    db.close()
    for client in (visitor, teacher):
        assert client.get("session").status_code == 200


def test_signing_in_twice_is_harmless_even_without_the_csrf_token(visitor: Client) -> None:
    visitor.sign_in("ada")
    visitor.csrf_token = ""
    assert visitor.sign_in("ada").status_code == 200


def test_an_unknown_session_is_401_and_its_cookie_is_kept(api: Api) -> None:
    # The row may be on its way from another host: deleting the cookie would sign out everywhere.
    answer = requests.get(
        api.url("/api/v1/session"), cookies={"firstbell_session": "a" * 32}, timeout=10
    )
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "not_signed_in"
    assert "Set-Cookie" not in answer.headers


def test_a_cookie_of_another_school_sees_none_of_the_lessons(
    teacher: Client, stranger: Client
) -> None:
    lesson = new_lesson(teacher)
    path = f"lessons/{lesson['id']}"
    body = {"title": "Mine", "markdown": "# Mine", "version": uuid7()}
    assert lesson["id"] not in stranger.get("lessons").text
    assert stranger.get(path).status_code == 404
    for base in (None, lesson["version"]):
        answer = stranger.put(path, body | {"base_version": base})
        assert answer.status_code in (404, 412)
        assert "A lesson" not in answer.text
    assert stranger.delete(path).status_code == 404
    assert teacher.get(path).json()["title"] == "A lesson"


def test_an_unsafe_request_without_the_csrf_token_is_refused(teacher: Client) -> None:
    answer = teacher.ask("DELETE", f"lessons/{uuid7()}", headers={"X-CSRFToken": ""})
    assert answer.status_code == 403
    assert error_of(answer)["code"] == "csrf_failed"


def test_another_site_cannot_sign_a_browser_in(visitor: Client) -> None:
    answer = visitor.ask(
        "POST",
        "session",
        json={"username": "ada", "password": "firstbell-demo"},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert error_of(answer)["code"] == "wrong_origin"
    form = {"username": "ada", "password": "firstbell-demo"}
    assert visitor.ask("POST", "session", data=form).status_code == 415


def test_pages_of_the_school_may_read_answers_and_positions(visitor: Client) -> None:
    answer = visitor.get("session")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE_ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Firstbell-Position" in answer.headers["Access-Control-Expose-Headers"]
    other = visitor.get("session", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_preflight_allows_the_headers_that_pages_send(visitor: Client) -> None:
    headers = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-csrftoken,firstbell-position",
    }
    answer = visitor.ask("OPTIONS", f"lessons/{uuid7()}", headers=headers)
    assert answer.status_code == 200
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert {"x-csrftoken", "firstbell-position"} <= {one.strip() for one in allowed.split(",")}


def test_a_session_cookie_is_out_of_reach_for_scripts(visitor: Client) -> None:
    cookie = visitor.sign_in("ada").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
