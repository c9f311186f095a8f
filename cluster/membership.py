"""Who is a member of the mesh, and may this node serve? Looks at all nodes, and decides; changes nothing.

`cluster/joining.py` brings a node in, `cluster/eviction.py` puts one out. What decides is pure (`members_beside`,
`admission`, `beyond_bound`); the agent asks it. Runbook: docs/operations/members.md.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace

import psycopg2

from cluster.credentials import Credentials
from cluster.db import connect, row
from cluster.errors import ClusterError, NodeUnreachable
from cluster.exchange import pruned
from cluster.topology import Host, Topology

Say = Callable[[str], None]
"""Told each sentence of what an operation did, as soon as it is done."""


@dataclass(frozen=True)
class View:
    """What one node says of the mesh. `error`: why it can't be asked; then the rest is empty."""

    node: int
    name: str
    error: str | None = None
    server_version: int = 0
    cluster_id: str | None = None
    """None: no change log is installed."""
    states: Mapping[int, str] = field(default_factory=dict)
    """State of each node it knows of: member or evicted."""
    names: Mapping[int, str] = field(default_factory=dict)
    has_data: bool = False
    """Tables of the application, or changes in the log."""
    follows: frozenset[int] = frozenset()
    """Nodes it has a subscription to."""
    keeps_for: frozenset[int] = frozenset()
    """Nodes it has a slot for."""
    joining: str | None = None
    """copying, copied: a join of this node was begun and not ended."""


@dataclass(frozen=True)
class Members:
    """The mesh as seen from outside one node, the target: its own opinion of itself does not count."""

    live: dict[int, View]
    """Members other than the target that answer."""
    away: dict[int, View]
    """Members other than the target that don't."""
    target_state: str | None
    """What the live ones say of the target; None: they don't know it."""

    @property
    def cluster_id(self) -> str:
        """Raises ClusterError when the members are of two clusters."""
        found = {view.name: view.cluster_id for view in self.live.values()}
        if len(set(found.values())) != 1:
            said = ", ".join(f"{name}: {known}" for name, known in sorted(found.items()))
            raise ClusterError(
                f"these nodes belong to different clusters ({said}); name the right ones only"
            )
        return next(iter(found.values())) or ""

    def require_all(self, instead: str) -> None:
        """Raises ClusterError when a member does not answer; `instead`: what else can be done."""
        if self.away:
            said = "; ".join(view.error or view.name for view in self.away.values())
            raise ClusterError(f"{said}. All members are needed for this; {instead}")


def members_beside(views: Mapping[int, View], target: int) -> Members:
    """Which nodes besides `target` are members. A node that another one holds evicted is none."""
    rest = {n: v for n, v in views.items() if n != target}
    inside = {n: v for n, v in rest.items() if v.cluster_id and not v.joining}
    said = [(n, view.states) for n, view in inside.items()]

    def evicted(node: int) -> bool:
        return any(states.get(node) == "evicted" for n, states in said if n != node)

    live = {n: v for n, v in inside.items() if not evicted(n)}
    known = {node for view in live.values() for node in view.states}
    away = {n: v for n, v in rest.items() if v.error and n in known and not evicted(n)}
    states = {view.states.get(target) for view in live.values()} - {None}
    state = "evicted" if "evicted" in states else next(iter(states), None)
    return Members(live, away, state)


def look(topology: Topology, passwords: Credentials) -> dict[int, View]:
    """What every node of the cluster file says, by number; those that don't answer say why."""
    return {host.node: _look(topology, host, passwords) for host in topology.hosts}


