"""Teachers' devices that were signed out: their role tokens are good for hours, their sign-ins are not.

Asked of this host's Postgres, in a table of the web application: every two seconds what ended lately. So a token is
refused, and its sockets are closed, within seconds of the sign-out. With Postgres down what was known stays known, and
live lessons go on: a device that is signed out meanwhile is told when Postgres is back. Boards are not in here; their
pairing ends in the document.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import psycopg2

from realtime.logs import StateLog
from realtime.snapshots import OPTIONS

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LONGEST_TOKEN_HOURS = 13
"""A teacher's token lives for 12; hosts' clocks differ a little."""
ENDED = f"""
SELECT id::text FROM accounts_signin
WHERE ended_at IS NOT NULL AND ended_at > now() - interval '{LONGEST_TOKEN_HOURS} hours'
"""  # noqa: S608


class Revocations:
    """The sign-ins that have ended. `on_ended` is called when there are new ones."""

    def __init__(self, url: str, on_ended: Callable[[], None]) -> None:
        self._url, self._on_ended = url, on_ended
        self._ended: frozenset[str] = frozenset()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "revocations")
        self._connection: Any = None
        self._log = StateLog(logger, "sign-outs", "unknown")
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def __contains__(self, sign_in: str) -> bool:
        return sign_in in self._ended

    def tick(self, now: float) -> None:
        """Once a second."""
        if now - self._looked_at >= LOOK_SECONDS and (
            self._looking is None or self._looking.done()
        ):
            self._looked_at = now
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, self._fetch)
        except psycopg2.Error as error:
            self._log.change("unreadable", " ".join(str(error).split()), logging.WARNING)
            return
        self._log.change("known")
        new = found - self._ended
        self._ended = found
        if new:
            self._on_ended()

    def _fetch(self) -> frozenset[str]:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(self._url, **OPTIONS)
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(ENDED)
                return frozenset(row[0] for row in cursor.fetchall())
        except psycopg2.Error:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(psycopg2.Error):
                    connection.close()
            raise

    def stop(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
