"""Put a node out of the mesh for good: it is gone, or is told to go. `clusterctl evict`, and the agent at the bound.

The survivors mark it, drop its slots (which fill their disks), and exchange what each has of it. Nothing is deleted on
the node itself; `clusterctl rejoin` takes it in again. Each step may be repeated.
"""

import json
import os
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from psycopg2 import sql

from cluster.audit import note
from cluster.credentials import Credentials
from cluster.db import row
from cluster.errors import ClusterError
from cluster.exchange import exchange, pruned, renumber, unheard
from cluster.membership import Members, Say, alone, look, members_beside, operate, resolve
from cluster.topology import Host, Topology

DROP_SECONDS = 10.0
"""For dropping a slot that somebody reads."""


def evict(
    topology: Topology,
    passwords: Credentials,
    wanted: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    who: str | None = None,
    say: Say = lambda _: None,
) -> list[str]:
    """Put a node out of the mesh for good, or end a join that is given up.

    Returns what was done, or would be, one sentence each; empty: it was out already. `force`: though it answers, or
    though another member does not (that one must be told later: run it again). Raises ClusterError when it must not
    be. May be run again after any interruption.
    """
    views = look(topology, passwords)
    node, name, host = resolve(topology, views, wanted)
    members = members_beside(views, node)
    if not members.live:
        raise ClusterError(
            f"{name} can't be evicted: no other member answers, it may be the last one"
        )
    if members.target_state is None and not any(node in v.keeps_for for v in members.live.values()):
        raise ClusterError(f"{name} is no member of this mesh, nor was it one")
    answers = host is not None and views[node].error is None and views[node].cluster_id is not None
    same = answers and views[node].cluster_id == members.cluster_id
    if members.target_state == "member" and same and not force:
        raise ClusterError(
            f"{name} answers and is a member; a host that lives is not evicted. To put it out all the same: --force"
        )
    if not force:
        members.require_all(f"or evict {name} with --force, and again when they are back")
    out = Eviction(topology, passwords, node, name, host if same else None, members)
    if dry_run:
        return out.plan()
    with alone(topology, passwords, members, views):
        done = out.run("evict", who, say)
    if members.away:
        raise ClusterError(
            f"{name} is evicted on {', '.join(v.name for v in members.live.values())}, but"
            f" {', '.join(v.name for v in members.away.values())} did not answer;"
            f" when it does, run again: clusterctl evict {name}"
        )
    return done


@dataclass
class Eviction:
    """The steps of one eviction, each of which may have been done already."""

    topology: Topology
    passwords: Credentials
    node: int
    name: str
    answering: Host | None
    """Its host, if it answers: then it is told, and what only it has is handed out."""
    members: Members

    def plan(self) -> list[str]:
        found = [
            f"{view.name}: mark {self.name} as evicted, drop its slot and the subscription to it"
            for view in self.members.live.values()
            if view.states.get(self.node) == "member" or self.node in view.follows | view.keeps_for
        ]
        if found and self.answering:
            found.append(
                f"{self.name}: take no more writes, end its sessions, drop what ties it to the members"
            )
        if found:
            found.append(f"members: exchange what each has of {self.name}")
        return found

    def run(self, what: str, who: str | None, say: Say) -> list[str]:
        """Do it; what was done. `what` is the operation, for the audit."""
        done: list[str] = []

        def did(sentence: str) -> None:
            done.append(sentence)
            say(sentence)

        with ExitStack() as stack:
            names = {number: view.name for number, view in self.members.live.items()}
            nodes = {number: stack.enter_context(self._open(number)) for number in names}
            # First of all: whatever happens now, it is refused when it comes back.
            for number, db in nodes.items():
                if mark(db, self.node, "evicted"):
                    did(f"{names[number]}: {self.name} is marked as evicted")
            sources = dict(nodes)
            if self.answering:
                sources[self.node] = gone = stack.enter_context(self._open(self.node))
                if close(gone, self.node):
                    did(f"{self.name}: takes no more writes")
            for number, db in nodes.items():
                if forget(db, number, self.node):
                    did(f"{names[number]}: slot and subscription of {self.name} are dropped")
            if self.answering:
                for number in nodes:
                    forget(gone, self.node, number)
                if renumber(gone, nodes.values(), self.node):
                    did(f"{self.name}: its newer changes got numbers of their own")
                if file := self._save_too_old(gone, nodes.values()):
                    did(
                        f"{self.name}: changes too old to be merged are kept for a person in {file}"
                    )
            for origin in self._origins():
                for number, count in exchange(sources, nodes, origin).items():
                    if count:
                        did(f"{names[number]}: has {count} more changes of node {origin} now")
            if done:
                for db in nodes.values():
                    with db.cursor() as cursor:
                        note(cursor, what, {"node": self.name, "done": done}, who)
        return done

    def _save_too_old(self, gone, nodes) -> Path | None:
        """Unsent changes from before what members still remember have lost their place in the order: into a file."""
        lost = unheard(gone, self.node, max(pruned(db) for db in nodes))
        if not lost:
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.topology.path.with_name(f"unsent-{self.name}-{stamp}.jsonl")
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.writelines(json.dumps(change) + "\n" for change in lost)
        except OSError as error:
            raise ClusterError(
                f"{len(lost)} unsent changes of {self.name} are too old to be merged and can't be saved in {path}:"
                f" {error.strerror}; nothing was deleted"
            ) from None
        return path

    def _origins(self) -> list[int]:
        """Whose changes are exchanged: its own; and if it answers, those of others that are no more, either."""
        known = {n for view in self.members.live.values() for n in view.states}
        return [self.node, *sorted(known - self.members.live.keys() - {self.node})][
            : None if self.answering else 1
        ]

    def _open(self, node: int):
        return operate(self.topology, self.topology.host(node), self.passwords)


