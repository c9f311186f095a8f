"""webapp/teaching/boards.py: who may remember a board, who sees it, and that what is forgotten has no access."""

import subprocess
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.webapp.support import PASSWORD, Api, Client, Postgres, error_of, new_lesson, uuid7
from tests.webapp.test_teaching import ask_as_board, board_token


@pytest.fixture
def tess_at(api: Api, tess: str) -> Client:
    """A teacher of her own: other tests' boards are not hers."""
    client = Client(api)
    assert client.sign_in(tess, PASSWORD).status_code == 200
    return client


def signed(api: Api, audience: str, seconds: int = 3600, **claims: Any) -> str:
    """As realtime/tokens.py signs."""
    now = int(time.time())
    times = {"iat": now + min(0, seconds), "exp": now + seconds}
    key = api.env["FIRSTBELL_REALTIME_KEY"]
    return jwt.encode({"iss": "firstbell", "aud": audience, **times, **claims}, key)


def me(client: Client) -> str:
    return str(client.get("session").json()["user"]["id"])


def remember(client: Client, board: str, name: str = "Room 12") -> Any:
    proof = signed(client.api, "firstbell-remember", sub=me(client), board=board)
    return client.put(f"boards/{board}", {"name": name, "proof": proof})


def as_board(visitor: Client, board: str) -> dict[str, Any]:
    token = signed(visitor.api, "firstbell-board", sub=board)
    return {"headers": {"Authorization": f"Bearer {token}"}}


def test_a_board_is_remembered_once_renamed_and_forgotten(tess_at: Client) -> None:
    board = str(uuid.uuid4())
    assert remember(tess_at, board).status_code == 201
    assert remember(tess_at, board, "Room 14").status_code == 200
    (row,) = tess_at.get("boards").json()["results"]
    assert (row["board"], row["name"]) == (board, "Room 14")
    for _ in range(2):
        assert tess_at.delete(f"boards/{board}").status_code == 204
    assert tess_at.get("boards").json()["results"] == []


def test_only_who_was_paired_with_a_board_just_now_may_remember_it(
    tess_at: Client, stranger: Client, api: Api
) -> None:
    board, mine = str(uuid.uuid4()), me(tess_at)
    audience = "firstbell-remember"
    bad = {
        "rubbish": "x.y.z",
        "of another board": signed(api, audience, sub=mine, board=str(uuid.uuid4())),
        "of another teacher": signed(api, audience, sub=me(stranger), board=board),
        "too old": signed(api, audience, seconds=-60, sub=mine, board=board),
        "for another use": signed(api, "firstbell-board", sub=mine, board=board),
        "of no board": signed(api, audience, sub=mine, board="12"),
    }
    for why, proof in bad.items():
        answer = tess_at.put(f"boards/{board}", {"name": "Room 12", "proof": proof})
        assert answer.status_code == 403, why
        assert error_of(answer)["code"] == "not_paired"
    assert tess_at.get("boards").json()["results"] == []
    for name in ("", "x" * 61, None):
        assert remember(tess_at, board, name).status_code == 400  # type: ignore[arg-type]
    assert tess_at.put("boards/room-12", {"name": "Room 12", "proof": "x"}).status_code == 400


def test_what_was_forgotten_is_remembered_again_only_after_another_pairing(
    tess_at: Client, visitor: Client, api: Api
) -> None:
    board, mine = str(uuid.uuid4()), me(tess_at)
    audience = "firstbell-remember"
    old = signed(api, audience, sub=mine, board=board)
    assert tess_at.put(f"boards/{board}", {"name": "Room 12", "proof": old}).status_code == 201
    visitor.ask("DELETE", "board/rooms", **as_board(visitor, board))
    again = tess_at.put(f"boards/{board}", {"name": "Room 12", "proof": old})
    assert (again.status_code, error_of(again)["code"]) == (403, "not_paired")
    assert tess_at.get("boards").json()["results"] == []
    claims = {"sub": mine, "board": board, "iat": int(time.time()) + 2}
    fresh = signed(api, audience, **claims)
    assert tess_at.put(f"boards/{board}", {"name": "Room 12", "proof": fresh}).status_code == 200
    assert len(tess_at.get("boards").json()["results"]) == 1


def test_a_teacher_sees_and_forgets_her_own_boards_only(tess_at: Client, stranger: Client) -> None:
    board = str(uuid.uuid4())
    remember(tess_at, board, "Ours")
    remember(stranger, board, "Theirs")
    assert [row["name"] for row in tess_at.get("boards").json()["results"]] == ["Ours"]
    stranger.delete(f"boards/{board}")
    assert [row["name"] for row in tess_at.get("boards").json()["results"]] == ["Ours"]


