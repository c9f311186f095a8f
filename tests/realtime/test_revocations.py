"""realtime/revocations.py: a device that was signed out steers no more, whatever its token says."""

import uuid
from collections.abc import Callable
from pathlib import Path

from tests.realtime.support import Page, PostgresServer, Process, RealtimeNode, new_session, token

SIGN_INS = "CREATE TABLE accounts_signin (id uuid PRIMARY KEY, ended_at timestamptz)"


def end(postgres: PostgresServer, sign_in: str) -> None:
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts_signin VALUES (%s, now())", [sign_in])


async def test_a_signed_out_device_is_sent_away_and_its_token_refused_by_all_but_the_board_stays(
    tmp_path: Path, postgres: PostgresServer, launch: Callable[[Process], None]
) -> None:
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(SIGN_INS)
    node = RealtimeNode(1, tmp_path, REALTIME_DATABASE_URL=postgres.url)
    launch(node)
    session, lost, kept = new_session(), str(uuid.uuid4()), str(uuid.uuid4())
    phone = await Page.hello(node, token(session, sign_in=lost))
    laptop = await Page.hello(node, token(session, sign_in=kept))
    board = await Page.hello(node, token(session, "board", str(uuid.uuid4())))
    end(postgres, lost)
    assert (await phone.hear("error"))["code"] == "bad_token"
    await phone.is_closed(4401)
    again = await Page.open(node)
    again.say("hello", protocol=1, token=token(session, sign_in=lost))
    assert (await again.hear("error"))["code"] == "bad_token"
    await again.is_closed(4401)
    laptop.change(blank="black")
    await board.shows(blank="black")


async def test_with_postgres_down_who_was_signed_out_before_stays_out_and_the_others_go_on(
    tmp_path: Path, postgres: PostgresServer, launch: Callable[[Process], None]
) -> None:
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(SIGN_INS)
    node = RealtimeNode(1, tmp_path, REALTIME_DATABASE_URL=postgres.url)
    launch(node)
    session, lost = new_session(), str(uuid.uuid4())
    phone = await Page.hello(node, token(session, sign_in=lost))
    end(postgres, lost)
    await phone.is_closed(4401)
    postgres.stop()
    again = await Page.open(node)
    again.say("hello", protocol=1, token=token(session, sign_in=lost))
    await again.is_closed(4401)
    assert (await Page.hello(node, token(session, sign_in=str(uuid.uuid4())))).close_code is None
