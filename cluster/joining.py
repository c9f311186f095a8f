"""Bring a node into a mesh that holds data, while it is written to; bring one back that was put out.

Decides whether that may be; `cluster/joiner.py` does it. Interrupted while it is filled, the joiner is emptied and
filled anew; afterwards it goes on where it stopped.
"""

from cluster.credentials import Credentials
from cluster.errors import ClusterError
from cluster.eviction import Eviction
from cluster.joiner import Joiner
from cluster.membership import (
    Members,
    Say,
    View,
    alone,
    ask_peer,
    look,
    members_beside,
    operate,
    own_state,
)
from cluster.mesh.build import subscription_name
from cluster.topology import Host, Topology


def join(
    topology: Topology,
    passwords: Credentials,
    wanted: str,
    *,
    dry_run: bool = False,
    who: str | None = None,
    say: Say = lambda _: None,
) -> list[str]:
    """Make a node with an empty database a member; what was done, or would be; empty: it is one already.

    Raises ClusterError when it can't be, with nothing changed; or when it was interrupted: then run it again.
    """
    host = topology.host(wanted)
    views = look(topology, passwords)
    members = members_beside(views, host.node)
    state = _state(host, views[host.node], members)
    if state == "member":
        return []
    joining = Joiner(topology, passwords, host, members)
    if dry_run:
        return joining.plan(state)
    with alone(topology, passwords, members, views):
        return joining.run(state, "join", who, say)


def rejoin(
    topology: Topology,
    passwords: Credentials,
    wanted: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    who: str | None = None,
    say: Say = lambda _: None,
) -> list[str]:
    """Take in again a node that was put out, or is older than its own past; what was done, or would be.

    First its changes that no member has are handed to the members, then it is emptied, then it joins. `force`:
    although it is a member and well. Raises ClusterError.
    """
    host = topology.host(wanted)
    views = look(topology, passwords)
    mine, members = views[host.node], members_beside(views, host.node)
    _require_answers(host, mine, members)
    evicted: Eviction | None = None
    if mine.joining or not mine.has_data:
        if mine.joining != "copied":
            evicted = Eviction(topology, passwords, host.node, host.name, None, members)
    else:
        if mine.cluster_id != members.cluster_id:
            raise ClusterError(
                f"{host.name} holds data of another cluster ({mine.cluster_id or 'none'}, not {members.cluster_id});"
                " give it an empty database if that data may go"
            )
        if (
            members.target_state == "member"
            and not force
            and _is_well(topology, passwords, host, members)
        ):
            raise ClusterError(
                f"{host.name} is a member and well; to fill it anew all the same: --force"
            )
        evicted = Eviction(topology, passwords, host.node, host.name, host, members)
    joining = Joiner(topology, passwords, host, members)
    if dry_run:
        before = evicted.plan() if evicted else []
        if mine.has_data and not mine.joining:
            before.append(f"members: get the changes of {host.name} that none of them has")
            before.append(f"{host.name}: delete its tables and its change log")
        return before + joining.plan("empty")
    with alone(topology, passwords, members, views):
        done = evicted.run("rejoin", who, say) if evicted and members.target_state else []
        if mine.joining == "copied":
            return done + joining.run("copied", "rejoin", who, say)
        return done + joining.run("used", "rejoin", who, say)


def _state(host: Host, mine: View, members: Members) -> str:
    """empty, copying, copied, member. Raises ClusterError when this host can't join as it is."""
    _require_answers(host, mine, members)
    if mine.cluster_id == members.cluster_id and mine.joining:
        return mine.joining
    inside = all(
        view.states.get(host.node) == "member" and host.node in view.follows
        for view in members.live.values()
    )
    if inside and mine.cluster_id == members.cluster_id and mine.follows >= members.live.keys():
        return "member"
    if mine.has_data and mine.cluster_id not in (None, members.cluster_id):
        raise ClusterError(
            f"{host.name} holds data of another cluster ({mine.cluster_id}, not {members.cluster_id});"
            " only an empty database can join"
        )
    if mine.has_data and mine.cluster_id:
        raise ClusterError(
            f"{host.name} holds data of this cluster already; to hand out what only it has and fill it anew:"
            f" clusterctl rejoin {host.name}"
        )
    if mine.has_data:
        raise ClusterError(f"{host.name} has tables already; only an empty database can join")
    if any(host.node in view.follows for view in members.live.values()):
        raise ClusterError(
            f"{host.name} is empty, but the members know it as one of them (was its disk replaced?);"
            f" run: clusterctl rejoin {host.name}"
        )
    return "empty"


def _require_answers(host: Host, mine: View, members: Members) -> None:
    if mine.error:
        raise ClusterError(mine.error)
    if not members.live and not members.away:
        raise ClusterError(
            f"there is no mesh that {host.name} could join; the first nodes are made one by: clusterctl init"
        )
    members.require_all("bring it back or evict it, then run this again")


def _is_well(topology: Topology, passwords: Credentials, host: Host, members: Members) -> bool:
    """A member that lacks none of its own changes, and is read by all others."""
    with operate(topology, host, passwords) as db, db.cursor() as cursor:
        if own_state(cursor, host.node) != "member":
            return False
        for number, view in members.live.items():
            if host.node not in view.follows:
                return False
            with operate(topology, topology.host(number), passwords) as theirs:
                if ask_peer(db, theirs, host, view.name, running=True).lost:
                    return False
                with theirs.cursor() as asking:
                    asking.execute(
                        "select 1 from pg_replication_slots where slot_name = %s and wal_status <> 'lost'",
                        (subscription_name(host, topology.host(number)),),
                    )
                    if not asking.fetchone():
                        return False
    return True
