"""This node as a whole: its sockets, relay, pair desk and backplane, and its last minutes."""

import asyncio
import logging
from typing import Any

from realtime import protocol, tokens
from realtime.backplane import LocalBackplane, NatsBackplane
from realtime.errors import CLOSE_RESTART, revoked, signed_out
from realtime.logs import StateLog
from realtime.neighbours import Neighbours
from realtime.pair_desk import PairDesk
from realtime.rates import Bucket, Load
from realtime.relay import Relay, portions
from realtime.revocations import Revocations
from realtime.settings import Settings
from realtime.sockets import Socket
from realtime.waiting import WaitingBoards

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
LAG_PROBE_SECONDS = 0.25
FLUSH_SECONDS = 3.0
GOODBYE_SECONDS = 0.5


class Node:
    """Everything that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        clock = asyncio.get_running_loop().time
        self.settings = settings
        self.sockets: set[Socket] = set()
        self.neighbours = Neighbours()
        self._stopping = False
        self._ordered = self._drain_is_ordered()
        self._move_until: float | None = None
        self.load = Load(settings.limits.sockets)
        self._handshakes = Bucket(
            settings.limits.handshakes_per_second, settings.limits.handshakes_burst, clock()
        )
        self.backplane = (
            LocalBackplane()
            if settings.backplane == "local"
            else NatsBackplane(settings.nats_url, settings.node)
        )
        self.relay = Relay(settings, self.backplane, clock)
        self.waiting = WaitingBoards(settings, clock, self._send_forgotten_away)
        self.desk = PairDesk(settings, self.backplane, self.waiting, clock)
        self.revocations: Revocations | None = None
        if settings.database_url is not None:
            self.revocations = Revocations(settings.database_url, self._send_signed_out_away)
        self.backplane.on_node_is = lambda said: self.neighbours.hear(said, clock())
        self.clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._log = StateLog(logger, f"node={settings.node}", "starting")

    async def start(self) -> None:
        """Begin to work; neither NATS nor Postgres has to be there."""
        await self.backplane.start()
        self._tasks = [
            asyncio.create_task(self._tick_forever()),
            asyncio.create_task(self._measure_forever()),
            asyncio.create_task(self.desk.catch_up()),
        ]

    @property
    def draining(self) -> bool:
        """Whether new sockets are sent elsewhere: it stops, or an operator said so."""
        return self._stopping or self._ordered

    def takes_another(self) -> bool:
        """Whether one more handshake is within bounds; counts it. Those who are here come first: thousands who lost
        their host in one instant would make this one late for all of them, and be late themselves."""
        room = len(self.sockets) < self.settings.limits.sockets
        return room and self._handshakes.take(self.clock())

    def _drain_is_ordered(self) -> bool:
        file = self.settings.drain_file
        return file is not None and file.exists()

    def move(self, within_seconds: float) -> str:
        """The message that sends a page elsewhere."""
        hosts = self.neighbours.taking(self.clock())
        return protocol.encode("move", within_seconds=within_seconds, hosts=hosts or None)

    def reasons(self) -> list[str]:
        """Why this node is not ready; empty if it is."""
        snapshots = self.relay.snapshots
        reasons = [
            "draining" if self.draining else "",
            self.backplane.trouble(),
            snapshots.trouble() if snapshots is not None else "",
        ]
        return [reason for reason in reasons if reason]

    def figures(self) -> dict[str, Any]:
        """What /readyz shows beside its status."""
        return {
            "node": self.settings.node,
            "host": self.settings.name,
            "sockets": len(self.sockets),
            "sessions": len(self.relay),
            "load": self.load.value,
            "others": self.neighbours.taking(self.clock()),
            **self.desk.figures(),
        }

    def welcome(self, role: tokens.Role) -> str:
        """The answer to a good hello."""
        return protocol.encode(
            "welcome",
            protocol=protocol.VERSION,
            node=self.settings.node,
            host=self.settings.name,
            session=role.session,
            role=role.role,
            load=self.load.value,
        )

    def signed_out(self, role: tokens.Role) -> bool:
        """Whether the device that has this token was signed out, as far as this node knows."""
        return self.revocations is not None and role.sign_in in self.revocations

    def _send_signed_out_away(self) -> None:
        for socket in tuple(self.sockets):
            if socket.session is not None and self.signed_out(socket.role):
                socket.refuse(signed_out())

    def _send_forgotten_away(self) -> None:
        for socket in tuple(self.sockets):
            if socket.session is not None and self.waiting.boards.is_forgotten(socket.role):
                socket.refuse(revoked())

    async def _tick_forever(self) -> None:
        while True:
            try:
                await self._tick()
            except Exception:
                logger.exception("periodic work failed")
            await asyncio.sleep(TICK_SECONDS)

    async def _tick(self) -> None:
        now = self.clock()
        self._follow_order(now)
        async for socket in portions(self.sockets):
            socket.tick(now)
        self.waiting.tick()
        self.desk.tick()
        await self.relay.tick()
        async for session in portions(self.relay.sessions()):
            session.end_boards(self.waiting.boards.has_ended, self.waiting.boards.news)
        if self.revocations is not None:
            self.revocations.tick(now)
        self._say_how_it_is()
        reasons = self.reasons()
        self._log.change("not ready" if reasons else "ready", "; ".join(reasons))

    async def _measure_forever(self) -> None:
        while True:
            before = self.clock()
            await asyncio.sleep(LAG_PROBE_SECONDS)
            lag = self.clock() - before - LAG_PROBE_SECONDS
            self.load.measure(len(self.sockets), lag)

    def _say_how_it_is(self) -> None:
        said = {"node": self.settings.node, "host": self.settings.name, "takes": not self.draining}
        self.backplane.tell_node_is(said)

    def _follow_order(self, now: float) -> None:
        """Drain while the file is there that the front door looks at too; take sockets again when it is gone."""
        if self._stopping:
            return
        before, self._ordered = self._ordered, self._drain_is_ordered()
        if self._ordered and not before:
            self._send_away()
            self._move_until = now + self.settings.drain_seconds
        elif before and not self._ordered:
            logger.info("node=%s draining→serving", self.settings.node)
            self._move_until = None
        if self._move_until is not None and now >= self._move_until:
            self._move_until = None
            self._close_all()

    def _send_away(self) -> None:
        logger.info("node=%s draining sockets=%s", self.settings.node, len(self.sockets))
        self._say_how_it_is()
        move = self.move(self.settings.drain_seconds)
        for socket in tuple(self.sockets):
            socket.send_text(move)

    def _close_all(self) -> None:
        for socket in tuple(self.sockets):
            socket.end(CLOSE_RESTART, "This host restarts.")

    async def drain(self, hurry: asyncio.Event) -> None:
        """Ask all to move, wait (until `hurry`), close what is left, write the last snapshots.

        Writing comes last: what a client sends until its close is in the snapshot.
        """
        self._stopping = True
        self._send_away()
        await self._wait_until_empty(self.settings.drain_seconds, hurry)
        self._close_all()
        await self._wait_until_empty(GOODBYE_SECONDS, asyncio.Event())
        for task in self._tasks:
            task.cancel()
        await self._flush()
        self.waiting.boards.stop()
        if self.revocations is not None:
            self.revocations.stop()
        await self.backplane.stop()

    async def _wait_until_empty(self, seconds: float, hurry: asyncio.Event) -> None:
        until = self.clock() + seconds
        while self.sockets and self.clock() < until and not hurry.is_set():
            await asyncio.sleep(0.05)

    async def _flush(self) -> None:
        snapshots = self.relay.snapshots
        if snapshots is None:
            return
        written = await snapshots.stop(FLUSH_SECONDS)
        if not written:
            logger.warning("node=%s stops with snapshots unwritten", self.settings.node)
