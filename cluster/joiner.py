"""The steps that make one node a member, each of which may have been done by a run that was interrupted.

Exactly once: on every member a slot is made for the joiner, its place in the member's log. The donor then has
everything the members sent before those places, and its own slot is made last, with the snapshot that the joiner is
filled from: that snapshot and the slot divide the donor's commits exactly, even those that still wait for a peer. All
else comes through the slots; what the snapshot has already is skipped by the merge, as any duplicate.
"""

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import psycopg2
from psycopg2 import extras, sql

from cluster.audit import note
from cluster.copying import copy_log, copy_schema_and_rows
from cluster.credentials import Credentials
from cluster.db import connect, dsn, row
from cluster.errors import ClusterError
from cluster.eviction import close, drop_slot, drop_subscription, forget, mark
from cluster.exchange import first_number, pruned
from cluster.membership import Members, Say, operate
from cluster.mesh.build import (
    APP_ROLE,
    BEATS_PUBLICATION,
    PUBLICATION,
    install,
    subscribe,
    subscription_name,
)
from cluster.topology import Host, Topology

STALLED_SECONDS = 60.0
"""A node that should catch up and gets nothing for this long is a failure; however long it takes while it moves."""


@dataclass
class Joiner:
    topology: Topology
    passwords: Credentials
    host: Host
    members: Members

    def __post_init__(self) -> None:
        self.live = [self.topology.host(number) for number in sorted(self.members.live)]
        # The lowest version's dump can be read by all others.
        self.donor = min(self.live, key=lambda h: (self._major(h), h.node))
        self.mesh = replace(
            self.topology, hosts=tuple(sorted((*self.live, self.host), key=lambda h: h.node))
        )
        """Members and the joiner: no host that is in the file and not in the mesh."""

    def _major(self, host: Host) -> int:
        return self.members.live[host.node].server_version // 10000

    def plan(self, state: str) -> list[str]:
        name = self.host.name
        fill = [
            f"{', '.join(h.name for h in self.live)}: make a slot for {name}",
            f"{name}: install the change log, copy schema, rows and log of {self.donor.name}",
        ]
        return ([] if state == "copied" else fill) + [
            f"{name}: follow {', '.join(h.name for h in self.live)}, and they it",
            f"{name}: become a member when it has all",
        ]

    def run(self, state: str, what: str, who: str | None, say: Say) -> list[str]:
        done: list[str] = []

        def did(sentence: str) -> None:
            done.append(sentence)
            say(sentence)

        with operate(self.topology, self.host, self.passwords) as db:
            self._check_version(db.server_version)
            if state == "copied" and not self._slots_wait():
                state = "copying"
            if state != "copied":
                self._clear(db)
                did(f"{self.host.name}: empty, and forgotten by the members")
                self._fill(db, did)
            self._connect_all(did)
            self._wait_level()
            self._become_member(db)
            did(f"{self.host.name}: is a member")
            for host in self.mesh.hosts:
                with (
                    operate(self.topology, host, self.passwords) as there,
                    there.cursor() as cursor,
                ):
                    note(cursor, what, {"node": self.host.name, "done": done}, who)
        return done

    def _check_version(self, server_version: int) -> None:
        if server_version // 10000 < self._major(self.donor):
            raise ClusterError(
                f"{self.host.name} runs PostgreSQL {server_version // 10000}, which can't take the tables of"
                f" {self.donor.name}'s PostgreSQL {self._major(self.donor)}: install the newer one"
            )

    def _slots_wait(self) -> bool:
        """Every member still keeps all that the joiner, filled already, lacks."""
        for host in self.live:
            with operate(self.topology, host, self.passwords) as db, db.cursor() as cursor:
                cursor.execute(
                    "select 1 from pg_replication_slots where slot_name = %s and wal_status <> 'lost'",
                    (subscription_name(self.host, host),),
                )
                if not cursor.fetchone():
                    return False
        return True

    # --- filling

    def _clear(self, db) -> None:
        """Nothing of a former life or try is left: on the members no tie to it, on it no data."""
        for host in self.live:
            with operate(self.topology, host, self.passwords) as there:
                forget(there, host.node, self.host.node)
        shut_out(db)
        empty(db, self.host.node)

    def _fill(self, db, did: Say) -> None:
        install(self.mesh, self.host, self.passwords, self.members.cluster_id)
        shut_out(db)
        with db.cursor() as cursor:
            cursor.execute(
                "insert into mesh.joining (step, donor) values ('copying', %s) on conflict (one) do nothing",
                (self.donor.node,),
            )
            cursor.execute("delete from mesh.gate")  # which is open on a node with an empty log
        for host in self.live:
            if host != self.donor:
                with operate(self.topology, host, self.passwords) as there:
                    with there.cursor() as cursor:
                        cursor.execute(
                            "select pg_create_logical_replication_slot(%s, 'pgoutput')",
                            (subscription_name(self.host, host),),
                        )
                    wait_followed(there, host, self.donor)
        did(f"{self.donor.name}: has all that the others sent before {self.host.name}'s slots")
        self._copy()
        did(f"{self.host.name}: has a copy of {self.donor.name}")

    def _copy(self) -> None:
        slot = subscription_name(self.host, self.donor)
        with ExitStack() as stack:
            # A walsender's connection: only it can make a slot together with the snapshot that fits it.
            sender = stack.enter_context(
                closing(
                    psycopg2.connect(
                        dsn(self.topology, self.donor, self.passwords),
                        connection_factory=extras.LogicalReplicationConnection,
                    )
                )
            )
            donor = stack.enter_context(connect(self.topology, self.donor, self.passwords))
            with operate(self.topology, self.donor, self.passwords) as now:
                pruned_before = pruned(now)
            with sender.cursor() as cursor, donor.cursor() as reading:
                cursor.execute(f"CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput EXPORT_SNAPSHOT")
                snapshot = row(cursor)[2]
                reading.execute("set transaction isolation level repeatable read, read only")
                reading.execute("set transaction snapshot %s", (snapshot,))
                # Its parts are not to be dropped from under the copy; upkeep gives way at once and tries later.
                reading.execute("lock table mesh.change in access share mode")
                schema = _schema_changes(reading)
                if pruned(donor) != pruned_before:
                    raise ClusterError(
                        f"{self.donor.name} was just pruned; run the same command again"
                    )
            copy_schema_and_rows(
                self.topology, self.donor, self.host, self.passwords, donor, snapshot
            )
            with operate(self.topology, self.donor, self.passwords) as now, now.cursor() as cursor:
                if _schema_changes(cursor) != schema:
                    raise ClusterError(
                        f"the schema changed while {self.host.name} was filled; run the same command again"
                    )
            self._copy_log(donor)

    def _copy_log(self, donor) -> None:
        """The log, then what makes it work here, in one transaction: it is filled or it is not."""
        me = self.host.node
        with connect(self.topology, self.host, self.passwords) as target, target.cursor() as cursor:
            cursor.execute("set local synchronous_commit = local")
            cursor.execute("set local mesh.ddl = 'local'")
            copy_log(donor, target)
            cursor.execute(
                "insert into mesh.heartbeat (node) values (%s) on conflict do nothing", (me,)
            )
            cursor.execute("update mesh.parked set horizon = null")  # a transaction of the donor
            self._copy_names(donor, cursor)
            cursor.execute("select mesh.attach(rel) from mesh.replicated where rel is not null")
            cursor.execute("select mesh.align_sequences()")
            cursor.execute("select max(seq) from mesh.change where origin = %s", (me,))
            highest = row(cursor)[0]
            if highest is not None or self.members.target_state is not None:
                cursor.execute(
                    "select setval('mesh.change_seq', %s, false)", (first_number(highest or 0),)
                )
            cursor.execute("select mesh.raise_floor(coalesce(max(hlc), 0)) from mesh.change")
            cursor.execute("update mesh.joining set step = 'copied'")
            target.commit()

    def _copy_names(self, donor, cursor) -> None:
        """Which tables take part, by name, as their numbers are another database's; which nodes there are or were."""
        with donor.cursor() as reading:
            reading.execute("set local search_path = pg_catalog")  # so that names are whole
            reading.execute(
                "select (to_jsonb(r) || jsonb_build_object('rel', r.rel::regclass::text))::text from mesh.replicated r"
            )
            tables = [table for (table,) in reading.fetchall()]
            reading.execute("select node, name, state from mesh.node")
            nodes = reading.fetchall()
        for table in tables:
            cursor.execute(
                "insert into mesh.replicated select r.* from (select %s::jsonb as j) one, jsonb_populate_record("
                "null::mesh.replicated, j || jsonb_build_object('rel', to_regclass(j->>'rel')::oid,"
                " 'columns', null, 'columns_rel', null)) r",  # attach writes these two anew
                (table,),
            )
        for node in nodes:
            cursor.execute(
                "insert into mesh.node (node, name, state) values (%s, %s, %s) on conflict (node) do nothing",
                node,
            )

    # --- becoming a member

    def _connect_all(self, did: Say) -> None:
        """Members know the joiner and keep what it writes before it can write anything."""
        for host in self.live:
            install(self.mesh, host, self.passwords, self.members.cluster_id)
            with operate(self.topology, host, self.passwords) as db, db.cursor() as cursor:
                # Beats travel as updates: there must be a row. (An install that has nothing to do makes none.)
                cursor.execute(
                    "insert into mesh.heartbeat (node) values (%s) on conflict do nothing",
                    (self.host.node,),
                )
            if subscribe(self.mesh, host, self.host, self.passwords):
                did(f"{host.name}: follows {self.host.name}")
            if subscribe(self.mesh, self.host, host, self.passwords):
                did(f"{self.host.name}: follows {host.name}")

    def _wait_level(self) -> None:
        for host in self.live:
            for publisher, subscriber in ((host, self.host), (self.host, host)):
                with operate(self.topology, publisher, self.passwords) as db:
                    wait_followed(db, publisher, subscriber)

    def _become_member(self, db) -> None:
        for host in self.live:
            with operate(self.topology, host, self.passwords) as there:
                mark(there, self.host.node, "member")
        with db.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("delete from mesh.joining")
            mark(db, self.host.node, "member")
            cursor.execute("select mesh.open_gate()")
            cursor.execute(sql.SQL("alter role {} login").format(sql.Identifier(APP_ROLE)))
            cursor.execute("commit")


