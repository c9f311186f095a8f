"""All live sessions of this node: opened when the first socket comes, unloaded when idle."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

from realtime.backplane import LocalBackplane
from realtime.session import Session
from realtime.settings import Settings
from realtime.snapshots import Snapshots

logger = logging.getLogger(__name__)
T = TypeVar("T")

AT_A_TIME = 50  # some ten µs each
LOAD_PATIENCE_SECONDS = 0.5  # a socket waits that long for the snapshot, then goes on without


async def portions(things: Iterable[T]) -> AsyncIterator[T]:
    """One after the other, and frames that came meanwhile in between: a node has thousands of sockets and sessions."""
    for number, thing in enumerate(tuple(things), 1):
        yield thing
        if number % AT_A_TIME == 0:
            await asyncio.sleep(0)


class Relay:
    """Sessions by UUID."""

    def __init__(
        self, settings: Settings, backplane: LocalBackplane, clock: Callable[[], float]
    ) -> None:
        self._settings, self._backplane, self._clock = settings, backplane, clock
        self._sessions: dict[str, Session] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}
        self.snapshots: Snapshots | None = None
        if settings.database_url is not None:
            self.snapshots = Snapshots(settings.database_url, settings.node, self.sessions)
        backplane.on_frame = self._from_bus
        backplane.on_connect = self._compare_all

    def sessions(self) -> Iterable[Session]:
        """All sessions held now."""
        return tuple(self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, session: str) -> Session | None:
        """The session if this node holds it."""
        return self._sessions.get(session)

    async def open(self, session_id: str) -> Session:
        """The session, with its snapshot if Postgres answers in time."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(
                session_id, self._backplane, self._clock, self._settings.limits.document_bytes
            )
            self._backplane.open_session(session_id)
            session.ask_nodes(settling=True)
            task = asyncio.create_task(self._load(session))
            self._opening[session_id] = task
            task.add_done_callback(lambda _: self._opening.pop(session_id, None))
        session.used_at = self._clock()
        opening = self._opening.get(session_id)
        if opening is not None:
            await asyncio.wait([opening], timeout=LOAD_PATIENCE_SECONDS)
        return session

    async def _load(self, session: Session) -> None:
        if self.snapshots is None:
            session.loaded = True
            return
        await self.snapshots.load(session)

    def _from_bus(self, session_id: str, payload: bytes, reply: str) -> None:
        session = self._sessions.get(session_id)
        if session is not None:
            session.from_bus(payload, reply)

    def _compare_all(self) -> None:
        """The bus is back: whatever it lost meanwhile is exchanged now."""
        for session in self._sessions.values():
            session.ask_nodes(settling=True)

    async def tick(self) -> None:
        """Once a second."""
        now = self._clock()
        async for session in portions(self.sessions()):
            try:
                session.tick(now, self._settings.sync_seconds)
                self._unload_if_idle(session, now)
            except Exception:
                logger.exception("session=%s: its periodic work failed", session.id)
        if self.snapshots is not None:
            self.snapshots.tick()

    def _unload_if_idle(self, session: Session, now: float) -> None:
        idle = now - session.used_at > self._settings.unload_seconds
        unsaved = self.snapshots is not None and session.unsaved
        if idle and not session.members and not unsaved:
            del self._sessions[session.id]
            self._backplane.close_session(session.id)
