"""NATS away, too old, or back again: a node starts, says so, and goes on alone meanwhile."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from realtime.backplane import without_password
from realtime.settings import Settings
from tests.realtime.support import (
    NatsServer,
    Page,
    Process,
    RealtimeNode,
    new_session,
    pair,
    token,
    wait_until,
)
from tests.support.ports import free_port

Launch = Callable[[Process], None]


class NodeOfNats(RealtimeNode):
    """A node that needn't be ready to count as started."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(1, folder, REALTIME_BACKPLANE="nats", REALTIME_NATS_URL=url)

    def start(self, ready: bool = False) -> None:
        super().start(ready)


async def pairs_and_relays(node: RealtimeNode) -> None:
    teacher = await Page.hello(node, token(new_session()))
    done = await pair(await Page.open(node), teacher)
    board = await Page.hello(node, done["token"])
    teacher.change(blank="black")
    await board.shows(blank="black")


async def test_without_nats_it_starts_pairs_on_its_own_and_says_that_it_is_not_ready(
    tmp_path: Path, launch: Launch
) -> None:
    routes = [free_port()]
    server = NatsServer("nats0", tmp_path, routes, 0)
    node = NodeOfNats(tmp_path, server.url)
    launch(node)
    status, body = node.get("/rt/readyz")
    assert (status, body["status"]) == (503, "not ready")
    assert server.url in body["reasons"][0]
    await pairs_and_relays(node)
    teacher = await Page.hello(node, token(new_session()))
    teacher.say("pair.claim", code="123456")
    error = await teacher.hear("error")
    assert (error["code"], error["retry"]) == ("pair.unreachable", True)
    launch(server)
    await asyncio.to_thread(node.wait_ready)


async def test_a_nats_server_that_is_too_old_is_named_with_its_version(
    tmp_path: Path, launch: Launch
) -> None:
    port = free_port()
    old = await asyncio.start_server(old_nats, "127.0.0.1", port)
    node = NodeOfNats(tmp_path, f"nats://127.0.0.1:{port}")
    await asyncio.to_thread(launch, node)
    reasons = await asyncio.to_thread(
        wait_until,
        lambda: next((r for r in node.get("/readyz")[1]["reasons"] if "2.8" in r), ""),
        "the version to be named",
    )
    assert "2.9 or newer is needed" in reasons
    await pairs_and_relays(node)
    old.close()


async def old_nats(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As much of a nats-server 2.8.4 as a client needs to connect."""
    writer.write(b'INFO {"server_id":"x","version":"2.8.4","proto":1,"max_payload":1048576}\r\n')
    while line := await reader.readline():
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\n")
            await writer.drain()
    writer.close()


def test_a_password_in_the_url_is_not_shown() -> None:
    assert without_password("nats://ada:secret@127.0.0.1:8301") == "nats://127.0.0.1:8301"
    assert without_password("nats://127.0.0.1:8301") == "nats://127.0.0.1:8301"


async def test_a_dead_node_is_not_waited_for_when_a_code_is_claimed(
    two_nodes: list[RealtimeNode],
) -> None:
    teacher = await Page.hello(two_nodes[0], token(new_session()))
    two_nodes[1].signal(signal.SIGSTOP)
    teacher.say("pair.claim", code="123456")
    error = await teacher.hear("error", seconds=Settings.claim_seconds + 2)
    assert error["code"] == "pair.wrong_code"
    await pairs_and_relays(two_nodes[0])
