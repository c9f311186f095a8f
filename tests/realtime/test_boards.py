"""realtime/boards.py: forgotten boards stay out everywhere, remembered ones need no code."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from realtime import tokens
from tests.realtime.support import (
    KEY,
    NatsServer,
    Page,
    PostgresServer,
    Process,
    RealtimeNode,
    new_session,
    pair,
    token,
    until,
)

# as webapp/teaching makes them (tests/webapp/test_boards.py)
TABLES = """
CREATE TABLE teaching_forgottenboard (pairing uuid PRIMARY KEY, forgotten_at timestamptz NOT NULL);
CREATE TABLE teaching_teachingsession (id uuid PRIMARY KEY, boards_forgotten_at timestamptz);
CREATE TABLE teaching_rememberedboard (id uuid PRIMARY KEY, board uuid NOT NULL, owner_id uuid NOT NULL,
  name varchar(60) NOT NULL, forgotten_at timestamptz);
CREATE TABLE accounts_signin (id uuid PRIMARY KEY, ended_at timestamptz);
CREATE TABLE IF NOT EXISTS realtime_snapshot (session uuid, node smallint, state bytea NOT NULL,
  updated_at timestamptz NOT NULL, PRIMARY KEY (session, node));
"""


class Database:
    """One host's database, as far as realtime looks at it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.do(TABLES)

    def do(self, statement: str, *values: Any) -> None:
        connection = psycopg2.connect(self.url, connect_timeout=2)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
        finally:
            connection.close()

    def forget(self, pairing: str) -> None:
        self.do("INSERT INTO teaching_forgottenboard VALUES (%s, now())", pairing)

    def remember(self, board: str, teacher: str, name: str) -> None:
        self.do(
            "INSERT INTO teaching_rememberedboard VALUES (%s, %s, %s, %s)",
            str(uuid.uuid4()), board, teacher, name,
        )  # fmt: skip


@pytest.fixture
def databases(postgres: PostgresServer) -> list[Database]:
    """Two hosts' databases that nothing replicates between: each is as far behind as a test wants."""
    connection = postgres.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE other")
    connection.close()
    other = urlsplit(postgres.url)._replace(path="/other").geturl()
    return [Database(postgres.url), Database(other)]


@pytest.fixture
def nodes(
    nats_servers: list[NatsServer], databases: list[Database], tmp_path: Path,
    launch: Callable[[Process], None],
) -> list[RealtimeNode]:  # fmt: skip
    made = [
        RealtimeNode(
            number + 1,
            tmp_path,
            REALTIME_BACKPLANE="nats",
            REALTIME_NATS_URL=nats_servers[number].url,
            REALTIME_DATABASE_URL=database.url,
        )
        for number, database in enumerate(databases)
    ]
    for node in made:
        launch(node)
    return made


async def is_refused(node: RealtimeNode, board_token: str) -> None:
    page = await Page.open(node)
    page.say("hello", protocol=1, token=board_token)
    assert (await page.hear("error"))["code"] == "revoked"
    await page.is_closed(4403)
    assert not [message for message in page.heard if message["type"] == "welcome"]


async def test_a_board_that_was_forgotten_while_a_node_was_dead_is_refused_there_too(
    nodes: list[RealtimeNode], databases: list[Database]
) -> None:
    session = new_session()
    teacher = await Page.hello(nodes[0], token(session))
    forgotten, kept = [await pair(await Page.open(nodes[1]), teacher) for _ in range(2)]
    on_both = [await Page.hello(node, forgotten["token"]) for node in nodes]
    teacher.say("pair.claim", code="000000")  # wrong, but for once in a million runs
    assert (await teacher.hear("error"))["code"] == "pair.wrong_code"
    nodes[1].kill()
    databases[0].forget(forgotten["pairing"])  # as the API does; the other database is behind
    assert (await on_both[0].hear("error"))["code"] == "revoked"
    await on_both[0].is_closed(4403)
    await is_refused(nodes[0], forgotten["token"])
    nodes[1].start()
    await is_refused(nodes[1], forgotten["token"])
    await Page.hello(nodes[1], kept["token"])
    assert nodes[1].get("/readyz")[1]["wrong_codes"] == 1  # of before it was dead

    # all boards that were paired before: those of a copied token too, of which nobody knows
    copied = token(session, "board", str(uuid.uuid4()), now=0, seconds=2**31)
    databases[0].do(
        "INSERT INTO teaching_teachingsession VALUES (%s, now() - interval '1 minute')", session
    )
    await until_forgotten(nodes[0], copied)
    await Page.hello(nodes[0], kept["token"])


