"""Snapshots in a real Postgres: they survive all nodes, and Postgres may be away."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from pycrdt import Doc, Map

from tests.realtime.support import (
    Page,
    PostgresServer,
    Process,
    RealtimeNode,
    new_session,
    token,
    until,
    wait_until,
)
from tests.realtime.test_relay import keep_pinging

Launch = Callable[[Process], None]


class StoringNode(RealtimeNode):
    """A node with Postgres; it needn't be ready to count as started."""

    def __init__(self, number: int, folder: Path, postgres: PostgresServer) -> None:
        super().__init__(number, folder, REALTIME_DATABASE_URL=postgres.url)

    def start(self, ready: bool = False) -> None:
        super().start(ready)


def stored(postgres: PostgresServer, session: str) -> dict[int, dict[str, object]]:
    """Node → what its row shows."""
    found = {}
    for node, state in postgres.rows(session).items():
        doc: Doc = Doc()
        show = doc.get("show", type=Map)
        doc.apply_update(state)
        found[node] = show.to_py() or {}
    return found


async def test_a_snapshot_survives_the_restart_of_all_nodes(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    nodes = [StoringNode(number, tmp_path, postgres) for number in (1, 2)]
    for node in nodes:
        launch(node)
    session = new_session()
    for node, values in zip(nodes, ({"blank": "black"}, {"lesson": "x"}), strict=True):
        teacher = await Page.hello(node, token(session))
        teacher.change(**values)

    def each_wrote() -> bool:  # the second may have read what the first had written already
        rows = stored(postgres, session)
        return set(rows) == {1, 2} and (rows[1].get("blank"), rows[2].get("lesson")) == (
            "black",
            "x",
        )

    await until(each_wrote, "each node to write its own row")
    for node in nodes:
        node.kill()
    launch(nodes[0])
    board = await Page.hello(nodes[0], token(session, "board", "b"))
    await board.shows(blank="black", lesson="x")
    assert set(stored(postgres, session)) == {1, 2}


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_a_live_session_goes_on_while_postgres_is_down_and_is_written_later(
    tmp_path: Path, postgres: PostgresServer, launch: Launch, how: str
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    node.wait_ready()
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    teacher.change(blank="a")
    await board.shows(blank="a")
    pinging = asyncio.create_task(keep_pinging(teacher, board))
    await asyncio.to_thread(postgres.stop if how == "stopped" else postgres.freeze)
    teacher.change(blank="b")
    await board.shows(blank="b")
    await until(lambda: node.get("/readyz")[0] == 503, "the node to say so")
    assert "snapshots" in node.get("/readyz")[1]["reasons"][0]
    teacher.change(blank="c")
    await board.shows(blank="c")
    late = await Page.hello(node, token(session, "board", "late"))
    await late.shows(blank="c")
    await asyncio.to_thread(postgres.start if how == "stopped" else postgres.thaw)
    await until(lambda: stored(postgres, session).get(1) == {"blank": "c"}, "the late write")
    await until(lambda: node.get("/readyz")[0] == 200, "the node to be ready again")
    pinging.cancel()


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_a_session_opened_without_postgres_does_not_overwrite_its_snapshot(
    tmp_path: Path, postgres: PostgresServer, launch: Launch, how: str
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    node.wait_ready()
    session = new_session()
    teacher = await Page.hello(node, token(session))
    teacher.change(blank="old", lesson="kept")
    await until(lambda: stored(postgres, session), "the first snapshot")
    node.kill()
    postgres.stop() if how == "stopped" else postgres.freeze()
    launch(node)
    teacher = await Page.hello(node, token(session))
    teacher.change(at="new")
    board = await Page.hello(node, token(session, "board", "b"))
    await board.shows(at="new")
    pinging = asyncio.create_task(keep_pinging(teacher, board))
    await until(lambda: node.get("/readyz")[0] == 503, "the node to say so")
    await asyncio.to_thread(postgres.start) if how == "stopped" else postgres.thaw()
    await board.shows(lesson="kept")
    merged = {"blank": "old", "lesson": "kept", "at": "new"}
    await until(lambda: stored(postgres, session) == {1: merged}, "the merged row")
    pinging.cancel()


async def test_a_missing_table_is_said_and_needs_no_restart(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    run(postgres, "ALTER TABLE realtime_snapshot RENAME TO elsewhere")
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    reasons = await until(lambda: node.get("/readyz")[1].get("reasons"), "a reason")
    await until(
        lambda: "realtime_snapshot" in str(node.get("/readyz")[1].get("reasons")), str(reasons)
    )
    run(postgres, "ALTER TABLE elsewhere RENAME TO realtime_snapshot")
    await asyncio.to_thread(node.wait_ready)


def run(postgres: PostgresServer, sql: str) -> None:
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql)


async def test_a_broken_row_does_not_hide_the_others(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    node.wait_ready()
    session = new_session()
    doc: Doc = Doc()
    doc.get("show", type=Map)["blank"] = "white"
    with postgres.connect() as connection, connection.cursor() as cursor:
        for number, state in ((2, b"\xff\xffgarbage"), (3, doc.get_update())):
            cursor.execute(
                "INSERT INTO realtime_snapshot VALUES (%s, %s, %s, now())", (session, number, state)
            )
    board = await Page.hello(node, token(session, "board", "b"))
    await board.shows(blank="white")


async def test_a_revocation_survives_a_restart(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    session, pairing = new_session(), new_session()
    teacher = await Page.hello(node, token(session))
    teacher.say("pair.revoke", pairing=pairing)
    await until(lambda: pairing in teacher.boards, "the revocation in the document")
    node.signal(signal.SIGTERM)
    assert await asyncio.to_thread(node.wait) == 0
    launch(node)
    board = await Page.open(node)
    board.say("hello", protocol=1, token=token(session, "board", pairing))
    assert (await board.hear("error"))["code"] == "revoked"


async def test_sigterm_asks_to_move_and_closes_with_1012_what_is_left(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    node.wait_ready()
    session = new_session()
    teacher = await Page.hello(node, token(session))
    node.signal(signal.SIGTERM)
    assert (await teacher.hear("move"))["within_seconds"] == 1
    assert node.get("/readyz")[1]["reasons"][0] == "draining"
    teacher.change(blank="last")
    await teacher.is_closed(1012)
    assert await asyncio.to_thread(node.wait) == 0
    assert stored(postgres, session) == {1: {"blank": "last"}}


async def test_sigterm_writes_the_last_change(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    node.environ["REALTIME_DRAIN_SECONDS"] = "0"
    launch(node)
    node.wait_ready()
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    teacher.change(blank="first")
    await until(lambda: stored(postgres, session), "the regular write of this second")
    teacher.change(blank="last")
    await board.shows(blank="last")
    node.signal(signal.SIGTERM)  # sooner than the next regular write
    assert await asyncio.to_thread(node.wait) == 0
    assert stored(postgres, session) == {1: {"blank": "last"}}


async def test_sigterm_ends_the_process_though_postgres_hangs(
    tmp_path: Path, postgres: PostgresServer, launch: Launch
) -> None:
    node = StoringNode(1, tmp_path, postgres)
    launch(node)
    node.wait_ready()
    teacher = await Page.hello(node, token(new_session()))
    postgres.freeze()
    teacher.change(blank="x")
    await asyncio.to_thread(
        wait_until, lambda: node.get("/livez")[0] == 200, "the node to answer meanwhile"
    )
    node.signal(signal.SIGTERM)
    assert await asyncio.to_thread(node.wait, 12) == 0
    postgres.thaw()
