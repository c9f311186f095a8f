"""One socket: who may come in, what it may send, and what a bad one can't break."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import time
import urllib.request
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError

from realtime import presence, protocol
from tests.drills.relay.wire import HANDSHAKE
from tests.realtime.support import (
    ORIGIN,
    Page,
    Process,
    RealtimeNode,
    new_session,
    pair,
    token,
    until,
)


async def still_works(node: RealtimeNode) -> None:
    """The node relays a change from a teacher to a board."""
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    teacher.change(blank="black")
    await board.shows(blank="black")
    teacher.close()
    board.close()


async def test_hello_is_answered_as_documented(node: RealtimeNode) -> None:
    session = new_session()
    page = await Page.open(node)
    page.say("hello", protocol=1, token=token(session), standby=True)
    welcome = await page.hear("welcome")
    assert protocol.check_fields(welcome, protocol.SERVER["welcome"]) == ""
    assert (welcome["session"], welcome["role"]) == (session, "teacher")
    page.say("ping", t=12.5)
    pong = await page.hear("pong")
    assert pong["t"] == 12.5
    assert 0 <= pong["load"] <= 1
    assert protocol.check_fields(pong, protocol.SERVER["pong"]) == ""
    assert abs(pong["now"] / 1000 - time.time()) < 60


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lambda: "garbage", "bad_token"),
        (lambda: token(new_session(), key="another key of more than 32 bytes!"), "bad_token"),
        (lambda: token(new_session(), role="admin"), "bad_token"),
        (lambda: token(new_session(), seconds=-60), "expired_token"),
    ],
    ids=["garbage", "another school's", "unknown role", "expired"],
)
async def test_a_token_that_does_not_count_is_refused_and_the_socket_closed(
    node: RealtimeNode, bad: object, code: str
) -> None:
    page = await Page.open(node)
    page.say("hello", protocol=1, token=bad())  # type: ignore[operator]
    error = await page.hear("error")
    assert (error["code"], error["retry"]) == (code, False)
    await page.is_closed(4401)


async def test_a_token_opens_its_own_session_only(node: RealtimeNode) -> None:
    mine, other = new_session(), new_session()
    teacher = await Page.hello(node, token(mine))
    stranger = await Page.hello(node, token(other))
    stranger_board = await Page.hello(node, token(other, "board", "b"))
    teacher.change(blank="white")
    stranger.change(blank="black")
    await stranger_board.shows(blank="black")
    late = await Page.hello(node, token(mine, "board", "b"))
    await late.shows(blank="white")
    stranger.say("pair.confirm", pairing=new_session())
    assert (await stranger.hear("error"))["code"] == "pair.gone"


@pytest.mark.parametrize("boards_draw", [False, True])
async def test_a_board_is_read_only_whether_or_not_it_may_draw(
    node: RealtimeNode, boards_draw: bool
) -> None:
    """What boards draw is offered in awareness and written by a teacher's page: no host takes it."""
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    teacher.change(boards_draw=boards_draw, blank="")
    await board.shows(blank="")
    board.change(blank="black")
    assert (await board.hear("error"))["code"] == "read_only"
    board.send(protocol.encode_binary(protocol.STEP2, board.doc.get_update()))
    for kind in ("pair.confirm", "pair.reject", "pair.revoke"):
        board.say(kind, pairing=new_session())
        assert (await board.hear("error"))["code"] == "read_only"
    board.say("pair.claim", code="123456")
    assert (await board.hear("error"))["code"] == "read_only"
    board.say("ping", t=1)
    await board.hear("pong")
    fresh = await Page.hello(node, token(session))
    await fresh.shows(blank="")
    assert teacher.show["blank"] == ""


async def test_a_boards_awareness_reaches_the_teacher_and_those_who_come_later(
    node: RealtimeNode,
) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    state = presence.encode([(7, 1, said("board", pairing="b", name="Zoë"))])
    board.send(protocol.encode_binary(protocol.AWARENESS, state))
    await until(lambda: state in teacher.awareness, "the board's awareness")
    late = await Page.hello(node, token(session))
    await until(lambda: state in late.awareness, "the known awareness")
    board.close()
    gone = presence.encode([(7, 1, b"null")])
    await until(lambda: gone in teacher.awareness, "the board to be announced as gone")


