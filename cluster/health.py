"""How is the cluster? Asks every node and every host's front door, all at once, each within a bound.

It only reads. What it returns is data; `cluster/cli.py` shows it.
"""

import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import psycopg2
import requests

from cluster import clock
from cluster.credentials import Credentials
from cluster.db import connect
from cluster.errors import NodeUnreachable
from cluster.mesh.build import subscription_name
from cluster.topology import Host, Topology

READYZ = {"API": "/readyz", "realtime": "/rt/readyz"}
"""Where each part of a host says whether it is of use just now."""
HTTP_SECONDS = 3
SENDER_SILENT_SECONDS = 60
"""A sender shows itself twice a second; it may be starting, or its host may be busy."""
MAIL_LATE_SECONDS = 600
"""By then a mail has been tried five times."""
LAG_BYTES_LIMIT = 64 * 1024 * 1024
"""A peer further behind than this is not well, even if it follows."""


@dataclass
class Follower:
    """One peer that should follow a node. `lag_seconds` is None when nothing was under way or it isn't following."""

    name: str
    following: bool
    lag_bytes: int | None
    lag_seconds: float | None
    kept_bytes: int | None = None
    """WAL that the node keeps for it; None: nothing is kept, it can't catch up any more."""
    kept_bound_bytes: int | None = None
    """`max_slot_wal_keep_size`: at this Postgres gives up, and the agent evicts it. None: no bound."""

    @property
    def troubles(self) -> list[str]:
        found = []
        if not self.following:
            found.append(f"{self.name} does not follow it")
        elif (self.lag_bytes or 0) > LAG_BYTES_LIMIT:
            found.append(f"{self.name} is {self.lag_bytes} bytes behind")
        kept, bound = self.kept_bytes or 0, self.kept_bound_bytes
        if bound and kept > bound / 2:
            found.append(
                f"it keeps {kept / 2**30:.1f} GiB for {self.name}, more than half of the bound of"
                f" {bound / 2**30:.1f} GiB, at which {self.name} is evicted: bring it back"
            )
        return found


@dataclass
class Mail:
    """What a host's API says of its outbox and its sender."""

    waiting: int | None = None
    oldest_seconds: float | None = None
    dead: int | None = None
    sender_seconds: float | None = None
    """Since the sender was last seen at work; None: never."""
    error: str | None = None

    @classmethod
    def read(cls, body: object) -> "Mail | None":
        """From an answer of /readyz; None when it says nothing of mail, as an older release."""
        told = body.get("mail") if isinstance(body, dict) else None
        if not isinstance(told, dict):
            return None
        return cls(**{name: told.get(name) for name in cls.__annotations__})

    @property
    def troubles(self) -> list[str]:
        if self.error:
            return [f"its outbox can't be read: {self.error}"]
        found = []
        if self.sender_seconds is None or self.sender_seconds > SENDER_SILENT_SECONDS:
            found.append("its mail sender does not run")
        if (self.oldest_seconds or 0) > MAIL_LATE_SECONDS:
            found.append(
                f"{self.waiting} mails wait, the oldest for {(self.oldest_seconds or 0) / 60:.0f} minutes;"
                " do the providers answer? See there: manage.py mail list"
            )
        if self.dead:
            found.append(f"{self.dead} mails could not be sent; see there: manage.py mail list")
        return found


