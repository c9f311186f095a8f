"""The way to the other nodes: NATS, or nowhere (`local`). An accelerator, never the truth.

Whatever is lost here is repaired by the sessions' own sync, so nothing in this module waits
for delivery, and nothing raises into a socket's callback. The settings of the NATS client
were measured (a killed server is replaced within 40 ms); its own defaults take minutes.
"""

import asyncio
import contextlib
import json
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from realtime.logs import StateLog

logger = logging.getLogger(__name__)

PREFIX = "firstbell.rt."
PAIR, PAIR_FAILED = PREFIX + "pair", PREFIX + "pair.failed"
NODE_IS = PREFIX + "is"
OLDEST_SERVER = (2, 9)
QUEUED_MESSAGES = 10_000  # waiting for the client's own buffer; the oldest are dropped
RETRY_SECONDS = 0.2
OPTIONS: dict[str, Any] = {
    "no_echo": True,
    "connect_timeout": 2,
    "reconnect_time_wait": RETRY_SECONDS,
    "max_reconnect_attempts": -1,
    "ping_interval": 1,
    "max_outstanding_pings": 2,
    "pending_size": 4 * 1024 * 1024,
}

OnFrame = Callable[[str, bytes, str], None]
OnPair = Callable[[dict[str, Any]], dict[str, Any] | None]
OnPairFailed = Callable[[dict[str, Any]], None]
OnNodeIs = Callable[[dict[str, Any]], None]


