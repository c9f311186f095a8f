"""The agent of one host: keeps the node's promises honest. One per host, beside its Postgres.

Twice a second it
- settles what is parked (`mesh.sweep`) and says what will not come any more (`mesh.beat`),
- switches commits between `peer` (a peer has applied them) and `local`, by whether a peer is there.

In threads of their own, `cluster/fetcher.py` fetches from live peers what a dead one had sent to them and not to us,
`cluster/watch.py` looks after the gate, the clocks and peers that are gone for good, and `cluster/log_keeper.py` after
the change log's parts.

It never stops or starts a service and never changes a row but through the change log.
"""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
from psycopg2 import sql

from cluster import credentials as secrets
from cluster import topology as topologies
from cluster.credentials import Credentials
from cluster.db import AWAY, NO_CHANGE_LOG, connect
from cluster.fetcher import Fetcher
from cluster.log_keeper import LogKeeper
from cluster.logs import configure
from cluster.mesh.build import subscription_name
from cluster.topology import Host, Topology
from cluster.watch import Watch

logger = logging.getLogger("cluster.agent")

TURN_SECONDS = 0.5
DEGRADE_AFTER_SECONDS = 0.5
"""Without any peer for this long, commits stop waiting. Also the longest that a write then hangs, plus a turn."""
RESTORE_AFTER_SECONDS = 3.0
"""A peer must have been there for this long without a break."""
SILENT_SECONDS = 3.0
"""A follower that has said nothing for this long is not there, though its connection stands (its host lost power, or
it is busy with one large transaction). It is asked for a word each second: `wal_receiver_status_interval`."""
LONGEST_RESTORE_SECONDS = 96.0
"""Each time that `peer` did not hold for as long as this, the next wait is twice as long, up to this: a peer that
comes and goes makes writes hang once for each time that its promise is believed."""
LOCK_TIMEOUT = "200ms"
"""Whoever holds a row must not make the agent wait: it may be a commit that the agent alone can let go on."""
LET_GO_AFTER_SECONDS = 1.0
"""Commits of one row on several nodes may wait for one another: each keeps its row locked until a peer has applied it,
and each peer's worker waits for that row. One that has waited for so long, and a worker for it, stops waiting."""
LET_GO = """
    with recursive held(pid) as (
        select unnest(pg_blocking_pids(w.pid)) from pg_stat_activity w
            where w.backend_type like 'logical replication%%worker' and w.wait_event_type = 'Lock'
        union select unnest(pg_blocking_pids(h.pid)) from held h)
    select pg_cancel_backend(a.pid) from held join pg_stat_activity a using (pid)
        where a.wait_event = 'SyncRep' and clock_timestamp() - a.query_start > make_interval(secs => %s)
"""


@dataclass
class Durability:
    """Decides between `peer` and `local`; pure, so that it can be tested without a clock.

    `current` is what is in force; `None` before the first look.
    """

    current: str | None = None
    absent_since: float | None = None
    present_since: float | None = None
    restored_at: float | None = None
    restore_after: float = RESTORE_AFTER_SECONDS

    def decide(self, peers: int, now: float) -> str:
        """What should be in force, given how many peers follow at `now` (seconds, monotonic)."""
        if peers:
            self.absent_since = None
            self.present_since = self.present_since or now
            if self.current != "peer" and now - self.present_since >= self.restore_after:
                self.restored_at = now
                return "peer"
        else:
            self.present_since = None
            self.absent_since = self.absent_since or now
            if self.current != "local" and now - self.absent_since >= DEGRADE_AFTER_SECONDS:
                held = now - self.restored_at if self.restored_at is not None else float("inf")
                self.restore_after = (
                    min(2 * self.restore_after, LONGEST_RESTORE_SECONDS)
                    if held < LONGEST_RESTORE_SECONDS
                    else RESTORE_AFTER_SECONDS
                )
                return "local"
        return self.current or "local"


@dataclass
class Replies:
    """When each follower last said something. Its own clock stamps that, so only whether the stamp moved counts."""

    last: dict[str, tuple[object, float]] = field(default_factory=dict)

    def fresh(self, stamps: dict[str, object], now: float) -> int:
        """How many of the followers (name → stamp of its last reply) were heard lately; `now`: seconds, monotonic."""
        self.last = {
            name: seen if (seen := self.last.get(name)) and seen[0] == stamp else (stamp, now)
            for name, stamp in stamps.items()
        }
        return sum(now - at < SILENT_SECONDS for _, at in self.last.values())