async def test_a_board_that_is_forgotten_while_it_is_off_leaves_the_teachers_list(
    nodes: list[RealtimeNode], databases: list[Database]
) -> None:
    teacher = await Page.hello(nodes[0], token(new_session()))
    boards = [await Page.open(nodes[1]) for _ in range(2)]
    forgotten, kept = [(await pair(board, teacher))["pairing"] for board in boards]
    for board in boards:
        board.close()
    databases[0].forget(forgotten)  # it said so to the API, and closed its page
    await until(lambda: teacher.boards[forgotten]["revoked"], "the list without it")
    assert teacher.boards[kept]["revoked"] is False


async def until_forgotten(node: RealtimeNode, board_token: str) -> None:
    """The node hears of it from its own Postgres, within seconds."""
    for _ in range(100):
        page = await Page.open(node)
        page.say("hello", protocol=1, token=board_token)
        await until(lambda: page.heard, "an answer to hello")  # noqa: B023
        if page.heard[0]["type"] == "error":
            assert page.heard[0]["code"] == "revoked"
            return
        page.close()
        await asyncio.sleep(0.1)
    raise AssertionError("the board is still let in")


async def test_a_remembered_board_is_started_on_without_a_code_by_its_teacher_only(
    nodes: list[RealtimeNode], databases: list[Database]
) -> None:
    ada, eve = str(uuid.uuid4()), str(uuid.uuid4())
    session = new_session()
    teacher = await Page.hello(nodes[0], token(session, subject=ada, name="Ada"))
    stranger = await Page.hello(nodes[0], token(new_session(), subject=eve))
    device_id = str(uuid.uuid4())
    databases[1].remember(device_id, ada, "Room 12")
    board = await Page.open(nodes[1])
    board.say("pair.open", device=tokens.mint_device(device_id, KEY))
    await board.hear("pair.code")

    await waits(teacher, device_id, True)
    await waits(stranger, device_id, False)
    stranger.say("pair.start", board=device_id)
    assert (await stranger.hear("error"))["code"] == "pair.not_remembered"
    teacher.say("pair.start", board=str(uuid.uuid4()))
    assert (await teacher.hear("error"))["code"] == "pair.not_waiting"
    for bad in ("", "room 12"):
        teacher.say("pair.start", board=bad)
        assert (await teacher.hear("error"))["code"] == "bad_frame"

    # the board refuses
    teacher.say("pair.start", board=device_id)
    offer, claimed = await board.hear("pair.offer"), await teacher.hear("pair.claimed")
    assert (offer["teacher_name"], offer["room"]) == ("Ada", "Room 12")
    await waits(teacher, device_id, False)
    teacher.say("pair.confirm", pairing=claimed["pairing"])
    assert (await teacher.hear("error"))["code"] == "pair.too_early"
    board.say("pair.open")
    await board.hear("pair.code")
    teacher.say("pair.confirm", pairing=claimed["pairing"])
    error = await teacher.hear("error")
    assert (error["code"], error["pairing"]) == ("pair.gone", claimed["pairing"])

    # it does not refuse
    teacher.say("pair.start", board=device_id, position="1:5")
    claimed = await teacher.hear("pair.claimed")
    done = await confirmed(teacher, board, claimed["pairing"])
    assert (done["session"], done["position"]) == (session, "1:5")
    assert tokens.verify_device(done["device"], KEY) == device_id
    assert teacher.boards[claimed["pairing"]]["name"] == "Room 12"

    # it is forgotten, and waits again
    databases[1].do("UPDATE teaching_rememberedboard SET forgotten_at = now()")
    again = await Page.open(nodes[1])
    again.say("pair.open", device=done["device"])
    await again.hear("pair.code")
    await waits(teacher, device_id, False)
    teacher.say("pair.start", board=device_id)
    assert (await teacher.hear("error"))["code"] == "pair.not_remembered"


async def waits(teacher: Page, board: str, expected: bool) -> None:
    """Asked until the answer is this: nodes look at their Postgres every two seconds."""
    for _ in range(100):
        teacher.say("pair.waiting", boards=[board])
        if ((await teacher.hear("pair.waiting"))["boards"] == [board]) is expected:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the board's waiting is not {expected}")


async def confirmed(teacher: Page, board: Page, pairing: str) -> dict[str, Any]:
    """Confirm as soon as the board can't refuse any more; its pair.done."""

    def answers() -> list[dict[str, Any]]:
        return [m for m in teacher.heard if m["type"] in ("error", "pair.done")]

    for _ in range(100):
        teacher.say("pair.confirm", pairing=pairing, name="Room 12")
        answer = (await until(answers, "an answer"))[0]
        teacher.heard.remove(answer)
        if answer["type"] == "pair.done":
            return await board.hear("pair.done")
        assert answer["code"] == "pair.too_early"
        board.say("ping", t=1)
        await board.hear("pong")
        await asyncio.sleep(0.25)
    raise AssertionError("it can never be confirmed")
