"""webapp/teaching: sessions, role tokens, what a board may read."""

import subprocess
import time
import uuid
from typing import Any

import jwt
import pytest

from tests.webapp.support import Api, Client, Postgres, error_of, new_lesson, uuid7


def claims_of(token: str, api: Api) -> dict[str, Any]:
    key = api.env["FIRSTBELL_REALTIME_KEY"]
    return dict(jwt.decode(token, key, algorithms=["HS256"], audience="firstbell-realtime"))


def board_token(api: Api, session: str, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "firstbell",
        "aud": "firstbell-realtime",
        "sid": session,
        "role": "board",
        "sub": str(uuid.uuid4()),
        "name": "Room 7",
        "iat": now,
        "exp": now + 3600,
    } | changes
    key = claims.pop("key", api.env["FIRSTBELL_REALTIME_KEY"])
    return jwt.encode(claims, key, algorithm="HS256")


def ask_as_board(visitor: Client, session: str, lesson: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return visitor.get(f"teachings/{session}/lessons/{lesson}", headers=headers)


def test_opening_a_session_gives_a_fresh_teacher_token(teacher: Client, api: Api) -> None:
    lesson, key = new_lesson(teacher), uuid7()
    opened = teacher.put(f"teachings/{key}", {"lesson": lesson["id"]})
    assert opened.status_code == 201
    body = opened.json()
    assert (body["id"], body["lesson"]) == (key, lesson["id"])
    claims = claims_of(body["token"], api)
    me = teacher.get("session").json()["user"]
    assert claims["iss"] == "firstbell"
    assert (claims["sid"], claims["role"]) == (key, "teacher")
    assert (claims["sub"], claims["name"]) == (me["id"], "Ada Lovelace")
    assert claims["exp"] - claims["iat"] == 12 * 3600


def test_repeating_it_is_harmless_and_another_lesson_switches(teacher: Client) -> None:
    first, second, key = new_lesson(teacher), new_lesson(teacher, title="second"), uuid7()
    path = f"teachings/{key}"
    teacher.put(path, {"lesson": first["id"]})
    again = teacher.put(path, {"lesson": first["id"]})
    assert again.status_code == 200
    assert teacher.put(path, {"lesson": second["id"]}).json()["lesson"] == second["id"]
    assert teacher.get(path).json()["lesson"] == second["id"]
    recent = teacher.get("teachings").json()["results"]
    assert recent[0]["id"] == key
    assert recent[0]["lesson_title"] == "second"


def test_a_session_outlives_its_lesson(teacher: Client) -> None:
    lesson, key = new_lesson(teacher), uuid7()
    teacher.put(f"teachings/{key}", {"lesson": lesson["id"]})
    teacher.delete(f"lessons/{lesson['id']}")
    assert teacher.get(f"teachings/{key}").json()["lesson"] is None
    other = new_lesson(teacher)
    answer = teacher.put(f"teachings/{key}", {"lesson": other["id"]})
    assert answer.json()["lesson"] == other["id"]


def test_sessions_and_lessons_of_others_are_not_found(teacher: Client, stranger: Client) -> None:
    lesson, key = new_lesson(teacher), uuid7()
    teacher.put(f"teachings/{key}", {"lesson": lesson["id"]})
    theirs = new_lesson(stranger)
    assert stranger.get(f"teachings/{key}").status_code == 404
    assert stranger.put(f"teachings/{key}", {"lesson": theirs["id"]}).status_code == 404
    assert stranger.put(f"teachings/{uuid7()}", {"lesson": lesson["id"]}).status_code == 404
    assert teacher.get(f"teachings/{key}").json()["lesson"] == lesson["id"]
    assert key not in stranger.get("teachings").text


def test_a_board_reads_the_lesson_without_a_cookie_and_without_the_notes(
    teacher: Client, visitor: Client, api: Api
) -> None:
    lesson = new_lesson(teacher, "# One\n\nNote: a secret\n")
    key = uuid7()
    token = teacher.put(f"teachings/{key}", {"lesson": lesson["id"]}).json()["token"]
    board = ask_as_board(visitor, key, lesson["id"], board_token(api, key))
    assert board.status_code == 200
    assert board.json()["slides"][0]["title"] == "One"
    assert "secret" not in board.text
    seen_by_teacher = ask_as_board(visitor, key, lesson["id"], token)
    whose = {
        "author",
        "mine",
        "shared",
    }  # a token tells of a lesson, not of a person's relation to it
    assert seen_by_teacher.json() == {k: v for k, v in lesson.items() if k not in whose}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"sid": str(uuid.uuid4())}, 403, "wrong_token"),
        ({"exp": int(time.time()) - 60}, 401, "expired_token"),
        ({"key": "k" * 40}, 401, "bad_token"),
        ({"aud": "other"}, 401, "bad_token"),
        ({"iss": "other"}, 401, "bad_token"),
        ({"role": "admin"}, 401, "bad_token"),
    ],
)
def test_a_token_that_does_not_fit_is_refused(
    teacher: Client, visitor: Client, api: Api, changes: dict[str, Any], status: int, code: str
) -> None:
    lesson, key = new_lesson(teacher), uuid7()
    teacher.put(f"teachings/{key}", {"lesson": lesson["id"]})
    answer = ask_as_board(visitor, key, lesson["id"], board_token(api, key, **changes))
    assert answer.status_code == status
    assert error_of(answer)["code"] == code


def test_an_unsigned_token_or_none_is_refused(teacher: Client, visitor: Client) -> None:
    lesson, key = new_lesson(teacher), uuid7()
    teacher.put(f"teachings/{key}", {"lesson": lesson["id"]})
    claims = {"iss": "firstbell", "aud": "firstbell-realtime", "sid": key, "role": "board"}
    unsigned = jwt.encode(claims | {"sub": "x", "iat": 1, "exp": 9**11}, "", algorithm="none")
    assert ask_as_board(visitor, key, lesson["id"], unsigned).status_code == 401
    assert visitor.get(f"teachings/{key}/lessons/{lesson['id']}").status_code == 401
    # A cookie alone opens no door here, not even the teacher's own.
    assert teacher.get(f"teachings/{key}/lessons/{lesson['id']}").status_code == 401


def test_a_board_reads_only_lessons_of_its_teacher(
    teacher: Client, stranger: Client, visitor: Client, api: Api
) -> None:
    lesson, theirs, key = new_lesson(teacher), new_lesson(stranger), uuid7()
    teacher.put(f"teachings/{key}", {"lesson": lesson["id"]})
    token = board_token(api, key)
    assert ask_as_board(visitor, key, theirs["id"], token).status_code == 404
    unknown = uuid7()
    answer = ask_as_board(visitor, unknown, lesson["id"], board_token(api, unknown))
    assert answer.status_code == 404


def test_snapshots_have_the_table_that_realtime_writes(postgres: Postgres, database: str) -> None:
    query = (
        "SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' "
        "ORDER BY a.attnum) || '; ' || (SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = a.attrelid AND contype = 'p') FROM pg_attribute a "
        "WHERE attrelid = 'realtime_snapshot'::regclass AND attnum > 0 GROUP BY attrelid"
    )
    command = [str(postgres.programs / "psql"), "-XAtc", query, database]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert found == (
        "session uuid, node smallint, state bytea, updated_at timestamp with time zone; "
        "PRIMARY KEY (session, node)"
    )
