"""What an agent does about its node's place in the mesh, in a thread of its own: peers that are gone answer slowly.

- After each start of Postgres it opens the gate (`mesh.gate`) when the peers have been compared with: an old disk, an
  evicted node and one of another cluster stay shut (`membership.admission`).
- It compares clocks; while this node's is wrong, the gate is shut and the host not ready (`cluster/clock.py`).
- It puts out a peer for which Postgres has given up keeping changes (`membership.beyond_bound`).
"""

import logging
import time
from dataclasses import dataclass, field

import psycopg2

from cluster import clock
from cluster.credentials import Credentials
from cluster.db import AWAY, NO_CHANGE_LOG, connect, dsn, row
from cluster.errors import ClusterError
from cluster.eviction import evict
from cluster.membership import (
    Admission,
    PeerSays,
    admission,
    ask_peer,
    beyond_bound,
    kept_for_peers,
    own_state,
)
from cluster.topology import Host, Topology

logger = logging.getLogger("cluster.watch")

TURN_SECONDS = 0.5
LOOK_SECONDS = 2.0
"""Clocks are compared, and what is kept for peers is looked at, this often."""
RETRY_SECONDS = 1.0
"""A peer that did not answer is asked again after this long."""


@dataclass
class _Peer:
    """A connection that is kept, as a clock is asked for often."""

    host: Host
    db: psycopg2.extensions.connection | None = None
    failed_at: float = -RETRY_SECONDS
    asked: bool = False
    """Since this node's Postgres started."""


