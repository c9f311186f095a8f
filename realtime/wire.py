"""One TCP connection: an HTTP request that is answered, or that becomes a websocket (RFC 6455).

asyncio moves the bytes, the Sans-I/O half of `websockets` understands them. Nothing waits here: a frame is handed on
when it is read, and written when it is said. With a task and some awaits for each frame, as frameworks have it, a frame
costs several times as much (docs/decisions/0026). What frames mean is in sockets.py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

logger = logging.getLogger(__name__)
logger.setLevel(logging.WARNING)  # `websockets` tells of each that comes and goes

OPEN, CONNECTING = State.OPEN, State.CONNECTING
BINARY, TEXT, CONTINUED = Opcode.BINARY, Opcode.TEXT, Opcode.CONT
CLOSE_SECONDS = 5.0
"""For the other end to close too, before it is cut off."""
REQUEST_SECONDS = 10.0
"""For the whole of a request to be here."""
UNREAD_BYTES = 256 * 1024
"""With so much waiting for a page that does not read, it is not read from either, until it has caught up."""


READ = memoryview(bytearray(64 * 1024))
"""What was just received, by any connection: asyncio fills it and hands it over at once. It would else make room for
256 KiB at each read, which costs more than the rest of a read and a write."""


class Wire(asyncio.BufferedProtocol):
    """Subclasses answer `requested`, and hear of `opened`, `received` and `ended`."""

    def __init__(self, max_frame_bytes: int) -> None:
        self._websocket = ServerProtocol(max_size=max_frame_bytes, logger=logger)
        self._transport: asyncio.Transport
        self._parts: list[bytes] = []
        self._parts_are_text = False
        self._work: asyncio.Task[None] | None = None
        self._backlog: list[str | bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._holds = 0
        self._said_bytes = 0

    # what subclasses say

    def requested(self, request: Request) -> Response | None:
        """Answer a request; None if it may become a websocket."""
        return None

    def opened(self) -> None:
        """It is a websocket."""

    def received(self, message: str | bytes) -> Coroutine[Any, Any, None] | None:
        """A message came; those behind it wait until the coroutine is done, if there is one. Must not raise."""
        return None

    def ended(self) -> None:
        """The websocket is closed, from whichever side. Called once, after `opened`."""

    # what they may do

    @property
    def peer(self) -> str:
        """The other end's address."""
        return str(self._transport.get_extra_info("peername")[0])

    @property
    def waiting_bytes(self) -> int:
        """What was said and is not yet with the operating system."""
        return self._said_bytes + self._transport.get_write_buffer_size()

    def answer(self, status: int, text: str, **headers: str) -> Response:
        """A whole answer; `headers` with _ for -."""
        response = self._websocket.reject(status, text)
        for name, value in headers.items():
            name = name.replace("_", "-")
            response.headers.pop(name, None)
            response.headers[name] = value
        return response

    def say(self, data: bytes, binary: bool) -> None:
        """Write a message, unless it is closing: after all that came in this turn of the loop, with what else was said
        in it. So the other end is woken once, and not while we are at the next frame."""
        if self._websocket.state is OPEN:
            if binary:
                self._websocket.send_binary(data)
            else:
                self._websocket.send_text(data)
            if not self._said_bytes:
                asyncio.get_running_loop().call_soon(self._write)
            self._said_bytes += len(data)

    def close(self, code: int, reason: str) -> None:
        """Close, if that is not under way."""
        if self._websocket.state is OPEN:
            self._websocket.send_close(code, reason)
            self._write()
            self._bound(CLOSE_SECONDS)

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(UNREAD_BYTES)
        self._bound(REQUEST_SECONDS)

    def get_buffer(self, sizehint: int) -> memoryview:
        return READ

    def buffer_updated(self, nbytes: int) -> None:
        websocket = self._websocket
        websocket.receive_data(bytes(READ[:nbytes]))
        for event in websocket.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Request):
                self._answer(event)
        self._write()
        if websocket.state is not OPEN and websocket.close_expected():
            self._bound(CLOSE_SECONDS)

    def pause_writing(self) -> None:
        # Else its pings would be answered into a buffer without end.
        self._hold()

    def resume_writing(self) -> None:
        self._release()

    def eof_received(self) -> None:
        self._websocket.receive_eof()
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._backlog.clear()
        was_open = self._websocket.state is not CONNECTING
        self._websocket.receive_eof()  # nothing is written any more
        if was_open:
            self.ended()

    def _write(self) -> None:
        self._said_bytes = 0
        parts = self._websocket.data_to_send()
        if not parts:
            return
        data = b"".join(parts)
        if data:
            self._transport.write(data)
        if not parts[-1] and not self._transport.is_closing():  # so `websockets` tells the end
            self._transport.write_eof()

    def _bound(self, seconds: float) -> None:
        """Cut it off after so long."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    # requests and messages

    def _answer(self, request: Request) -> None:
        response = self.requested(request)
        if response is None:
            response = self._websocket.accept(request)
        self._websocket.send_response(response)
        request.headers.clear()  # else they are kept as long as the socket: 2 KiB and more
        if self._websocket.state is OPEN:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._write()
            self.opened()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is BINARY or frame.opcode is TEXT:
            if frame.fin and frame.opcode is BINARY:
                self._queue(bytes(frame.data))
                return
            self._parts_are_text = frame.opcode is TEXT
        elif frame.opcode is not CONTINUED:
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole, self._parts = b"".join(self._parts), []
            if not self._parts_are_text:
                self._queue(whole)
                return
            try:
                self._queue(whole.decode())
            except UnicodeDecodeError:
                self._websocket.fail(CloseCode.INVALID_DATA, "This is not UTF-8.")

    def _queue(self, message: str | bytes) -> None:
        if self._work is not None:
            self._backlog.append(message)
            return
        work = self.received(message)
        if work is not None:
            self._hold()
            self._work = asyncio.ensure_future(self._finish(work))

    async def _finish(self, work: Awaitable[None]) -> None:
        """That message, then those that came meanwhile."""
        await work
        while self._backlog:
            more = self.received(self._backlog.pop(0))
            if more is not None:
                await more
        self._work = None
        self._release()

    def _hold(self) -> None:
        """Read nothing more, until as many `_release`."""
        self._holds += 1
        self._transport.pause_reading()

    def _release(self) -> None:
        self._holds -= 1
        if self._holds == 0:
            self._transport.resume_reading()
