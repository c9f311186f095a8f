"""A client's end of a websocket, as cheap as Python can: thousands of them in one process must not be the limit.

Only what a realtime node does: text, binary, ping and close frames, never fragmented. Frames are masked with zeros, as
RFC 6455 allows.
"""

import asyncio
import struct

from tests.realtime.support import ORIGIN

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NO_WORD = 1006
"""Close code of a line that ended without one."""


def handshake(path: str) -> bytes:
    """The request that opens a websocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: {ORIGIN}\r\n\r\n"
    ).encode()


HANDSHAKE = handshake("/rt/v1/socket")


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole frame of a client."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


READ = memoryview(bytearray(64 * 1024))
"""As in realtime/wire.py: reads of asyncio's usual 256 KiB cost more than all else here."""


class Wire(asyncio.BufferedProtocol):
    """Subclasses say what happens; `ended` is called once, also when the handshake was refused."""

    request = HANDSHAKE

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = self._ended = False
        self._code = NO_WORD

    def opened(self) -> None:
        """The handshake is done."""

    def text(self, payload: bytes) -> None:
        """A text frame came."""

    def binary(self, payload: bytes) -> None:
        """A binary frame came."""

    def ended(self, code: int) -> None:
        """It is closed, with this code."""

    def send_text(self, payload: bytes) -> None:
        self.write(frame(TEXT, payload))

    def send_binary(self, payload: bytes) -> None:
        self.write(frame(BINARY, payload))

    def write(self, data: bytes) -> None:
        """Bytes as they are."""
        if self._transport is not None and not self._ended:
            self._transport.write(data)

    def end(self, code: int = NO_WORD) -> None:
        """Close at once, without waiting for the other end."""
        if self._ended:
            return
        self._ended = True
        if self._transport is not None:
            self._transport.write(frame(CLOSE, struct.pack(">H", 1000)))
            self._transport.close()
        self.ended(code)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            self.ended(self._code)

    def get_buffer(self, sizehint: int) -> memoryview:
        return READ

    def buffer_updated(self, nbytes: int) -> None:
        self._buffer += READ[:nbytes]
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head:
                self.end()
                return
            self._upgraded, self._buffer = True, rest
            self.opened()
        self._read()

    def _read(self) -> None:
        data, at = self._buffer, 0
        while not self._ended and len(data) - at >= 2:
            size, start = data[at + 1] & 0x7F, at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if len(data) < max(start, start + size):
                break
            opcode, payload = data[at] & 0x0F, data[start : start + size]
            at = start + size
            self._take(opcode, payload)
        self._buffer = data[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.text(payload)
        elif opcode == BINARY:
            self.binary(payload)
        elif opcode == PING:
            self.write(frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2]) if len(payload) >= 2 else 1005
            self.end(code)
