"""The wire itself: messages in pieces, frames in one packet, what is no websocket, whose connection it is."""

import asyncio
import json
import socket
import struct
import urllib.error
import urllib.request

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from realtime import app, protocol
from realtime.wire import Wire
from tests.drills.relay.wire import BINARY, CLOSE, HANDSHAKE, PING, PONG, TEXT, frame
from tests.realtime.support import Page, RealtimeNode, new_session, token, wait_until

CONTINUED = 0


def piece(opcode: int, payload: bytes) -> bytes:
    """A frame with more to come."""
    whole = frame(opcode, payload)
    return bytes((whole[0] & 0x7F,)) + whole[1:]


class Raw:
    """A client that sends bytes as they are, and reads what a server says: (opcode, payload)."""

    def __init__(self, node: RealtimeNode) -> None:
        self.socket = socket.create_connection(("127.0.0.1", node.port), timeout=8)
        self.socket.sendall(HANDSHAKE)
        self.file = self.socket.makefile("rb")
        assert b" 101 " in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def close(self) -> None:
        """Without a word."""
        self.file.close()
        self.socket.close()

    def read(self) -> tuple[int, bytes]:
        head = self.file.read(2)
        if not head:
            return CLOSE, b""
        size = head[1]
        if size == 126:
            size = int.from_bytes(self.file.read(2))
        return head[0] & 0x0F, self.file.read(size)


def test_a_message_in_pieces_is_one_message(node: RealtimeNode) -> None:
    raw = Raw(node)
    raw.send(
        piece(TEXT, b'{"type": "pi'), piece(CONTINUED, b'ng", "t"'), frame(PING, b"between"), frame(CONTINUED, b": 7}")
    )  # fmt: skip
    assert raw.read() == (PONG, b"between")
    opcode, text = raw.read()
    assert (opcode, json.loads(text)["t"]) == (TEXT, 7)
    raw.close()


async def test_frames_in_one_packet_with_hello_wait_until_it_is_answered(
    node: RealtimeNode,
) -> None:
    """And in their order: hello waits for the snapshot, which takes a while."""
    session = new_session()
    board = await Page.hello(node, token(session, "board", "b"))
    writer = Page.__new__(Page)
    writer.doc, writer.send = type(board.doc)(), (sent := []).append
    writer.show = writer.doc.get("show", type=type(board.show))
    writer.change(blank="black")
    raw = Raw(node)
    hello = {"type": "hello", "protocol": 1, "token": token(session)}
    raw.send(
        frame(TEXT, json.dumps(hello).encode()), frame(BINARY, sent[0]), frame(TEXT, b'{"type": "ping", "t": 1}')
    )  # fmt: skip
    await board.shows(blank="black")
    heard = [await asyncio.to_thread(raw.read) for _ in range(3)]
    kinds = [
        json.loads(p)["type"] if op == TEXT else protocol.parse_binary(p).kind for op, p in heard
    ]
    assert kinds == ["welcome", protocol.STEP1, "pong"]
    raw.close()
    board.close()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(CONTINUED, b"of nothing"), 1002),
        (b"\x82\x05naked", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
    ],
    ids=["not UTF-8", "a piece of nothing", "not masked", "unknown opcode"],
)
def test_what_breaks_the_websocket_itself_closes_it_with_its_code(
    node: RealtimeNode, bad: bytes, code: int
) -> None:
    raw = Raw(node)
    raw.send(bad)
    opcode, payload = raw.read()
    assert (opcode, int.from_bytes(payload[:2])) == (CLOSE, code)
    assert raw.file.read() == b""
    raw.close()


def test_a_page_that_says_goodbye_is_answered_and_forgotten(node: RealtimeNode) -> None:
    def sockets() -> int:
        return node.get("/readyz")[1]["sockets"]

    wait_until(lambda: sockets() == 0, "the sockets of other tests to be gone")
    raw, cut = Raw(node), Raw(node)
    wait_until(lambda: sockets() == 2, "two sockets")
    raw.send(frame(CLOSE, struct.pack(">H", 1000)))
    assert raw.read() == (CLOSE, struct.pack(">H", 1000))
    assert raw.file.read() == b""
    cut.close()
    wait_until(lambda: sockets() == 0, "both to be forgotten")
    raw.close()


def test_who_pings_and_never_reads_is_not_read_from_any_more(node: RealtimeNode) -> None:
    """Answers to pings count in no page's rate, and must not pile up for one that does not take them."""

    def send_all() -> None:
        for _ in range(370):  # 48 MiB; kernel buffers of both sides hold some 10
            raw.socket.sendall(pings)

    raw, pings = Raw(node), frame(PING, bytes(125)) * 1000
    with pytest.raises(TimeoutError):
        send_all()
    assert raw.read() == (PONG, bytes(125))
    assert node.get("/livez")[0] == 200
    raw.close()


@pytest.mark.parametrize(("path", "status"), [("/rt/livez", 200), ("/livez?x=1", 200), ("/rt/nothing", 404)])  # fmt: skip
def test_requests_that_want_no_socket_are_answered(
    node: RealtimeNode, path: str, status: int
) -> None:
    try:
        found = urllib.request.urlopen(f"http://127.0.0.1:{node.port}{path}", timeout=5)
    except urllib.error.HTTPError as error:
        found = error
    assert found.status == status
    found.close()


def test_noise_instead_of_a_request_ends_its_own_connection_only(node: RealtimeNode) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=8) as noise:
        noise.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n\r\n")
        assert noise.recv(100) in (b"", b"HTTP/1.1 400 Bad Request\r\n")
    assert node.get("/livez")[0] == 200


@pytest.mark.parametrize(
    ("headers", "bind", "address"),
    [
        ({}, "127.0.0.1", "10.0.0.1"),
        ({"X-Forwarded-For": "192.0.2.7"}, "127.0.0.1", "192.0.2.7"),
        ({"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}, "localhost", "192.0.2.7"),
        ({"X-Forwarded-For": "2001:db8::7"}, "::1", "2001:db8::7"),
        ({"X-Forwarded-For": "<script>"}, "127.0.0.1", "10.0.0.1"),
        ({"X-Forwarded-For": "192.0.2.7"}, "0.0.0.0", "10.0.0.1"),
    ],
)
def test_only_a_proxy_on_this_host_is_believed_whose_connection_it_is(
    headers: dict[str, str], bind: str, address: str
) -> None:
    request = Request("/rt/v1/socket", Headers(headers))
    assert app.address(request, "10.0.0.1", bind) == address


async def test_what_is_said_in_one_turn_of_the_loop_is_one_write_and_counted_meanwhile() -> None:
    said = [b"a" * 100, b"b" * 100, b"c" * 100]
    waiting: list[int] = []
    written: list[bytes] = []

    class Chatty(Wire):
        def opened(self) -> None:
            write = self._transport.write
            self._transport.write = lambda data: (written.append(data), write(data))[1]

        def received(self, message: str | bytes) -> None:
            for data in said:
                self.say(data, binary=True)
                waiting.append(self.waiting_bytes)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Chatty(1000), "127.0.0.1", 0)
    async with server:
        client = socket.create_connection(server.sockets[0].getsockname())
        client.setblocking(False)
        with client:
            await loop.sock_sendall(client, HANDSHAKE)
            assert b" 101 " in await loop.sock_recv(client, 4096)
            await loop.sock_sendall(client, frame(BINARY, b"x"))
            answer = await loop.sock_recv(client, 4096)
    assert written == [answer] == [b"".join(bytes((0x82, 100)) + data for data in said)]
    assert waiting == [100, 200, 300]
