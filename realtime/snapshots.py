"""Documents kept in Postgres: one row per session and node, so that nodes never conflict.

A node writes its own row only, and only after it has merged all rows of the session: else an
empty document, opened while Postgres was away, would replace a full one. Reading and writing
block, so they run in threads; with Postgres down, sessions go on and the writes wait here.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from realtime.logs import StateLog
from realtime.session import Session

logger = logging.getLogger(__name__)
T = TypeVar("T")

WRITE_INTERVAL_SECONDS = 1.0
RETRY_SECONDS_MOST = 5.0
PROBE_SECONDS = 5.0
HANG_SECONDS = 4.0  # longer than the timeouts that a living Postgres keeps
SESSIONS_PER_WRITE = 200
OPTIONS: dict[str, Any] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 3000,
    "application_name": "firstbell-realtime",
    # commits needn't wait for other hosts: other nodes have the document in memory
    "options": "-c statement_timeout=3000 -c lock_timeout=1000 -c synchronous_commit=local",
}
LOAD = "SELECT state FROM realtime_snapshot WHERE session = %s ORDER BY node"
SAVE = """
INSERT INTO realtime_snapshot (session, node, state, updated_at) VALUES %s
ON CONFLICT (session, node) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
WHERE realtime_snapshot.state IS DISTINCT FROM excluded.state
"""
ROW = "(%s::uuid, %s, %s, now())"
PROBE = "SELECT 1 FROM realtime_snapshot LIMIT 1"


class SnapshotTable:
    """Blocking access to the table, over one connection that is made anew after an error."""

    def __init__(self, url: str, node: int) -> None:
        self._url, self._node = url, node
        self._connection: Connection | None = None

    def load(self, session: str) -> list[bytes]:
        """The states that all nodes wrote."""
        return self._run(lambda cursor: self._fetch(cursor, session))

    def _fetch(self, cursor: Cursor, session: str) -> list[bytes]:
        cursor.execute(LOAD, (session,))
        return [bytes(row[0]) for row in cursor.fetchall()]

    def save(self, states: dict[str, bytes]) -> None:
        """Write this node's rows, in one statement: one by one they cost a lively node more than all its frames."""
        rows = [(session, self._node, state) for session, state in sorted(states.items())]
        self._run(lambda cursor: execute_values(cursor, SAVE, rows, ROW, SESSIONS_PER_WRITE))

    def probe(self) -> None:
        """Raise if the table can't be read."""
        self._run(lambda cursor: cursor.execute(PROBE))

    def close(self) -> None:
        """Forget the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg2.Error):
                connection.close()

    def _run(self, work: Callable[[Cursor], T]) -> T:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(self._url, **OPTIONS)
            with self._connection, self._connection.cursor() as cursor:
                return work(cursor)
        except psycopg2.Error:
            self.close()
            raise


class Snapshots:
    """Loads and saves the documents of `sessions`, off the event loop."""

    def __init__(self, url: str, node: int, sessions: Callable[[], Iterable[Session]]) -> None:
        self._sessions = sessions
        # loads have a thread of their own: someone waits for them
        self._loads, self._saves = SnapshotTable(url, node), SnapshotTable(url, node)
        self._load_thread = concurrent.futures.ThreadPoolExecutor(1, "snapshot-load")
        self._save_thread = concurrent.futures.ThreadPoolExecutor(1, "snapshot-save")
        self._log = StateLog(logger, "snapshots", "unknown")
        self._error = "not tried yet"
        self._retry_at = 0.0
        self._delay = WRITE_INTERVAL_SECONDS
        self._probed_at = float("-inf")
        self._running: dict[object, float] = {}  # attempt → since when
        self._round: asyncio.Task[None] | None = None

    def trouble(self) -> str:
        """Why snapshots can't be read or written; empty if they can."""
        if self._running and self._now() - min(self._running.values()) > HANG_SECONDS:
            return "snapshots: Postgres is connected but does not answer"
        return "" if self._log.state == "working" else f"snapshots: {self._error}"

    async def load(self, session: Session) -> None:
        """Merge all rows into a session; on failure it stays not loaded, and tick tries again."""
        if session.loaded or self._now() < self._retry_at:
            return
        states = await self._attempt(self._load_thread, lambda: self._loads.load(session.id))
        if states is not None and not session.loaded:
            session.merge_snapshots(states)

    def tick(self) -> None:
        """Called once a second; starts a round unless the last one still runs."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._do_round())

    async def _do_round(self) -> None:
        try:
            await self._round_of_work()
        except Exception:
            logger.exception("a round of snapshots failed")

    async def _round_of_work(self) -> None:
        if self._now() < self._retry_at:
            return
        await self._load_and_save()
        if self._now() - self._probed_at > PROBE_SECONDS:
            await self._attempt(self._save_thread, self._saves.probe)

    async def _load_and_save(self) -> bool:
        for session in [s for s in self._sessions() if not s.loaded]:
            await self.load(session)
        return await self.save()

    async def save(self) -> bool:
        """Write what has changed; whether nothing is left unwritten."""
        unsaved = [s for s in self._sessions() if s.unsaved and s.loaded]
        for start in range(0, len(unsaved), SESSIONS_PER_WRITE):
            if not await self._save_some(unsaved[start : start + SESSIONS_PER_WRITE]):
                return False
        return not any(s.unsaved for s in self._sessions())

    async def _save_some(self, sessions: list[Session]) -> bool:
        versions = {session.id: session.version for session in sessions}
        states = {session.id: session.document.encode() for session in sessions}

        def save() -> bool:
            self._saves.save(states)
            return True

        if not await self._attempt(self._save_thread, save):
            return False
        for session in sessions:
            session.saved_version = versions[session.id]
        return True

    async def _attempt(self, thread: Executor, work: Callable[[], T]) -> T | None:
        attempt = object()
        self._running[attempt] = self._now()
        try:
            result = await asyncio.get_running_loop().run_in_executor(thread, work)
        except psycopg2.Error as error:
            self._failed(error)
            return None
        finally:
            del self._running[attempt]
        self._error, self._retry_at, self._delay = "", 0.0, WRITE_INTERVAL_SECONDS
        self._probed_at = self._now()
        self._log.change("working")
        return result

    def _failed(self, error: psycopg2.Error) -> None:
        self._error = " ".join(str(error).split()) or type(error).__name__
        self._retry_at = self._now() + self._delay
        self._delay = min(self._delay * 2, RETRY_SECONDS_MOST)
        self._log.change("failing", self._error, logging.WARNING)

    async def stop(self, seconds: float) -> bool:
        """Last writes; gives up after `seconds`, since Postgres may hang. Whether all is written."""
        self._retry_at = 0.0
        try:
            done = await asyncio.wait_for(self._load_and_save(), seconds)
        except TimeoutError:
            done = False
        for thread in (self._load_thread, self._save_thread):
            thread.shutdown(wait=False, cancel_futures=True)
        return done

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
