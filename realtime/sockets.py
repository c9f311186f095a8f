"""One websocket: reads frames, keeps its limits, and hands them to the relay or the pair desk.

An exception must never leave `received`: asyncio would close the socket. Nothing is decided
here but what belongs to one socket: its rate, its queue, its idleness, who it is.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from websockets.http11 import Request, Response

from realtime import app, errors, protocol, tokens
from realtime.errors import Refusal, bad_frame, read_only
from realtime.pair_desk import clean_room
from realtime.rates import Bucket
from realtime.session import Session
from realtime.wire import Wire

if TYPE_CHECKING:
    from realtime.node import Node

logger = logging.getLogger(__name__)
T = TypeVar("T")

WAITING_CONNECTIONS = 1024  # not taken in yet: the pages of a host that died come together
CATCH_UP_PATIENCE_SECONDS = (
    0.5  # of boards, while a node that has just started asks which were forgotten
)


class Socket(Wire):
    """A page's connection to this node."""

    role: tokens.Role  # set by hello
    address: str

    def __init__(self, node: "Node") -> None:
        super().__init__(node.settings.limits.hard_frame_bytes)
        self._node = node
        self._limits = node.settings.limits
        self._clock = node.clock
        self._bucket = Bucket(
            self._limits.frames_per_second, self._limits.frames_burst, self._clock()
        )
        self.session: Session | None = None
        self.pair_failures = 0
        self.last_frame_at = self._clock()
        self._bad_frames = 0
        self._dropped = False
        self._told_at = float("-inf")
        self._closing = False
        self._asking: asyncio.Task[None] | None = None
        self._state_bytes = 0

    # the handshake

    def requested(self, request: Request) -> Response | None:
        self.address = app.address(request, self.peer, self._node.settings.bind)
        return app.answer(self, self._node, request)

    def opened(self) -> None:
        if self._node.draining:
            # let in only to be told where to go: pages can't read why a handshake is refused
            self.send_text(self._node.move(within_seconds=0))
            self.end(errors.CLOSE_RESTART, "This host takes no new sockets.")
            return
        self._node.sockets.add(self)

    def ended(self) -> None:
        self._closing = True
        self._node.sockets.discard(self)
        self._node.waiting.close(self)
        if self.session is not None:
            self.session.leave(self)

    # frames of the client

    def received(self, message: str | bytes) -> Coroutine[Any, Any, None] | None:
        now = self.last_frame_at = self._clock()
        if self._closing:
            return None
        if not self._bucket.take(now, 1 + len(message) // self._limits.frame_bytes):
            self._too_fast(now)
            return None
        if isinstance(message, bytes):
            self._guarded_now(self._binary, message)
            return None
        work = self._guarded_now(self._text, message)
        return None if work is None else self._guarded(work)

    def _guarded_now(self, work: Callable[[Any], T], message: str | bytes) -> T | None:
        try:
            return work(message)
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception:
            self._fault()
        return None

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception:
            self._fault()

    def _fault(self) -> None:
        logger.exception("a frame could not be handled")
        self.refuse(Refusal("internal", "This host made a mistake with this message. Try again."))

    def _too_fast(self, now: float) -> None:
        self._dropped = True
        if now - self._told_at > 1:
            self._told_at = now
            self.refuse(Refusal("too_fast", "Too many frames a second: some were dropped."))

    def _binary(self, frame: bytes) -> None:
        if len(frame) > self._limits.binary_frame_bytes:
            raise Refusal("too_large", "A binary frame can have 3 MiB at most.")
        if self.session is None:
            raise bad_frame("Say hello first.")
        self.session.from_member(self, protocol.parse_binary(frame))

    def _text(self, text: str) -> Awaitable[None] | None:
        """What has to be waited for, if anything has."""
        if len(text) > self._limits.text_frame_bytes:
            raise Refusal("too_large", "A text frame can have 16 KiB at most.")
        message = protocol.parse_text(text)
        kind = message["type"]
        if kind == "ping":
            now = round(time.time() * 1000)
            load = self._node.load.value
            self.send_text(protocol.encode("pong", t=message["t"], load=load, now=now))
        elif kind == "hello":
            return self._hello(message)
        elif kind == "pair.open":
            self._pair_open(message)
        elif kind == "pair.leave":
            self._pair_leave()
        elif kind == "signal":
            self._signal(message)
        else:
            return self._teacher_message(kind, message)
        return None

    # who it is

    async def _hello(self, message: dict[str, Any]) -> None:
        if self.session is not None:
            raise bad_frame("This socket has said hello already.")
        if message["protocol"] != protocol.VERSION:
            raise bad_frame("This host speaks protocol 1. Reload the page.")
        role = tokens.verify(message["token"], self._node.settings.key)
        if self._node.signed_out(role):
            raise errors.signed_out()
        if not role.is_teacher:
            await self._node.desk.caught_up(CATCH_UP_PATIENCE_SECONDS)
            if self._node.waiting.boards.is_forgotten(role):
                raise errors.revoked()
        session = await self._node.relay.open(role.session)
        if self not in self._node.sockets or self._closing:
            return  # it closed meanwhile
        self.role = role
        session.join(self)
        self.session = session
        self._node.waiting.close(self)
        self.send_text(self._node.welcome(role))
        session.greet(self)

    def _pair_open(self, message: dict[str, Any]) -> None:
        if self.session is not None:
            raise bad_frame("This socket is paired already.")
        self._node.waiting.open(self, message.get("device"))

    def _pair_leave(self) -> None:
        if self.session is None or self.role.is_teacher:
            raise bad_frame("Only a paired board can leave.")
        self.session.change_board(self.session.document.revoke, self.role.subject)

    def _signal(self, message: dict[str, Any]) -> None:
        if self.session is None:
            raise bad_frame("Say hello first.")
        self.session.signal(self, message)

    async def _teacher_message(self, kind: str, message: dict[str, Any]) -> None:
        if self.session is None:
            raise bad_frame("Say hello first.")
        if not self.role.is_teacher:
            raise read_only()
        session, desk = self.session, self._node.desk
        if kind == "pair.claim":
            self.send_text(await desk.claim(self, message["code"], message.get("position")))
        elif kind == "pair.start":
            self.send_text(await desk.start(self.role, message["board"], message.get("position")))
        elif kind == "pair.waiting":
            self._pair_waiting(message["boards"])
        elif kind == "pair.confirm":
            done = await desk.confirm(self, message["pairing"], message.get("number") or "")
            name = clean_room(message.get("name") or "")
            record = functools.partial(session.document.record_pairing, name=name)
            session.change_board(record, message["pairing"])
            self.send_text(done)
        elif kind == "pair.reject":
            self.send_text(await desk.reject(self.role, message["pairing"]))
        elif kind == "pair.revoke":
            session.change_board(session.document.revoke, message["pairing"])

    def _pair_waiting(self, boards: list[Any]) -> None:
        """Other nodes are asked, which takes a while: the frames behind this one, and so the lesson, don't wait."""

        async def answer() -> None:
            self.send_text(await self._node.desk.waiting(self.role, boards))

        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._guarded(answer()))

    # frames to the client

    def send_text(self, text: str) -> None:
        self._send(text.encode(), binary=False)

    def send_frame(self, frame: bytes, droppable: bool = False) -> None:
        if droppable and self.waiting_bytes > self._limits.awareness_waiting_bytes:
            return
        self._send(frame, binary=True)

    def send_state(self, frame: bytes) -> None:
        if not self._state_bytes:
            self._state_bytes = len(frame)
        self._send(frame, binary=True)

    def _send(self, data: bytes, binary: bool) -> None:
        if self._closing:
            return
        waiting = self.waiting_bytes
        if waiting and waiting + len(data) > self._limits.waiting_bytes + self._state_bytes:
            logger.warning("a page reads too slowly: closed, waiting_bytes=%s", waiting)
            self.end(errors.CLOSE_TOO_SLOW, "This page reads too slowly.")
            return
        self.say(data, binary)

    def refuse(self, refusal: Refusal) -> None:
        self.send_text(protocol.encode_error(refusal))
        if refusal.code == "bad_frame":
            self._bad_frames += 1
            if self._bad_frames >= self._limits.bad_frames:
                self.end(errors.CLOSE_BAD_FRAME, "Too many bad frames.")
        if refusal.close_code is not None:
            self.end(refusal.close_code, refusal.code)

    def end(self, code: int, reason: str) -> None:
        """Close with a code; what the relay sends from now on is dropped."""
        if not self._closing:
            self._closing = True
            self.close(code, reason)

    # once a second

    def tick(self, now: float) -> None:
        """Close if silent; repair what was dropped for speed."""
        if not self.waiting_bytes:
            self._state_bytes = 0
        if now - self.last_frame_at > self._limits.idle_seconds:
            self.end(errors.CLOSE_IDLE, "No frame for a while.")
        elif self._dropped and self._bucket.rested(now):
            self._dropped = False
            if self.session is not None:
                self.session.ask_member(self)


async def listen(node: "Node") -> asyncio.Server:
    """Accept connections on the node's address and port; OSError if it is taken."""
    return await asyncio.get_running_loop().create_server(
        lambda: Socket(node), node.settings.bind, node.settings.port, backlog=WAITING_CONNECTIONS
    )