def test_a_board_sees_for_whom_it_is_remembered_and_forgets_one_or_all(
    tess_at: Client, stranger: Client, visitor: Client
) -> None:
    board, other = str(uuid.uuid4()), str(uuid.uuid4())
    remember(tess_at, board, "Room 12")
    remember(stranger, board, "Physics")
    remember(stranger, other, "Chemistry")
    rooms = visitor.get("board/rooms", **as_board(visitor, board)).json()["results"]
    assert [room["name"] for room in rooms] == ["Room 12", "Physics"]
    assert "Grace Hopper" in [room["teacher"] for room in rooms]
    # not another board's
    visitor.ask("DELETE", f"board/rooms/{rooms[0]['id']}", **as_board(visitor, other))
    assert len(tess_at.get("boards").json()["results"]) == 1
    visitor.ask("DELETE", f"board/rooms/{rooms[0]['id']}", **as_board(visitor, board))
    assert tess_at.get("boards").json()["results"] == []
    assert visitor.ask("DELETE", "board/rooms", **as_board(visitor, board)).status_code == 204
    left = [row["name"] for row in stranger.get("boards").json()["results"]]
    assert left == ["Chemistry"]
    stranger.delete("boards")


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer rubbish", "Basic x"])
def test_a_board_without_a_device_token_is_told_so(visitor: Client, token: str) -> None:
    answer = visitor.get("board/rooms", headers={"Authorization": token} if token else {})
    assert (answer.status_code, error_of(answer)["code"]) == (401, "bad_token")


def test_role_tokens_and_device_tokens_do_not_stand_in_for_one_another(
    tess_at: Client, visitor: Client, api: Api
) -> None:
    lesson, key, board = new_lesson(tess_at), uuid7(), str(uuid.uuid4())
    tess_at.put(f"teachings/{key}", {"lesson": lesson["id"]})
    device = signed(api, "firstbell-board", sub=board)
    assert ask_as_board(visitor, key, lesson["id"], device).status_code == 401
    role = {"headers": {"Authorization": f"Bearer {board_token(api, key)}"}}
    assert visitor.get("board/rooms", **role).status_code == 401


Forget = Callable[[Client, Client, str, str, str], Any]


def by_the_teacher(tess: Client, _: Client, session: str, pairing: str, __: str) -> Any:
    return tess.delete(f"teachings/{session}/boards/{pairing}")


def by_the_board(_: Client, visitor: Client, __: str, ___: str, token: str) -> Any:
    return visitor.ask("DELETE", "board/pairing", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("forget", [by_the_teacher, by_the_board])
def test_a_forgotten_board_reads_nothing_more_and_the_others_go_on(
    tess_at: Client, visitor: Client, api: Api, forget: Forget
) -> None:
    lesson, key = new_lesson(tess_at), uuid7()
    tess_at.put(f"teachings/{key}", {"lesson": lesson["id"]})
    pairing = str(uuid.uuid4())
    lost, kept = board_token(api, key, sub=pairing), board_token(api, key)
    assert ask_as_board(visitor, key, lesson["id"], lost).status_code == 200
    for _ in range(2):
        assert forget(tess_at, visitor, key, pairing, lost).status_code == 204
    answer = ask_as_board(visitor, key, lesson["id"], lost)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "revoked")
    assert ask_as_board(visitor, key, lesson["id"], kept).status_code == 200


def test_forget_all_ends_every_board_of_every_lesson_of_this_teacher(
    tess_at: Client, stranger: Client, visitor: Client, api: Api
) -> None:
    minute_ago = int(time.time()) - 60
    boards = []
    for who in (tess_at, tess_at, stranger):
        lesson, key = new_lesson(who), uuid7()
        who.put(f"teachings/{key}", {"lesson": lesson["id"]})
        boards.append((key, lesson["id"], board_token(api, key, iat=minute_ago)))
    remember(tess_at, str(uuid.uuid4()))
    assert tess_at.delete("boards").status_code == 204
    assert tess_at.get("boards").json()["results"] == []
    statuses = [ask_as_board(visitor, *board).status_code for board in boards]
    assert statuses == [401, 401, 200]
    key, lesson_id, _ = boards[0]
    fresh = board_token(api, key, iat=int(time.time()) + 5)
    assert ask_as_board(visitor, key, lesson_id, fresh).status_code == 200


def test_nobody_forgets_boards_of_another_teachers_lesson(
    tess_at: Client, stranger: Client, visitor: Client, api: Api
) -> None:
    lesson, key, pairing = new_lesson(tess_at), uuid7(), str(uuid.uuid4())
    token = tess_at.put(f"teachings/{key}", {"lesson": lesson["id"]}).json()["token"]
    assert stranger.delete(f"teachings/{key}/boards/{pairing}").status_code == 404
    board = ask_as_board(visitor, key, lesson["id"], board_token(api, key, sub=pairing))
    assert board.status_code == 200
    as_teacher = {"headers": {"Authorization": f"Bearer {token}"}}
    assert visitor.ask("DELETE", "board/pairing", **as_teacher).status_code == 403


def test_the_tables_are_as_realtime_reads_them(postgres: Postgres, database: str) -> None:
    query = (
        "SELECT pairing::uuid, forgotten_at::timestamptz FROM teaching_forgottenboard;"
        "SELECT id::uuid, boards_forgotten_at::timestamptz FROM teaching_teachingsession LIMIT 0;"
        "SELECT board::uuid, owner_id::uuid, name::varchar, forgotten_at::timestamptz FROM teaching_rememberedboard"
    )
    command = [str(postgres.programs / "psql"), "-XAtc", query, database]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
