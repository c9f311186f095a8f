"""What the tests of this room stand on: real processes, and a page that speaks the protocol."""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pycrdt
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from realtime import protocol, tokens
from tests.support.ports import free_port
from tests.support.postgres import bin_folder, new_data

KEY = "a key that only the tests of realtime know"
ORIGIN = "http://localhost:8000"
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 15.0
TABLE = """CREATE TABLE realtime_snapshot (session uuid, node smallint, state bytea NOT NULL,
updated_at timestamptz NOT NULL, PRIMARY KEY (session, node))"""


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll until the condition is true; its value."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


async def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """As wait_until, while the event loop goes on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


class Process:
    """A child process with a log; killed at the end of the test by its pid."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str], **environ: str) -> None:
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ, **environ}
            )

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def signal(self, number: int) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        assert self._child is not None
        return self._child.wait(seconds)


class NatsServer(Process):
    """One nats-server of a cluster on loopback."""

    def __init__(self, name: str, folder: Path, routes: list[int], index: int) -> None:
        super().__init__(name, folder)
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._config = folder / f"{name}.conf"
        peers = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
        self._config.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\n'
            'ping_interval: "1s"\nping_max: 2\n'
            f'cluster {{ name: t, listen: "127.0.0.1:{routes[index]}", routes: [{peers}] }}\n'
        )

    def start(self) -> None:
        self.run(["/usr/sbin/nats-server", "-c", str(self._config)])


class RealtimeNode(Process):
    """`python -m realtime` on a free port. `limits`: some that differ from a product's."""

    def __init__(
        self, number: int, folder: Path, limits: dict[str, float] | None = None, **environ: str
    ) -> None:
        super().__init__(f"host{number}", folder)
        self.number, self.port = number, free_port()
        self._module = "tests.realtime.bounded_node" if limits else "realtime"
        self.environ = {
            "REALTIME_NODE": str(number),
            "REALTIME_NAME": self.name,
            "REALTIME_PORT": str(self.port),
            "REALTIME_KEY": KEY,
            "REALTIME_ORIGINS": f"{ORIGIN},http://127.0.0.1:8000",
            "REALTIME_BACKPLANE": "local",
            "REALTIME_DATABASE_URL": "none",
            "REALTIME_DRAIN_SECONDS": "1",
            "LIMITS": json.dumps(limits or {}),
            **environ,
        }
        self.url = f"ws://127.0.0.1:{self.port}/rt/v1/socket"

    def start(self, ready: bool = True) -> None:
        self.run([sys.executable, "-m", self._module], **self.environ)
        wait_until(lambda: self.get("/livez")[0] == 200, f"{self.name} to live")
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(lambda: self.get("/rt/readyz")[0] == 200, f"{self.name} to be ready")

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON; 0 if nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}