def shut_out(db) -> None:
    """Keep the application out: while tables are filled, they have no triggers and constraints to mind a write."""
    with db.cursor() as cursor:
        cursor.execute("select 1 from pg_roles where rolname = %s", (APP_ROLE,))
        if cursor.fetchone():
            cursor.execute(sql.SQL("alter role {} nologin").format(sql.Identifier(APP_ROLE)))
        cursor.execute(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where usename = %s",
            (APP_ROLE,),
        )


def empty(db, me: int) -> None:
    """Delete all that a node holds: tables, change log, subscriptions, slots. In one transaction, after the ties."""
    with db.cursor() as cursor:
        cursor.execute(
            "select subname from pg_subscription s join pg_database d on d.oid = s.subdbid"
            " where d.datname = current_database()"
        )
        for (name,) in cursor.fetchall():
            drop_subscription(cursor, name)
        cursor.execute(
            "select slot_name from pg_replication_slots where database = current_database()"
            " and slot_name ~ %s", (rf"^n\d+_from_n{me}$",),
        )  # fmt: skip
        for (name,) in cursor.fetchall():
            drop_slot(cursor, name)
        cursor.execute("select to_regclass('mesh.node') is not null")
        if row(cursor)[0]:
            close(db, me)
        # The pg_restore of a join that was killed may have outlived it.
        cursor.execute(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database()"
            " and application_name = 'clusterctl' and pid <> pg_backend_pid()"
        )
        cursor.execute("begin")
        cursor.execute("set local lock_timeout = '30s'")
        for statement in (
            "drop event trigger if exists mesh_on_ddl",
            "drop event trigger if exists mesh_on_drop",
            f"drop publication if exists {PUBLICATION}, {BEATS_PUBLICATION}",
            "drop schema if exists mesh cascade",
            "drop schema if exists mesh_verify cascade",  # sums of rows that are no more
            "drop schema public cascade",
            "create schema public authorization pg_database_owner",
            "grant usage on schema public to public",
        ):
            cursor.execute(statement)
        cursor.execute("commit")