def said(role: str, **more: object) -> bytes:
    return json.dumps({"role": role, **more}, ensure_ascii=False).encode()


async def test_a_board_speaks_for_itself_only(node: RealtimeNode) -> None:
    """It can't call itself a teacher or another board, nor change or remove what a teacher's page says of itself."""
    session = new_session()
    teacher = await Page.hello(node, token(session))
    watching = await Page.hello(node, token(session, "board", "other"))
    ada = presence.encode([(7, 5, said("teacher", name="Ada"))])
    teacher.send(protocol.encode_binary(protocol.AWARENESS, ada))
    await until(lambda: ada in watching.awareness, "the teacher's presence")
    for lie in (
        [(9, 1, said("teacher", name="Ada"))],
        [(9, 1, said("board", pairing="other"))],
        [(9, 1, said("board"))],
        [(9, 1, b'{"name": "Ada"}')],
        [(9, 1, b"7")],
        [(7, 6, said("board", pairing="b"))],
        [(7, 6, b"null")],
        [(8, 1, said("board", pairing="b")), (7, 6, b"null")],
    ):
        board = await Page.hello(node, token(session, "board", "b"))
        board.send(protocol.encode_binary(protocol.AWARENESS, presence.encode(lie)))
        assert (await board.hear("error"))["code"] == "bad_frame", lie
        board.close()
    ada = presence.encode([(7, 6, said("teacher", name="Ada", pointer=None))])
    teacher.send(protocol.encode_binary(protocol.AWARENESS, ada))
    await until(lambda: ada in watching.awareness, "what the teacher's page says next")
    assert len(watching.awareness) == 2


async def test_bad_frames_are_told_and_the_fifth_closes(node: RealtimeNode) -> None:
    page = await Page.hello(node, token(new_session()))
    for frame in ("{", b"\x09", b"\x00\x02\x05abc", protocol.encode_binary("update", b"\xff\x00")):
        page.send(frame)
        assert (await page.hear("error"))["code"] == "bad_frame"
    page.say("ping", t=1)
    await page.hear("pong")
    page.send("[]")
    await page.is_closed(4400)


async def test_frames_in_the_wrong_order_are_told(node: RealtimeNode) -> None:
    page = await Page.open(node)
    page.send(b"\x00\x00\x01\x00")
    assert (await page.hear("error"))["code"] == "bad_frame"
    page.say("pair.claim", code="123456")
    assert (await page.hear("error"))["code"] == "bad_frame"
    page.say("hello", protocol=1, token=token(new_session()))
    await page.hear("welcome")
    page.say("hello", protocol=1, token=token(new_session()))
    assert (await page.hear("error"))["code"] == "bad_frame"


async def test_garbage_from_many_sockets_breaks_nothing(node: RealtimeNode) -> None:
    session = new_session()
    for number in range(20):
        page = await Page.hello(node, token(session))
        for _ in range(20):
            noise = os.urandom(number * 3)
            frame = (b"", b"\x00\x00\x05", b"\x00\x01", b"\x00\x02\x09", b"\x01\x07")[number % 5]
            with contextlib.suppress(WebSocketClosedError):
                page._connection.write_message(frame + noise, binary=True)
        page.close()
    await still_works(node)


async def test_large_frames_are_refused_and_huge_ones_close_their_own_socket_only(
    node: RealtimeNode,
) -> None:
    page = await Page.hello(node, token(new_session()))
    page.send("x" * 20_000)
    assert (await page.hear("error"))["code"] == "too_large"
    page.send(b"\x00" * (3 * 1024 * 1024 + 1))
    assert (await page.hear("error"))["code"] == "too_large"
    page.send(b"\x01\x81\x80\x02" + b"x" * 32769)
    assert (await page.hear("error"))["code"] == "too_large"
    page.send(b"\x00" * (5 * 1024 * 1024))
    await until(lambda: page.closed, "the socket to be closed")
    await still_works(node)


