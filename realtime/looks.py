"""Looking at tables of the web application every two seconds, in a thread: Postgres may hang, sockets may not.

What was seen last stays known while Postgres is down. Nothing is written here.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
from typing import Any, Generic, TypeVar

import psycopg2

from realtime.logs import StateLog
from realtime.snapshots import OPTIONS

logger = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 2.0


class Look(Generic[T]):
    """What is looked for is said by those who inherit; `what` names it in the log. `url` None: there is no Postgres."""

    def __init__(self, url: str | None, what: str) -> None:
        self._url = url
        self._thread = concurrent.futures.ThreadPoolExecutor(1, what)
        self._connection: Any = None
        self._log = StateLog(logger, what, "unknown")
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def _question(self, now: float) -> Any:
        """What `_fetch` is to be asked; called in the event loop."""
        return None

    def _fetch(self, cursor: Any, question: Any) -> T:
        """In the thread."""
        raise NotImplementedError

    def _seen(self, found: T, question: Any, now: float) -> None:
        """In the event loop again."""
        raise NotImplementedError

    def _unseen(self) -> None:
        """Postgres did not answer."""

    def tick(self, now: float) -> None:
        """Once a second."""
        idle = self._looking is None or self._looking.done()
        if self._url is not None and idle and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._looking = asyncio.create_task(self._look(now))

    def look_soon(self) -> None:
        """At the next tick."""
        self._looked_at = float("-inf")

    async def _look(self, now: float) -> None:
        question = self._question(now)
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, self._ask, question)
        except psycopg2.Error as error:
            self._unseen()
            self._log.change("unreadable", " ".join(str(error).split()), logging.WARNING)
            return
        self._log.change("known")
        self._seen(found, question, now)

    def _ask(self, question: Any) -> T:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(self._url, **OPTIONS)
            with self._connection, self._connection.cursor() as cursor:
                return self._fetch(cursor, question)
        except psycopg2.Error:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(psycopg2.Error):
                    connection.close()
            raise

    def stop(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
