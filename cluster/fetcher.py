"""Fetches from live peers what a dead one had sent to them and not to this node, in a thread of the agent's.

A commit may have reached one peer only when its node died; the others get it from that peer, a transaction at a time.
"""

import logging
import time
from dataclasses import dataclass

import psycopg2

from cluster import exchange
from cluster.credentials import Credentials
from cluster.db import AWAY, NO_CHANGE_LOG, connect, row
from cluster.errors import NodeUnreachable
from cluster.mesh.build import subscription_name
from cluster.topology import Host, Topology

logger = logging.getLogger("cluster.fetcher")

TURN_SECONDS = 0.5
SILENT_SECONDS = 3.0
"""A peer of whom nothing arrived for this long, not even a beat, which comes twice a second, is not followed."""
LOCK_TIMEOUT = "200ms"
"""A worker that is bringing the same is not waited for."""
BROUGHT_ELSEWISE = (
    psycopg2.errors.UniqueViolation,
    psycopg2.errors.LockNotAvailable,
    psycopg2.errors.DeadlockDetected,
)


@dataclass
class Fetcher:
    """One per agent; `run` never returns, `turn` is one look."""

    topology: Topology
    host: Host
    passwords: Credentials

    def run(self) -> None:
        """Until the process ends. A lost connection is opened again at the next turn."""
        while True:
            try:
                with connect(self.topology, self.host, self.passwords, autocommit=True) as db:
                    while True:
                        self.turn(db)
                        time.sleep(TURN_SECONDS)
            except (*AWAY, *NO_CHANGE_LOG):
                pass  # the agent says it
            except Exception:
                logger.exception("what dead peers left behind could not be fetched; tried again")
            time.sleep(TURN_SECONDS)

    def turn(self, db: psycopg2.extensions.connection) -> None:
        """Fetch what there is; `db` in autocommit. Raises psycopg2.OperationalError when the node is gone."""
        with db.cursor() as cursor:
            cursor.execute("set lock_timeout = %s", (LOCK_TIMEOUT,))
            cursor.execute(
                "select exists (select from mesh.joining), array(select node from mesh.node where state = 'member')"
            )
            joining, members = row(cursor)
            if joining:
                return
            cursor.execute(
                "select subname from pg_stat_subscription where pid is not null"
                " and last_msg_receipt_time > clock_timestamp() - make_interval(secs => %s)",
                (SILENT_SECONDS,),
            )
            followed = {name for (name,) in cursor.fetchall()}
        peers = [peer for peer in self.topology.peers(self.host) if peer.node in members]
        for dead in peers:
            if subscription_name(self.host, dead) not in followed:
                for peer in peers:
                    if peer is not dead:
                        self._fetch(db, dead, peer)

    def _fetch(self, db: psycopg2.extensions.connection, dead: Host, peer: Host) -> None:
        """Take over what `peer` has of `dead` and we lack."""
        with db.cursor() as cursor:
            # Its beats come in the order of its commits: who has one has all that it speaks of.
            cursor.execute("select settled from mesh.heartbeat where node = %s", (dead.node,))
            found = cursor.fetchone()
        settled = found[0] if found else 0
        try:
            with connect(self.topology, peer, self.passwords, autocommit=True) as theirs:
                fetched = exchange.transfer(theirs, db, dead.node, settled)
        except NodeUnreachable:
            return
        except BROUGHT_ELSEWISE:
            with db.cursor() as cursor:
                cursor.execute("rollback")  # what is missing then is looked for at the next turn
            return
        if fetched:
            logger.warning(
                "node=%s fetched=%d changes of %s from %s", self.host.name, fetched, dead.name, peer.name
            )  # fmt: skip