@dataclass
class Node:
    """What one host says of itself. `database` is None when its Postgres does not answer (`error` says why)."""

    name: str
    node: int
    database: str | None = None
    durability: str | None = None
    position: str | None = None
    change_log_bytes: int | None = None
    conflicts: int | None = None
    parked: dict[str, int] = field(default_factory=dict)
    followers: list[Follower] = field(default_factory=list)
    api: str | None = None
    realtime: str | None = None
    """`ready`, or in a few words why not; None: the cluster has no such part."""
    error: str | None = None
    unfit: list[str] = field(default_factory=list)
    """Why it says itself that it must not serve."""
    states: dict[int, str] = field(default_factory=dict)
    """What it says of each node: member or evicted."""
    evicted: bool = False
    mail: Mail | None = None
    """None: the API did not say."""
    clock_skew_seconds: float | None = None
    """Ahead of the others' clocks; None: not known."""
    clock_error_seconds: float | None = None

    def parts(self) -> dict[str, str]:
        """What runs beside Postgres, and how it is."""
        found = {"API": self.api, "realtime": self.realtime}
        return {part: state for part, state in found.items() if state is not None}

    @property
    def troubles(self) -> list[str]:
        """Everything that is not as it should be, one sentence each; empty: well."""
        if self.evicted:
            return [
                f"it was evicted; run: clusterctl rejoin {self.name}, or take it out of the cluster file"
            ]
        found = []
        if self.database is None:
            found.append(self.error or "Postgres does not answer")
        for part, state in self.parts().items():
            if state != "ready":
                found.append(f"{part} is not ready: {state}")
        if self.database is not None and self.durability == "local" and self.followers:
            found.append("commits are durable on this node only: no peer follows it")
        found += [trouble for follower in self.followers for trouble in follower.troubles]
        found += self.unfit
        found += self.mail.troubles if self.mail else []
        if self.clock_skew_seconds is not None and not self.unfit:
            skew = clock.Skew(self.clock_skew_seconds, self.clock_error_seconds or 0)
            if skew.alarming:
                found.append(f"its clock is {skew}; see chronyc tracking")
        waiting = {reason: n for reason, n in self.parked.items() if reason != "recheck"}
        if waiting:
            counts = ", ".join(f"{n} {reason}" for reason, n in sorted(waiting.items()))
            found.append(f"rows are parked ({counts}); see clusterctl parked")
        return found


def look(topology: Topology, passwords: Credentials) -> list[Node]:
    """The state of all hosts, in order of their node numbers."""
    with ThreadPoolExecutor(max_workers=3 * len(topology.hosts)) as pool:
        readings: dict[str, clock.Reading] = {}
        databases = pool.map(
            lambda host: _database(topology, host, passwords, readings), topology.hosts
        )
        apis, realtimes = (
            pool.map(lambda host, part=part: _part(topology, host, part), topology.hosts)
            for part in READYZ
        )
        nodes = []
        for node, (api, body), (realtime, _) in zip(databases, apis, realtimes, strict=True):
            node.api, node.realtime, node.mail = api, realtime, Mail.read(body)
            nodes.append(node)
    _compare(nodes, readings)
    return nodes


def _compare(nodes: list[Node], readings: dict[str, clock.Reading]) -> None:
    """What only all answers together tell: whose clock is off, who was evicted."""
    for name, skew in clock.skews(readings).items():
        node = next(n for n in nodes if n.name == name)
        node.clock_skew_seconds, node.clock_error_seconds = (
            round(skew.seconds, 6),
            round(skew.error, 6),
        )
    for node in nodes:
        node.evicted = any(
            other.states.get(node.node) == "evicted" for other in nodes if other is not node
        )
    for node in nodes:
        gone = {n.name for n in nodes if node.states.get(n.node) == "evicted"}
        node.followers = [f for f in node.followers if f.name not in gone]


def as_json(nodes: list[Node]) -> dict:
    """The state as `clusterctl status --json` prints it."""
    return {
        "well": not any(n.troubles for n in nodes),
        "nodes": [{**asdict(n), "troubles": n.troubles} for n in nodes],
    }