def wait_followed(db, publisher: Host, subscriber: Host) -> None:
    """Wait until `subscriber` has applied all that `publisher` (`db`) had committed when this was called.

    Raises ClusterError when it stops getting on.
    """
    slot = subscription_name(subscriber, publisher)
    with db.cursor() as cursor:
        cursor.execute("select pg_logical_emit_message(true, 'mesh', 'a place to wait for')")
        cursor.execute("select pg_current_wal_lsn()")
        place = row(cursor)[0]
        moved, last = time.monotonic(), None
        while True:
            cursor.execute(
                "select confirmed_flush_lsn >= %s, confirmed_flush_lsn, wal_status = 'lost'"
                " from pg_replication_slots where slot_name = %s",
                (place, slot),
            )
            there, now, lost = cursor.fetchone() or (False, None, False)
            if lost:
                raise ClusterError(
                    f"{publisher.name} was written to so much that it gave up keeping changes for {subscriber.name}"
                    " (max_slot_wal_keep_size); raise that, or choose a quieter hour, and run the same command again"
                )
            if there:
                return
            if now != last:
                moved, last = time.monotonic(), now
            if time.monotonic() - moved > STALLED_SECONDS:
                raise ClusterError(
                    f"{subscriber.name} gets nothing from {publisher.name} for {STALLED_SECONDS:.0f} s;"
                    " see both logs, then run the same command again"
                )
            time.sleep(0.1)


def _schema_changes(cursor) -> tuple:
    cursor.execute("select count(*), max(hlc) from mesh.change where tbl = '' and kind = 'S'")
    return row(cursor)