def mark(db, node: int, state: str) -> bool:
    """Say what a node is from now on; whether it was something else."""
    with db.cursor() as cursor:
        cursor.execute(
            "update mesh.node set state = %s where node = %s and state <> %s", (state, node, state)
        )
        return cursor.rowcount > 0


def close(db, me: int) -> bool:
    """Let this node take no more writes, and end what runs on it; whether it was still a member.

    An open transaction may have captured writes already: its session is ended, so that nothing comes after what is
    read from now on.
    """
    was_member = mark(db, me, "evicted")
    with db.cursor() as cursor:
        cursor.execute("delete from mesh.gate")
        cursor.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database()"
            " and backend_type = 'client backend' and pid <> pg_backend_pid() and usename <> 'postgres'"
        )
    return was_member


def forget(db, me: int, gone: int) -> bool:
    """On node `me`: no slot, no subscription and no wait that is of `gone`; whether there was any."""
    subscription, slot = f"n{me}_from_n{gone}", f"n{gone}_from_n{me}"
    changed = False
    with db.cursor() as cursor:
        cursor.execute("select 1 from pg_subscription where subname = %s", (subscription,))
        if cursor.fetchone():
            drop_subscription(cursor, subscription)
            changed = True
        cursor.execute("show synchronous_standby_names")
        names = re.findall(r"n\d+_from_n\d+", row(cursor)[0])
        if slot in names:
            rest = ", ".join(name for name in names if name != slot)
            cursor.execute(
                sql.SQL("alter system set synchronous_standby_names = {}").format(
                    sql.Literal(f"ANY 1 ({rest})" if rest else "")
                )
            )
            cursor.execute("select pg_reload_conf()")
            changed = True
        changed |= drop_slot(cursor, slot)
    return changed


def drop_subscription(cursor, name: str) -> None:
    """Drop it here only: the publisher may be gone, or keeps its slot for somebody else to drop."""
    identifier = sql.Identifier(name)
    cursor.execute(sql.SQL("alter subscription {} disable").format(identifier))
    cursor.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(identifier))
    cursor.execute(sql.SQL("drop subscription {}").format(identifier))


def drop_slot(cursor, name: str) -> bool:
    """Drop a slot, ending who reads it; whether it was there. Raises ClusterError after DROP_SECONDS."""
    end = time.monotonic() + DROP_SECONDS
    was_there = False
    while True:
        cursor.execute("select active_pid from pg_replication_slots where slot_name = %s", (name,))
        found = cursor.fetchone()
        if not found:
            return was_there
        was_there = True
        if found[0]:
            # Its end is not waited for: Postgres would look every 100 ms, and by then the reader may be back.
            cursor.execute("select pg_terminate_backend(%s)", (found[0],))
        try:
            cursor.execute("select pg_drop_replication_slot(%s)", (name,))
            return True
        except (psycopg2.errors.ObjectInUse, psycopg2.errors.UndefinedObject):
            if time.monotonic() > end:
                raise ClusterError(
                    f"slot {name} can't be dropped: somebody reads it again and again"
                ) from None
        time.sleep(0.001)