def _database(
    topology: Topology, host: Host, passwords: Credentials, readings: dict[str, clock.Reading]
) -> Node:
    node = Node(host.name, host.node)
    try:
        with connect(topology, host, passwords, autocommit=True) as db, db.cursor() as cursor:
            cursor.execute("set statement_timeout = '3s'")
            cursor.execute(
                "select current_setting('server_version'), current_setting('synchronous_standby_names'),"
                " mesh.position(), mesh.log_bytes(), (select count(*) from mesh.conflict)"
            )
            row = cursor.fetchone() or ()
            version, standbys, node.position, node.change_log_bytes, node.conflicts = row
            node.database = version.split()[0]
            node.durability = "peer" if standbys else "local"
            cursor.execute("select reason, count(*) from mesh.parked group by 1")
            node.parked = dict(cursor.fetchall())
            node.followers = _followers(cursor, topology, host)
            cursor.execute("select node, state from mesh.node")
            node.states = dict(cursor.fetchall())
            cursor.execute("select mesh.unfit_reasons()")
            node.unfit = [reason for (reason,) in cursor.fetchall()]
            readings[host.name] = clock.measure(db)
    except (psycopg2.errors.InvalidSchemaName, psycopg2.errors.UndefinedTable):
        node.database = None
        node.error = f"it has no change log, so it is no member; run: clusterctl join {host.name}"
    except (NodeUnreachable, psycopg2.Error) as error:
        node.database = None
        node.error = str(error.message if isinstance(error, NodeUnreachable) else error).strip()
    return node


def _followers(cursor, topology: Topology, host: Host) -> list[Follower]:
    cursor.execute(
        "select s.slot_name, s.active and coalesce(r.state, '') in ('streaming', 'catchup'),"
        " pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint,"
        " extract(epoch from r.replay_lag)::float,"
        " pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint,"
        " (select nullif(setting::bigint, -1) * 1024 * 1024 from pg_settings where name = 'max_slot_wal_keep_size')"
        " from pg_replication_slots s left join pg_stat_replication r on r.pid = s.active_pid"
    )
    slots = {name: rest for name, *rest in cursor.fetchall()}
    followers = []
    for peer in topology.peers(host):
        found = slots.get(subscription_name(peer, host), (False, None, None, None, None))
        followers.append(Follower(peer.name, *found))
    return followers


class _Trusting(requests.adapters.HTTPAdapter):
    """Takes certificates of the cluster's own authority besides those of the public ones."""

    def __init__(self, ca_file: str) -> None:
        self.context = ssl.create_default_context()  # requests adds the public ones
        self.context.load_verify_locations(ca_file)
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs, ssl_context=self.context)


def unready_parts(topology: Topology, host: Host) -> str:
    """What of one host is not ready, and why, as its front door says; empty: it serves."""
    states = {part: _part(topology, host, part)[0] for part in topology.parts}
    return "; ".join(f"{part}: {state}" for part, state in states.items() if state != "ready")


def sockets(topology: Topology, host: Host) -> int | None:
    """How many pages are on a host's realtime service; None: it does not say."""
    body = _part(topology, host, "realtime")[1]
    count = body.get("sockets") if isinstance(body, dict) else None
    return count if isinstance(count, int) else None


def _part(topology: Topology, host: Host, part: str) -> tuple[str | None, object]:
    return (
        _ready(topology, host.public_url + READYZ[part]) if part in topology.parts else (None, None)
    )


def _ready(topology: Topology, url: str) -> tuple[str, object]:
    """`ready`, or in a few words why not; and the answer's JSON body, None if it has none."""
    with requests.Session() as session:
        try:
            if topology.ca_file:
                session.mount("https://", _Trusting(topology.ca_file))
            answer = session.get(url, timeout=HTTP_SECONDS)
        except OSError as error:
            return _why_no_answer(topology, error), None
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code == 200:
        return "ready", body
    told = body if isinstance(body, dict) else {}
    reasons = told.get("reasons") or [told.get("message", "")]
    return "; ".join(map(str, reasons)) or f"HTTP {answer.status_code}", body


def _why_no_answer(topology: Topology, error: OSError) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {HTTP_SECONDS} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not trusted: {error}"
    if isinstance(error, requests.ConnectionError):
        text = str(error)
        if "NameResolution" in text or "resolve" in text:
            return "its name does not resolve"
        return "nothing listens"
    return f"{topology.ca_file} can't be used: {error}"