async def test_who_sends_too_fast_is_told_and_loses_nothing_in_the_end(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    for number in range(3000):
        teacher.say("ping", t=number)
    teacher.change(blank="the last frame, dropped")
    assert (await teacher.hear("error"))["code"] == "too_fast"
    await board.shows(blank="the last frame, dropped")
    assert sum(message["type"] == "pong" for message in teacher.heard) < 2500


async def test_a_page_of_another_origin_gets_no_socket(node: RealtimeNode) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await Page.open(node, origin="http://evil.example")
    assert refused.value.code == 403
    assert await Page.open(node, origin=ORIGIN)


async def test_a_silent_socket_is_closed_and_one_that_pings_is_not(node: RealtimeNode) -> None:
    silent = await Page.hello(node, token(new_session()))
    lively = await Page.hello(node, token(new_session()))
    for number in range(40):
        if silent.closed:
            break
        lively.say("ping", t=number)
        await asyncio.sleep(0.4)  # the page's own rhythm, not a wait
    await silent.is_closed(4408)
    assert not lively.closed


def raw_hello(port: int, its_token: str) -> socket.socket:
    """A websocket that says hello and never reads again: a page on a dead line."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", port))
    raw.sendall(
        f"GET /rt/v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: {ORIGIN}\r\n\r\n".encode()
    )
    assert b"101" in raw.recv(200)
    send_raw(raw, json.dumps({"type": "hello", "protocol": 1, "token": its_token}).encode())
    return raw


def send_raw(raw: socket.socket, message: bytes, binary: bool = False) -> None:
    head = struct.pack(">BBH", 0x82 if binary else 0x81, 0x80 | 126, len(message))
    raw.sendall(head + b"\x00" * 4 + message)


async def test_a_page_that_does_not_read_is_dropped_and_memory_stays_bounded(
    node: RealtimeNode,
) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    raw = raw_hello(node.port, token(session, "board", "slow"))
    try:
        for number in range(60):  # 12 MB in all, of which 1 MiB may wait
            teacher.change(ink=str(number) * 131_072, number=number)
            send_raw(raw, b'{"type": "ping", "t": 1}')
            await board.shows(number=number)
        received = await asyncio.to_thread(read_to_the_end, raw)
    finally:
        raw.close()
    assert received.endswith(b"\x11\x39This page reads too slowly.")  # 4409
    assert len(received) < 9_000_000
    again = await Page.hello(node, token(session, "board", "slow"))
    await again.shows(number=59)
    assert not teacher.closed
    assert not board.closed


def large_lesson(teacher: Page, kilobytes: int) -> None:
    for number in range(kilobytes // 100):
        teacher.change(**{f"ink {number}": "x" * 100_000})


async def test_a_large_document_reaches_a_page_on_a_slow_line(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    large_lesson(teacher, 1500)
    await board.shows(**{"ink 14": "x" * 100_000})
    raw = raw_hello(node.port, token(session, "board", "slow"))
    try:
        send_raw(raw, protocol.encode_binary(protocol.STEP1, b"\x00"), binary=True)
        for number in range(4):  # it reads nothing yet, and the lesson goes on
            teacher.change(number=number)
            send_raw(raw, b'{"type": "ping", "t": 1}')
            await board.shows(number=number)
            await asyncio.sleep(0.3)
        received = await asyncio.to_thread(read_for, raw, 2.0)
    finally:
        raw.close()
    assert received.count(b"x") >= 1_500_000
    assert b"slowly" not in received


async def test_who_asks_for_a_large_document_and_never_reads_is_dropped(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    large_lesson(teacher, 1500)
    raw = raw_hello(node.port, token(session, "board", "greedy"))
    try:
        for _ in range(20):
            send_raw(raw, protocol.encode_binary(protocol.STEP1, b"\x00"), binary=True)
        received = await asyncio.to_thread(read_to_the_end, raw)
    finally:
        raw.close()
    assert received.endswith(b"This page reads too slowly.")
    assert received.count(b"x") < 5_000_000


async def test_a_page_brings_a_large_document_back_in_one_frame(node: RealtimeNode) -> None:
    before = await Page.hello(node, token(new_session()))
    large_lesson(before, 1500)
    session = new_session()  # of which this host knows nothing
    teacher = await Page.hello(node, token(session))
    teacher.send(protocol.encode_binary(protocol.STEP2, before.doc.get_update()))
    board = await Page.hello(node, token(session, "board", "b"))
    await board.shows(**{"ink 14": "x" * 100_000})


async def test_a_document_has_a_bound_that_counts_what_it_is_and_not_what_was_written(
    node: RealtimeNode,
) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    for number in range(60):
        teacher.change(ink=str(number % 10) * 100_000, number=number)
        await board.shows(number=number)
    assert not [message for message in teacher.heard if message["type"] == "error"]
    large_lesson(teacher, 3000)
    refused = await teacher.hear("error")
    assert (refused["code"], "full" in refused["message"]) == ("too_large", True)
    await still_works(node)


def read_for(raw: socket.socket, seconds: float) -> bytes:
    """All that comes until there is nothing for so long."""
    raw.settimeout(seconds)
    parts = []
    with contextlib.suppress(TimeoutError):
        while part := raw.recv(65536):
            parts.append(part)
    return b"".join(parts)


def read_to_the_end(raw: socket.socket) -> bytes:
    raw.settimeout(8)  # less than the 10 s after which it would be closed for silence
    parts = []
    while part := raw.recv(65536):
        parts.append(part)
        if part.endswith(b"slowly."):
            break
    return b"".join(parts)


async def test_a_revoked_board_is_sent_away_and_its_token_refused(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    new_board = await Page.open(node)
    done = await pair(new_board, teacher)
    board = await Page.hello(node, done["token"])
    await until(lambda: done["pairing"] in teacher.boards, "the pairing in the document")
    assert teacher.boards[done["pairing"]]["revoked"] is False
    teacher.say("pair.revoke", pairing=done["pairing"])
    await board.is_closed(4403)
    again = await Page.open(node)
    again.say("hello", protocol=1, token=done["token"])
    assert (await again.hear("error"))["code"] == "revoked"
    await again.is_closed(4403)
    await until(lambda: teacher.boards[done["pairing"]]["revoked"], "the document to say so")


async def test_a_board_that_leaves_is_closed_and_its_token_refused(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    done = await pair(await Page.open(node), teacher)
    board = await Page.hello(node, done["token"])
    board.say("pair.leave")
    await board.is_closed(4403)
    again = await Page.open(node)
    again.say("hello", protocol=1, token=done["token"])
    await again.is_closed(4403)


async def test_more_handshakes_than_a_node_takes_are_refused_at_once_and_lessons_go_on(
    tmp_path: Path,
) -> None:
    node = RealtimeNode(1, tmp_path, {"handshakes_burst": 5, "handshakes_per_second": 0.05})
    node.start()
    try:
        page = await Page.hello(node, token(new_session()))
        answers = [await handshake(node) for _ in range(10)]
        assert answers == [101] * 4 + [503] * 6
        page.say("ping", t=1)
        await page.hear("pong")
        await until(lambda: node.get("/rt/readyz")[1]["sockets"] == 1, "those who left to be gone")
        began = time.monotonic()
        while await handshake(node) == 503:
            assert time.monotonic() - began < 30, "as time passes it takes another one"
            await asyncio.sleep(0.5)
        assert await handshake(node) == 503
    finally:
        node.kill()


async def handshake(node: RealtimeNode) -> int:
    """Ask for a socket; the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(HANDSHAKE)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_a_handshake_that_is_no_websocket_is_refused(node: RealtimeNode) -> None:
    def plain() -> int:
        try:
            url = f"http://127.0.0.1:{node.port}/rt/v1/socket"
            return urllib.request.urlopen(url, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code

    assert await asyncio.to_thread(plain) == 400


def test_a_port_that_is_taken_is_named_and_exits_1(node: RealtimeNode) -> None:
    second = RealtimeNode(2, node.log.parent, REALTIME_PORT=str(node.port))
    assert isinstance(second, Process)
    import sys

    second.run([sys.executable, "-m", "realtime"], **second.environ)
    assert second.wait() == 1
    assert str(node.port) in second.log.read_text()
