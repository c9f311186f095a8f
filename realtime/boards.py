"""What the web application knows of boards: which were forgotten, and for whom those that wait are remembered.

Asked of this host's Postgres, in tables of the web application, every two seconds. A forgotten board's tokens are good
for days, so nodes that were dead meanwhile must hear of it: from Postgres when it has caught up, and before that, at
their start, from a node that was there (pair_desk.py). With Postgres down what was known stays known; which boards are
remembered is then not known at all, and they are paired by their codes.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

import psycopg2

from realtime.logs import StateLog
from realtime.snapshots import OPTIONS
from realtime.tokens import Role

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LOOK_AT_ALL_SECONDS = 60.0
"""Replication may bring rows long after they were written."""
LATELY, ALL = "15 minutes", "31 days"  # a board's token lives for 30 days
FORGOTTEN = """
SELECT pairing::text, extract(epoch FROM forgotten_at)::float FROM teaching_forgottenboard
WHERE forgotten_at > now() - %s::interval
"""
FORGOTTEN_OF_SESSIONS = """
SELECT id::text, extract(epoch FROM boards_forgotten_at)::float FROM teaching_teachingsession
WHERE boards_forgotten_at > now() - %s::interval
"""
REMEMBERED = """
SELECT board::text, owner_id::text, name FROM teaching_rememberedboard WHERE board = ANY(%s::uuid[])
"""

MOST_TOLD = 15_000
"""Pairings in one message of NATS, whose limit is 1 MiB."""

Rooms = Mapping[str, Mapping[str, str]]
"""Board → teacher → what this teacher calls the room."""


class Boards:
    """`on_forgotten` is called when there are new ones; `waiting` tells which boards wait here now.

    `url` None: there is no Postgres. Then nothing is remembered, and forgotten only what other nodes tell.
    """

    def __init__(
        self,
        url: str | None,
        on_forgotten: Callable[[], None],
        waiting: Callable[[], Collection[str]],
    ) -> None:
        self._url, self._on_forgotten, self._waiting = url, on_forgotten, waiting
        self._pairings: dict[str, float] = {}  # and when they were forgotten, in seconds since 1970
        self._sessions: dict[str, float] = {}
        self._rooms: Rooms = {}
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "boards")
        self._connection: Any = None
        self._log = StateLog(logger, "boards", "unknown")
        self._looked_at = self._looked_at_all = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def is_forgotten(self, role: Role) -> bool:
        """Whether this board's pairing has ended, as far as this node knows."""
        if role.is_teacher:
            return False
        return role.subject in self._pairings or role.issued < self._sessions.get(role.session, 0)

    def room(self, board: str, teacher: str) -> str | None:
        """What this teacher calls a board that waits here; None if it isn't remembered for her."""
        return self._rooms.get(board, {}).get(teacher)

    def known(self) -> dict[str, Any]:
        """All that were forgotten, for a node that has just started."""
        newest = sorted(self._pairings.items(), key=lambda one: one[1])[-MOST_TOLD:]
        return {"pairings": dict(newest), "sessions": self._sessions}

    def learn(self, pairings: Mapping[str, float], sessions: Mapping[str, float]) -> None:
        """Boards that were forgotten: one by one, or all of a session that were paired before a time."""
        new = {id: at for id, at in pairings.items() if id not in self._pairings}
        later = {id: at for id, at in sessions.items() if at > self._sessions.get(id, 0)}
        self._pairings |= new
        self._sessions |= later
        if new or later:
            self._on_forgotten()

    def tick(self, now: float) -> None:
        """Once a second."""
        if self._url is None or (self._looking is not None and not self._looking.done()):
            return
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._looking = asyncio.create_task(self._look(now))

    def look_soon(self) -> None:
        """A board has come: whom it is remembered for is asked at the next tick."""
        self._looked_at = float("-inf")

    async def _look(self, now: float) -> None:
        everything = now - self._looked_at_all >= LOOK_AT_ALL_SECONDS
        try:
            loop = asyncio.get_running_loop()
            waiting = sorted(self._waiting())
            pairings, sessions, rooms = await loop.run_in_executor(
                self._thread, self._fetch, ALL if everything else LATELY, waiting
            )
        except psycopg2.Error as error:
            self._rooms, self._looked_at_all = {}, float("-inf")
            self._log.change("unreadable", " ".join(str(error).split()), logging.WARNING)
            return
        if everything:
            self._looked_at_all = now
        self._log.change("known")
        self._rooms = rooms
        self.learn(pairings, sessions)

    def _fetch(
        self, since: str, waiting: list[str]
    ) -> tuple[dict[str, float], dict[str, float], dict[str, dict[str, str]]]:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(self._url, **OPTIONS)
            rooms: dict[str, dict[str, str]] = {}
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(FORGOTTEN, [since])
                pairings = dict(cursor.fetchall())
                cursor.execute(FORGOTTEN_OF_SESSIONS, [since])
                sessions = dict(cursor.fetchall())
                if waiting:
                    cursor.execute(REMEMBERED, [waiting])
                    for board, teacher, name in cursor.fetchall():
                        rooms.setdefault(board, {})[teacher] = name
            return pairings, sessions, rooms
        except psycopg2.Error:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(psycopg2.Error):
                    connection.close()
            raise

    def stop(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