class PostgresServer(Process):
    """A throwaway Postgres with the table of snapshots."""

    def __init__(self, folder: Path) -> None:
        super().__init__("postgres", folder)
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._programs = bin_folder()
        self._data = folder / "data"
        self._as_postgres: list[str] = []
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._as_postgres = [
                "setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"
            ]  # fmt: skip

    def create(self) -> None:
        new_data(self._data)
        self.start()
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(TABLE)

    def start(self) -> None:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}", "-c", "fsync=off",
                   "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB"]  # fmt: skip
        self.run([*self._as_postgres, str(self._programs / "postgres"), "-D", str(self._data),
                  *options])  # fmt: skip
        wait_until(self._answers, "Postgres to answer")

    def stop(self) -> None:
        """At once, with all its children; it recovers at the next start."""
        self.signal(signal.SIGQUIT)
        self.wait()

    def freeze(self) -> None:
        """Stop all of its processes, so that open connections hang. The postmaster first: it forks no more."""
        for postmaster in self._postmaster():
            postmaster.suspend()
            self._to_children(postmaster, "suspend")

    def thaw(self) -> None:
        """Let them go on. The children first: one that ends now is still there to be named."""
        for postmaster in self._postmaster():
            self._to_children(postmaster, "resume")
            postmaster.resume()

    def kill(self) -> None:
        self.thaw()
        super().kill()

    def _postmaster(self) -> list[psutil.Process]:
        if self._child is None or self._child.poll() is not None:
            return []
        return [psutil.Process(self._child.pid)]

    @staticmethod
    def _to_children(postmaster: psutil.Process, verb: str) -> None:
        for child in postmaster.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # ends by itself: autovacuum's workers
                getattr(child, verb)()

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            self.connect().close()
            return True
        return False

    def connect(self) -> Any:
        return psycopg2.connect(self.url, connect_timeout=2)

    def rows(self, session: str) -> dict[int, bytes]:
        """Node → state."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT node, state FROM realtime_snapshot WHERE session = %s", (session,)
            )
            return {node: bytes(state) for node, state in cursor.fetchall()}


def token(
    session: str, role: str = "teacher", subject: str = "7", name: str = "Ada", **more: Any
) -> str:
    """A role token as the web application would mint it."""
    whose = tokens.Role(session, role, subject, name, more.pop("sign_in", ""))
    return tokens.mint(whose, more.pop("key", KEY), **more)


UNDOCUMENTED: list[str] = []  # messages of servers that are not as PROTOCOL.md says


class Page:
    """A browser's page as far as the protocol goes: a socket, a document, what was heard."""

    def __init__(self, url: str, connection: WebSocketClientConnection) -> None:
        self.url, self._connection = url, connection
        self.doc: pycrdt.Doc = pycrdt.Doc()
        self.show = self.doc.get("show", type=pycrdt.Map)
        self.boards = self.doc.get("boards", type=pycrdt.Map)
        self.heard: list[dict[str, Any]] = []
        self.awareness: list[bytes] = []
        self.updates = 0
        self.closed = False
        self._task = asyncio.create_task(self._listen())

    @classmethod
    async def open(
        cls, node: Any, origin: str | None = ORIGIN, address: str | None = None
    ) -> "Page":
        """`address`: where it comes from, one of 127.0.0.0/8."""
        url = node.url if hasattr(node, "url") else node
        headers = {"Origin": origin} if origin else {}
        request = HTTPRequest(url, headers=headers, network_interface=address)
        return cls(url, await websocket_connect(request))

    @classmethod
    async def hello(cls, node: Any, token: str, address: str | None = None, **more: Any) -> "Page":
        """A page that has been welcomed."""
        page = await cls.open(node, address=address)
        page.say("hello", protocol=1, token=token, **more)
        await page.hear("welcome")
        page.step1()
        return page

    @property
    def close_code(self) -> int | None:
        return self._connection.close_code

    def say(self, kind: str, **fields: Any) -> None:
        self.send(json.dumps({"type": kind, **fields}))

    def send(self, data: str | bytes) -> None:
        self._connection.write_message(data, binary=isinstance(data, bytes))

    def step1(self) -> None:
        self.send(protocol.encode_binary(protocol.STEP1, self.doc.get_state()))

    def change(self, **values: Any) -> None:
        """Change the map `show` here, and send the update."""
        before = self.doc.get_state()
        for key, value in values.items():
            self.show[key] = value
        self.send(protocol.encode_binary(protocol.UPDATE, self.doc.get_update(before)))

    async def hear(self, kind: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The oldest message of that type, taken out of what was heard."""

        def found() -> dict[str, Any] | None:
            return next((message for message in self.heard if message["type"] == kind), None)

        try:
            message = await until(found, kind, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; heard {self.heard}") from None
        self.heard.remove(message)
        return message

    async def shows(self, **values: Any) -> None:
        """Wait until this page's document has these values."""
        await until(
            lambda: all(self.show.get(k) == v for k, v in values.items()),
            f"{values}, has {self.show.to_py()}",
        )

    async def is_closed(self, code: int) -> None:
        await until(lambda: self.closed, "the socket to be closed")
        assert self.close_code == code

    def close(self) -> None:
        self._connection.close()

    async def _listen(self) -> None:
        while True:
            message = await self._connection.read_message()
            if message is None:
                self.closed = True
                return
            if isinstance(message, str):
                self._note(json.loads(message))
            else:
                self._take(protocol.parse_binary(message))

    def _note(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        fields = protocol.SERVER[message["type"]]
        fault = protocol.check_fields(message, fields)
        unknown = set(message) - {"type"} - set(fields)
        if fault or unknown:
            UNDOCUMENTED.append(f"{message}: {fault} {unknown}")

    def _take(self, frame: protocol.YFrame) -> None:
        if frame.kind == protocol.AWARENESS:
            self.awareness.append(frame.body)
        elif frame.kind == protocol.STEP1:
            update = self.doc.get_update(frame.body)
            self.send(protocol.encode_binary(protocol.STEP2, update))
        elif frame.body != b"\0\0":
            self.updates += frame.kind == protocol.UPDATE
            self.doc.apply_update(frame.body)


async def pair(board: Page, teacher: Page, **claim: Any) -> dict[str, Any]:
    """The whole pairing; the board's pair.done. `claim`: what else the claim says, its position for one."""
    board.say("pair.open")
    code = (await board.hear("pair.code"))["code"]
    teacher.say("pair.claim", code=code, **claim)
    claimed = await teacher.hear("pair.claimed")
    offer = await board.hear("pair.offer")
    assert offer["symbol"] == claimed["symbol"]
    teacher.say("pair.confirm", pairing=claimed["pairing"], number=offer["number"])
    await teacher.hear("pair.done")
    return await board.hear("pair.done")


def new_session() -> str:
    return str(uuid.uuid4())