@dataclass
class Watch:
    """One per agent; `run` never returns, `turn` is one look."""

    topology: Topology
    host: Host
    passwords: Credentials
    life: tuple = ()
    """When the Postgres started that is being looked at, and what its node was then: member, evicted, joining."""
    asking_since: float = 0.0
    looked_at: float = -LOOK_SECONDS
    decided: Admission = field(default_factory=lambda: Admission(False, None, False))
    told: tuple[bool, str | None] = (False, None)
    """Whether the gate was open and why not, when it was last logged."""
    said: list[PeerSays] = field(default_factory=list)
    alarms: dict[str, str] = field(default_factory=dict)
    """What `clusterctl status` would tell an operator, who may not be looking; by what it is about."""

    def __post_init__(self) -> None:
        self.peers = [_Peer(peer) for peer in self.topology.peers(self.host)]

    def run(self) -> None:
        """Until the process ends. A lost connection is opened again at the next turn."""
        while True:
            try:
                with connect(self.topology, self.host, self.passwords, autocommit=True) as db:
                    while True:
                        self.turn(db)
                        time.sleep(TURN_SECONDS)
            except (*AWAY, *NO_CHANGE_LOG):
                time.sleep(TURN_SECONDS)  # the agent says it
            except Exception:
                logger.exception("membership could not be looked after; tried again")
                time.sleep(RETRY_SECONDS)

    def turn(self, db: psycopg2.extensions.connection) -> None:
        """One look at everything. Raises psycopg2.OperationalError when the node is gone."""
        now = time.monotonic()
        with db.cursor() as cursor:
            cursor.execute("set synchronous_commit = local")
            cursor.execute(
                "select pg_postmaster_start_time(), to_regclass('mesh.joining') is not null"
            )
            started, installed = row(cursor)
            if not installed:
                return
            life = (started, own_state(cursor, self.host.node))
            # A gate that is open though it was to stay shut was opened by a join: what was decided is of the past.
            if life != self.life or (_is_open(cursor) and not self.decided.open):
                self._begin_anew(cursor, life, now)
            state = life[1]
            if state == "joining":
                return
            if self.decided.open and now - self.looked_at < LOOK_SECONDS:
                return
            self.looked_at = now
            cursor.execute("select node from mesh.node where state = 'member'")
            members = {node for (node,) in cursor.fetchall()}
            peers = [peer for peer in self.peers if peer.host.node in members]
            wrong = self._compare_clocks(db, peers, _is_open(cursor))
            if not self.decided.final:
                self._ask(db, peers, state, now)
            self._set_gate(cursor, wrong)
            if state == "member" and self.decided.open:
                self._evict_beyond_bound(cursor, peers)

    def _begin_anew(self, cursor, life: tuple, now: float) -> None:
        """Postgres has started, or the agent has, or the node was evicted, or joined.

        What an earlier agent or a join opened stays open unless a peer objects.
        """
        self.life, self.asking_since, self.said = life, now, []
        self.decided = Admission(_is_open(cursor), None, False)
        for peer in self.peers:
            peer.asked = False

    # --- admission

    def _ask(self, db, peers: list[_Peer], state: str, now: float) -> None:
        """Ask the peers that were not asked yet; decide with what all have said."""
        for peer in peers:
            if not peer.asked and (theirs := self._reach(peer)):
                try:
                    self.said.append(
                        ask_peer(db, theirs, self.host, peer.host.name, self.decided.open)
                    )
                    peer.asked = True
                except psycopg2.Error:
                    self._lose(peer)
        with db.cursor() as cursor:
            cursor.execute("select mesh.cluster_id()")
            (cluster_id,) = row(cursor)
        found = admission(
            self.host.name, cluster_id, state, self.said, len(peers), now - self.asking_since
        )
        if found.open or found.final or not self.decided.open:
            self.decided = found

    def _set_gate(self, cursor, wrong_clock: str | None) -> None:
        """Open or shut the gate as was decided; say so when that changes."""
        opened = self.decided.open and wrong_clock is None
        was_open = _is_open(cursor)
        if opened and not was_open:
            cursor.execute("select mesh.open_gate()")
        elif was_open and not opened:
            cursor.execute("delete from mesh.gate")
        clock.tell(cursor, "gate", None if self.decided.open else self.decided.reason)
        news = (opened, "clock" if wrong_clock else self.decided.reason)
        if news == self.told:
            return
        self.told = news
        if not opened:
            logger.warning(
                "node=%s gate shut: %s", self.host.name, wrong_clock or self.decided.reason
            )
        elif self.decided.reason:
            logger.warning(
                "node=%s gate shut→open unasked: %s", self.host.name, self.decided.reason
            )
        else:
            logger.info("node=%s gate shut→open", self.host.name)

    # --- clocks

    def _compare_clocks(self, db, peers: list[_Peer], is_open: bool) -> str | None:
        """Why this node's clock is wrong, or None; /readyz is told."""
        readings = self._read(db, peers, "clock")
        # Once the gate is open all follow one another's stamps; before, one's own may be from a wrong clock.
        stamps = {} if is_open else self._read(db, peers, "next_hlc")
        with db.cursor() as cursor:
            cursor.execute("select exists (select from mesh.unfit where what = 'clock')")
            reason = clock.unfit_reason(
                self.host.name, readings, row(cursor)[0]
            ) or clock.stamps_ahead_reason(self.host.name, stamps)
            skew = clock.skews(readings)[self.host.name]
            self._alarm("clock", f"its clock is {skew}" if skew.alarming and not reason else None)
            if clock.tell(cursor, "clock", reason):
                if reason:
                    logger.warning("node=%s clock right→wrong: %s", self.host.name, reason)
                else:
                    logger.info("node=%s clock wrong→right", self.host.name)
        return reason

    def _alarm(self, what: str, text: str | None) -> None:
        """Log it when it comes and when it goes."""
        if text and what not in self.alarms:
            logger.warning("node=%s alarm: %s", self.host.name, text)
            self.alarms[what] = text
        elif not text and what in self.alarms:
            logger.info("node=%s alarm over: %s", self.host.name, self.alarms.pop(what))

    def _read(self, db, peers: list[_Peer], what: str) -> dict[str, clock.Reading]:
        """This node's clock and those of the peers that answer."""
        readings = {self.host.name: clock.measure(db, what)}
        for peer in peers:
            if theirs := self._reach(peer):
                try:
                    readings[peer.host.name] = clock.measure(theirs, what)
                except psycopg2.Error:
                    self._lose(peer)
        return readings

    def _reach(self, peer: _Peer) -> psycopg2.extensions.connection | None:
        """The kept connection to a peer; None: it does not answer, or was asked a moment ago and did not."""
        if peer.db is None and time.monotonic() - peer.failed_at >= RETRY_SECONDS:
            try:
                peer.db = psycopg2.connect(dsn(self.topology, peer.host, self.passwords))
                peer.db.autocommit = True
            except psycopg2.OperationalError:
                peer.failed_at = time.monotonic()
        return peer.db

    def _lose(self, peer: _Peer) -> None:
        if peer.db is not None:
            peer.db.close()
        peer.db, peer.failed_at = None, time.monotonic()

    def close(self) -> None:
        """Close the connections to the peers."""
        for peer in self.peers:
            if peer.db is not None:
                peer.db.close()
                peer.db = None

    # --- the bound

    def _evict_beyond_bound(self, cursor, peers: list[_Peer]) -> None:
        kept = kept_for_peers(cursor, self.host, [peer.host for peer in peers])
        cursor.execute(
            "select setting::bigint * 1024 * 1024 from pg_settings where name = 'max_slot_wal_keep_size'"
        )
        (bound,) = row(cursor)
        for slot in kept:
            full = bound > 0 and (slot.bytes or 0) > bound / 2
            about = f"it keeps more than half of max_slot_wal_keep_size for {slot.peer}, which is evicted at that"
            self._alarm(f"kept for {slot.peer}", about if full else None)
        for name in beyond_bound(kept):
            logger.warning(
                "node=%s evicts %s: what was kept for it went over max_slot_wal_keep_size",
                self.host.name,
                name,
            )
            try:
                evict(
                    self.topology,
                    self.passwords,
                    name,
                    force=True,
                    who=f"agent@{self.host.name}",
                )
            except ClusterError as error:
                logger.warning("node=%s evicting %s: %s", self.host.name, name, error.message)


def _is_open(cursor) -> bool:
    cursor.execute("select mesh.gate_is_open()")
    return row(cursor)[0]