def _look(topology: Topology, host: Host, passwords: Credentials) -> View:
    view = View(host.node, host.name)
    try:
        with connect(topology, host, passwords, autocommit=True) as db, db.cursor() as cursor:
            cursor.execute("set statement_timeout = '10s'")
            cursor.execute(
                "select exists (select from pg_class where relnamespace = to_regnamespace('public')"
                " and relkind in ('r', 'p')),"
                " to_regprocedure('mesh.cluster_id()') is not null, to_regclass('mesh.joining') is not null"
            )
            has_tables, installed, newer = row(cursor)
            cursor.execute("select subname from pg_subscription")
            names = [name for (name,) in cursor.fetchall()]
            found = [re.fullmatch(rf"n{host.node}_from_n(\d+)", name) for name in names]
            cursor.execute("select slot_name from pg_replication_slots")
            names = [name for (name,) in cursor.fetchall()]
            kept = [re.fullmatch(rf"n(\d+)_from_n{host.node}", name) for name in names]
            view = replace(
                view,
                server_version=db.server_version,
                has_data=has_tables,
                follows=frozenset(int(match[1]) for match in found if match),
                keeps_for=frozenset(int(match[1]) for match in kept if match),
            )
            if not installed:
                return view
            cursor.execute("select mesh.cluster_id(), exists (select from mesh.change)")
            cluster_id, has_changes = row(cursor)
            cursor.execute(
                "select node, name, coalesce(to_jsonb(n)->>'state', 'member') from mesh.node n"
            )
            nodes = cursor.fetchall()
            step = None
            if newer:
                cursor.execute("select step from mesh.joining")
                step = (cursor.fetchone() or (None,))[0]
            return replace(
                view,
                cluster_id=cluster_id,
                has_data=has_tables or has_changes,
                states={node: state for node, _, state in nodes},
                names={node: name for node, name, _ in nodes},
                joining=step,
            )
    except NodeUnreachable as error:
        return replace(view, error=error.message)
    except psycopg2.Error as error:
        return View(
            host.node, host.name, error=f"{host.name}: {str(error).strip().splitlines()[0]}"
        )


# --- deciding, for the agent


@dataclass(frozen=True)
class PeerSays:
    """What a peer said when this node asked it, before it takes writes."""

    name: str
    cluster_id: str
    state: str | None
    """Of this node there: member, evicted; None: unknown."""
    lost: int
    """How many changes of this node it has that this node lacks, and has not pruned."""


@dataclass(frozen=True)
class Admission:
    """May this node take writes? `final` False: not all peers were asked; decide again when one more answers."""

    open: bool
    reason: str | None
    final: bool = True


ADMIT_ALONE_AFTER_SECONDS = 30.0
"""After this long without any peer a node takes writes unasked: two hosts that both lost their power, of which one
never returns, must not keep the school waiting for a person."""


def admission(
    me: str, cluster_id: str, state: str, said: Iterable[PeerSays], peers: int, seconds: float
) -> Admission:
    """Whether a node that has just started may take writes.

    `state`: what its own database says of it (`own_state`); `said`: answers of the peers that could be asked;
    `peers`: of how many; `seconds`: how long it has been asking. A node is refused when a peer has changes of it that
    it lacks (its disk is an old one: it would give their numbers to other changes), when it was evicted, when it is
    of another cluster.
    """
    answers = list(said)
    ours = [answer for answer in answers if answer.cluster_id == cluster_id]
    rejoin = f"run: clusterctl rejoin {me}"
    if state == "joining":
        return Admission(False, f"{me} is being filled and is no member yet", False)
    if state == "evicted":
        return Admission(False, f"{me} was evicted; {rejoin}")
    for answer in ours:
        if answer.state == "evicted":
            return Admission(False, f"{me} was evicted, says {answer.name}; {rejoin}")
    for answer in ours:
        if answer.lost:
            return Admission(
                False,
                f"{me} is older than its own past: {answer.name} has {answer.lost} changes of it that it lacks"
                f" (an old disk or backup?); {rejoin}",
            )
    if answers and not ours:
        names = ", ".join(answer.name for answer in answers)
        return Admission(
            False, f"{me} is of another cluster than {names}; give it an empty database"
        )
    if ours or not peers:
        return Admission(True, None, len(answers) == peers)
    if seconds < ADMIT_ALONE_AFTER_SECONDS:
        return Admission(
            False, f"{me} has just started and waits for a peer to compare with", False
        )
    return Admission(
        True, f"{me} takes writes without having been compared: no peer answers", False
    )


@dataclass(frozen=True)
class Kept:
    """What a slot makes this node keep for a peer. `status` is pg_replication_slots.wal_status."""

    peer: str
    status: str | None
    bytes: int | None
    active: bool


def beyond_bound(slots: Iterable[Kept]) -> list[str]:
    """Peers to evict: Postgres has given up keeping changes for them, so they can't catch up any more.

    `lost`: it is done. `unreserved` and nobody reads: it will be at the next checkpoint.
    """
    return sorted(
        slot.peer
        for slot in slots
        if slot.status == "lost" or (slot.status == "unreserved" and not slot.active)
    )