class Agent:
    def __init__(self, topology: Topology, host: Host, passwords: Credentials):
        self.topology = topology
        self.host = host
        self.passwords = passwords
        self.peers = topology.peers(host)
        self.durability = Durability()
        self.replies = Replies()
        self.parked = 0

    def run(self) -> None:
        """Until killed. A lost connection is opened again at the next turn."""
        away = False
        while True:
            try:
                with connect(self.topology, self.host, self.passwords, autocommit=True) as db:
                    if away:
                        logger.info("node=%s away→back", self.host.name)
                    away = False
                    self.durability.current = self._durability_in_force(db)
                    while True:
                        self.turn(db)
                        time.sleep(TURN_SECONDS)
            except AWAY as error:
                if not away:
                    logger.warning("node=%s back→away %s", self.host.name, str(error).strip())
                away = True
                time.sleep(TURN_SECONDS)
            except NO_CHANGE_LOG:
                time.sleep(TURN_SECONDS)

    def turn(self, db) -> None:
        """One look at everything. Raises psycopg2.OperationalError when the node is gone."""
        with db.cursor() as cursor:
            cursor.execute("set synchronous_commit = local")
            cursor.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
            if self._is_being_filled(cursor):
                return
            self._let_go(cursor)
            cursor.execute("select mesh.sweep()")
            parked = cursor.fetchone()[0]
            if parked != self.parked:
                logger.info("node=%s parked %d→%d", self.host.name, self.parked, parked)
                self.parked = parked
            # A beat raises the floor of all later stamps: not while the clock may be wrong.
            cursor.execute("select mesh.beat() where mesh.gate_is_open()")
            if self.peers:
                self._keep_durability(cursor)

    def _is_being_filled(self, cursor) -> bool:
        """Whether this node is no member yet, and nothing is to be done; also learns who was evicted."""
        cursor.execute("select to_regclass('mesh.joining') is null")
        if cursor.fetchone()[0]:
            return True
        cursor.execute(
            "select exists (select from mesh.joining), array(select node from mesh.node where state = 'evicted')"
        )
        joining, evicted = cursor.fetchone()
        self.peers = tuple(p for p in self.topology.peers(self.host) if p.node not in evicted)
        return joining

    def _let_go(self, cursor) -> None:
        """End the wait of commits that could wait for ever (docs/decisions/0023). Their clients are told."""
        cursor.execute(LET_GO, [LET_GO_AFTER_SECONDS])
        if let_go := cursor.rowcount:
            logger.warning("node=%s let_go=%d commits without a peer", self.host.name, let_go)

    def _durability_in_force(self, db) -> str:
        with db.cursor() as cursor:
            cursor.execute("select current_setting('synchronous_standby_names')")
            return "peer" if cursor.fetchone()[0] else "local"

    def _keep_durability(self, cursor) -> None:
        cursor.execute(
            "select application_name, reply_time from pg_stat_replication"
            " where application_name = any (%s) and state = 'streaming'",
            ([subscription_name(peer, self.host) for peer in self.peers],),
        )
        now = time.monotonic()
        following = self.replies.fresh(dict(cursor.fetchall()), now)
        wanted = self.durability.decide(following, now)
        cursor.execute("select current_setting('synchronous_standby_names')")
        (in_force,) = cursor.fetchone()
        names = ", ".join(subscription_name(peer, self.host) for peer in self.peers)
        value = f"ANY 1 ({names})" if wanted == "peer" else ""
        if wanted == self.durability.current and value == in_force:
            return
        cursor.execute(
            sql.SQL("alter system set synchronous_standby_names = {}").format(sql.Literal(value))
        )
        cursor.execute("select pg_reload_conf()")
        if wanted == self.durability.current:
            logger.info("node=%s durability peer: %s→%s", self.host.name, in_force, value)
            return
        logger.warning(
            "node=%s durability %s→%s following=%d",
            self.host.name,
            self.durability.current,
            wanted,
            following,
        )
        self.durability.current = wanted


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="cluster.toml")
@click.option("--host", "name", required=True, help="the host it runs on")
@click.option(
    "--archive", type=click.Path(path_type=Path), required=True,
    help="a folder of this host's own, for parts of the change log that leave the database",
)  # fmt: skip
def main(config: Path, name: str, archive: Path) -> None:
    """Run the agent of one host until it is stopped."""
    configure()
    topology = topologies.load(config)
    host, passwords = topology.host(name), secrets.load(config.with_name("secrets.toml"))
    for beside in (
        Fetcher(topology, host, passwords),
        Watch(topology, host, passwords),
        LogKeeper(topology, host, passwords, archive),
    ):
        threading.Thread(target=beside.run, name=type(beside).__name__, daemon=True).start()
    Agent(topology, host, passwords).run()


if __name__ == "__main__":
    main()