class LocalBackplane:
    """A single node: there is nobody to tell."""

    def __init__(self) -> None:
        self.on_frame: OnFrame = lambda session, payload, reply: None
        self.on_pair: OnPair = lambda request: None
        self.on_pair_failed: OnPairFailed = lambda failure: None
        self.on_node_is: OnNodeIs = lambda said: None
        self.on_connect: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Begin to connect; returns at once."""

    async def stop(self) -> None:
        """Send what waits, then close."""

    def trouble(self) -> str:
        """Why other nodes can't be reached; empty if they can, or if there are none."""
        return ""

    def open_session(self, session: str) -> None:
        """Listen to the session's subject."""

    def close_session(self, session: str) -> None:
        """Stop listening."""

    def publish(self, session: str, payload: bytes) -> None:
        """To all other nodes that hold the session."""

    def request_sync(self, session: str, payload: bytes) -> None:
        """As publish, with a subject to answer to."""

    def answer(self, reply: str, session: str, payload: bytes) -> None:
        """To the node that asked."""

    async def ask_pair(self, request: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """The answer of the node that holds the board, or None after `seconds` at most."""
        return None

    def tell_pair_failed(self, failure: dict[str, Any]) -> None:
        """All other nodes count a wrong code."""

    def tell_node_is(self, said: dict[str, Any]) -> None:
        """All other nodes hear how this one is."""


class NatsBackplane(LocalBackplane):
    """NATS with nats-py in the same event loop."""

    def __init__(self, url: str, node: int) -> None:
        super().__init__()
        self._url = url
        self._inbox = f"{PREFIX}node.{node}"
        self._name = f"firstbell-realtime-{node}"
        self._client: Client | None = None
        self._sessions: dict[str, Subscription | None] = {}
        self._queue: deque[tuple[str, bytes, str]] = deque(maxlen=QUEUED_MESSAGES)
        self._wake = asyncio.Event()
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = StateLog(logger, "nats", "disconnected")
        self._last_error = "not connected yet"

    async def start(self) -> None:
        self._tasks |= {
            asyncio.create_task(self._keep_connected()),
            asyncio.create_task(self._pump()),
        }

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.flush(1), 1)
        if self._client is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.close(), 1)

    def trouble(self) -> str:
        client = self._client
        if client is None or not client.is_connected:
            return f"nats: {without_password(self._url)} can't be reached ({self._last_error})"
        version = server_version(client)
        if version < OLDEST_SERVER:
            found = ".".join(map(str, version))
            return f"nats: the server is version {found}, {OLDEST_SERVER[0]}.9 or newer is needed"
        return ""

    # connecting

    async def _keep_connected(self) -> None:
        """nats-py reconnects by itself; this loop is for the ways in which it gives up."""
        while True:
            self._closed.clear()
            client = Client()
            try:
                await self._connect(client)
                self._client = client
                await self._subscribe_all(client)
                self._connected()
                await self._closed.wait()
            except Exception as error:
                self._note_error(error)
                with contextlib.suppress(Exception):
                    await client.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self, client: Client) -> None:
        await client.connect(
            self._url,
            name=self._name,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
            **OPTIONS,
        )

    async def _on_error(self, error: Exception) -> None:
        self._note_error(error)

    def _note_error(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}".rstrip(": ")
        if text != self._last_error:
            self._last_error = text
            self._log_trouble(text)

    def _log_trouble(self, text: str) -> None:
        if self._log.state == "connected":
            logger.warning("nats error: %s", text)
        else:
            self._log.change("unreachable", text, logging.WARNING)

    async def _on_disconnected(self) -> None:
        self._log.change("disconnected", self._last_error, logging.WARNING)

    async def _on_reconnected(self) -> None:
        self._connected()

    async def _on_closed(self) -> None:
        self._closed.set()

    def _connected(self) -> None:
        trouble = self.trouble()
        if trouble:
            self._log.change("too old", trouble, logging.ERROR)
        else:
            self._log.change("connected", without_password(self._url))
        self.on_connect()

    # subjects

    async def _subscribe_all(self, client: Client) -> None:
        await client.subscribe(f"{self._inbox}.*", cb=self._on_session_message)
        await client.subscribe(PAIR, cb=self._on_pair_message)
        await client.subscribe(PAIR_FAILED, cb=self._on_pair_failed_message)
        await client.subscribe(NODE_IS, cb=self._on_node_is_message)
        for session in tuple(self._sessions):
            await self._subscribe(session)

    def open_session(self, session: str) -> None:
        self._sessions.setdefault(session, None)
        if self._client is not None:
            self._spawn(self._subscribe(session))

    async def _subscribe(self, session: str) -> None:
        client = self._client
        if client is None or session not in self._sessions:
            return
        subject = f"{PREFIX}session.{session}"
        found = await client.subscribe(subject, cb=self._on_session_message)
        if session in self._sessions:
            self._sessions[session] = found
        else:
            await found.unsubscribe()

    def close_session(self, session: str) -> None:
        subscription = self._sessions.pop(session, None)
        if subscription is not None:
            self._spawn(subscription.unsubscribe())

    def _spawn(self, work: Awaitable[object]) -> None:
        async def quietly() -> None:
            try:
                await work
            except Exception as error:
                self._note_error(error)

        task = asyncio.ensure_future(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # messages: nats-py wants coroutine functions

    async def _on_session_message(self, message: Msg) -> None:
        session = message.subject.rsplit(".", 1)[1]
        try:
            self.on_frame(session, message.data, message.reply)
        except Exception:
            logger.exception("a message for session=%s failed", session)

    async def _on_pair_message(self, message: Msg) -> None:
        try:
            answer = self.on_pair(json.loads(message.data))
            if answer is not None and message.reply:
                self._send(message.reply, json.dumps(answer).encode(), "")
        except Exception:
            logger.exception("a pairing message of another node failed")

    async def _on_pair_failed_message(self, message: Msg) -> None:
        try:
            self.on_pair_failed(json.loads(message.data))
        except Exception:
            logger.exception("a pairing message of another node failed")

    async def _on_node_is_message(self, message: Msg) -> None:
        try:
            self.on_node_is(json.loads(message.data))
        except Exception:
            logger.exception("another node said of itself what this one can't read")

    def publish(self, session: str, payload: bytes) -> None:
        self._send(f"{PREFIX}session.{session}", payload, "")

    def request_sync(self, session: str, payload: bytes) -> None:
        self._send(f"{PREFIX}session.{session}", payload, f"{self._inbox}.{session}")

    def answer(self, reply: str, session: str, payload: bytes) -> None:
        self._send(reply, payload, f"{self._inbox}.{session}")

    def tell_pair_failed(self, failure: dict[str, Any]) -> None:
        self._send(PAIR_FAILED, json.dumps(failure).encode(), "")

    def tell_node_is(self, said: dict[str, Any]) -> None:
        self._send(NODE_IS, json.dumps(said).encode(), "")

    async def ask_pair(self, request: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        client = self._client
        if client is None or not client.is_connected:
            return None
        payload = json.dumps(request).encode()
        try:
            answer = await asyncio.wait_for(client.request(PAIR, payload, seconds), seconds)
            found = json.loads(answer.data)
        except (TimeoutError, OSError, ValueError, nats.errors.Error):
            return None
        return found if isinstance(found, dict) else None

    def _send(self, subject: str, payload: bytes, reply: str) -> None:
        self._queue.append((subject, payload, reply))
        self._wake.set()

    async def _pump(self) -> None:
        """One task sends all, in order: a socket's callback must not wait, nor see an error."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                subject, payload, reply = self._queue.popleft()
                if self._client is None:
                    continue  # sessions compare their states once we are connected
                try:
                    await self._client.publish(subject, payload, reply=reply)
                except Exception as error:
                    self._note_error(error)


def without_password(url: str) -> str:
    """The URL as it may stand in a log."""
    return re.sub(r"//[^/@]*@", "//", url)


def server_version(client: Client) -> tuple[int, int]:
    """Major and minor version of the server; (0, 0) if it doesn't say."""
    try:
        version = client.connected_server_version
        return version.major, version.minor
    except (ValueError, AttributeError):
        return 0, 0