def kept_for_peers(cursor, host: Host, peers: Iterable[Host]) -> list[Kept]:
    """What this node's slots keep, of those its peers read from."""
    names = {f"n{peer.node}_from_n{host.node}": peer.name for peer in peers}
    cursor.execute(
        "select slot_name, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, active"
        " from pg_replication_slots where slot_name = any (%s)",
        (list(names),),
    )
    return [Kept(names[name], *rest) for name, *rest in cursor.fetchall()]


ASK_WINDOW = 5_000
"""So many of its newest changes does a node compare with a peer's: an old disk lacks the newest ones."""


def ask_peer(mine, theirs, host: Host, peer: str, running: bool) -> PeerSays:
    """What `peer` says of this node; both are open connections. Raises psycopg2.Error when it can't be asked.

    `running`: this node takes writes meanwhile. A peer may then have a change that its own commit still waits for, so
    that only those from before its Postgres started count.
    """
    with theirs.cursor() as cursor:
        cursor.execute(
            "select mesh.cluster_id(), (select to_jsonb(n)->>'state' from mesh.node n where node = %s)",
            (host.node,),
        )
        cluster_id, state = row(cursor)
        cursor.execute(
            "select seq, hlc from mesh.change where origin = %s order by seq desc limit %s",
            (host.node, ASK_WINDOW),
        )
        newest = cursor.fetchall()
    with mine.cursor() as cursor:
        above = pruned(mine)
        cursor.execute(
            "select count(*) from unnest(%s::bigint[], %s::bigint[]) t(seq, hlc) where t.hlc >= %s and not exists"
            " (select from mesh.change c where c.origin = %s and c.seq = t.seq and c.hlc = t.hlc)"
            " and (not %s or t.hlc < extract(epoch from pg_postmaster_start_time()) * 1000000)",
            ([seq for seq, _ in newest], [hlc for _, hlc in newest], above, host.node, running),
        )
        return PeerSays(peer, cluster_id, state, row(cursor)[0])


# --- naming a node


def resolve(
    topology: Topology, views: Mapping[int, View], wanted: str
) -> tuple[int, str, Host | None]:
    """Number, name and host of a node by name or number: of the cluster file, or one that only members remember.

    Raises TopologyError that names those there are.
    """
    for host in topology.hosts:
        if wanted in (host.name, str(host.node)):
            return host.node, host.name, host
    for view in views.values():
        for node, name in view.names.items():
            if wanted in (name, str(node)):
                return node, name, None
    topology.host(wanted)
    raise AssertionError("unreachable")


@contextmanager
def alone(
    topology: Topology, passwords: Credentials, members: Members, views: Mapping[int, View]
) -> Iterator[None]:
    """One operation on members at a time: a lock on each of them.

    Raises ClusterError when another one runs, or has run since `views` were taken, from which was decided.
    """
    with ExitStack() as stack:
        for node in sorted(members.live):
            stack.enter_context(locked(topology, topology.host(node), passwords))
        if look(topology, passwords) != views:
            raise ClusterError("the nodes changed in this moment; run the same command again")
        yield


@contextmanager
def locked(topology: Topology, host: Host, passwords: Credentials) -> Iterator[None]:
    with connect(topology, host, passwords, autocommit=True) as db, db.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(hashtext('mesh.membership'))")
        if not row(cursor)[0]:
            raise ClusterError("another join, evict or rejoin is running; wait until it has ended")
        try:
            yield
        finally:
            # Closing the connection would do, a moment later: the next command is not to be refused in that moment.
            with suppress(psycopg2.OperationalError):  # the node is down; its lock is gone
                cursor.execute("select pg_advisory_unlock(hashtext('mesh.membership'))")


def own_state(cursor, node: int) -> str:
    """What a node's own database says of it: member, evicted, or joining (it is being filled: leave it alone)."""
    cursor.execute(
        "select case when exists (select from mesh.joining) then 'joining'"
        " else coalesce((select state from mesh.node where node = %s), 'member') end",
        (node,),
    )
    return row(cursor)[0]


@contextmanager
def operate(
    topology: Topology, host: Host, passwords: Credentials
) -> Iterator[psycopg2.extensions.connection]:
    """A superuser's connection in autocommit whose commits wait for no peer: peers may be away just now."""
    with connect(topology, host, passwords, autocommit=True) as db:
        with db.cursor() as cursor:
            cursor.execute("set synchronous_commit = local")
        yield db
