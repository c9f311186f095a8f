"""Real Postgres nodes into whose change logs histories are written, as apply workers would, and in which clients write.

The nodes are databases of one server, each with a change log of its own; what one writes the tests carry to the
others. Each history runs in one transaction per node, rolled back in the end: thousands of them leave nothing behind.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import psycopg2
import psycopg2.extras

from cluster.mesh.build import install
from tests.model.histories import ERA, Step
from tests.model.incremental import Crash, Refused
from tests.model.specification import Change, Outcome, Schema
from tests.support.nodes import CREDENTIALS, Nodes

MAX_SWEEPS = 8
"""More than the longest chain of rows that can wait for one another in a history of tests/model."""


def make_nodes(mesh: Nodes, schema: Schema, count: int) -> list["SqlNode"]:
    """`count` nodes as databases of the one server of `mesh`."""
    hosts = [
        mesh.topology.hosts[0].model_copy(update={"node": n, "name": f"host{n}"})
        for n in range(1, count + 1)
    ]
    nodes = []
    for host in hosts:
        name = f"model{host.node}"
        mesh.admin(1, f"create database {name} owner firstbell")
        topology = replace(mesh.topology, database=name, hosts=tuple(hosts))
        install(topology, host, CREDENTIALS, "00000000")
        db = psycopg2.connect(
            host=host.address, port=host.ports.postgres, dbname=name, user="postgres", password=CREDENTIALS.superuser
        )  # fmt: skip
        nodes.append(SqlNode(db, schema, [h.node for h in hosts], host.node))
    return nodes


class SqlNode:
    """The tables of a schema on a node of its own."""

    def __init__(self, db, schema: Schema, members: list[int], number: int):
        self.schema, self.number = schema, number
        self._db, self._members = db, members
        self._cursor = db.cursor()
        psycopg2.extras.register_default_jsonb(db)
        for statement in ddl(schema):
            self._cursor.execute("select mesh.run_ddl(%s)", (statement,))
        self._cursor.execute(
            "create or replace function mesh.clock() returns bigint language sql volatile as"
            " $$ select coalesce(nullif(current_setting('test.clock', true), '')::bigint, 0) $$"
        )
        db.commit()

    @contextlib.contextmanager
    def empty(self) -> Iterator[None]:
        """A transaction in which the tables are empty, and which leaves nothing."""
        try:
            self._cursor.execute(
                # sequences don't roll back
                "select setval('mesh.pruned_to', 0), setval('mesh.clock_floor', 0), setval('mesh.change_seq', 1);"
                "delete from mesh.change;"
                f"create table mesh.change_old partition of mesh.change for values from (0) to ({ERA});"
                "set local session_replication_role = replica"
            )
            yield
        finally:
            self._db.rollback()

    # --- what happens to a node

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.transaction is None:
                self.sweep()
            else:
                with contextlib.suppress(Crash):
                    self.deliver(step.transaction, step.crash_after)

    def deliver(self, transaction: list[Change], crash_after: int | None = None) -> None:
        """Merge one transaction of a peer, whole or (Crash) not at all."""
        if crash_after is None:
            self._insert(transaction)
            return
        self._cursor.execute("savepoint amid")
        self._insert(transaction[:crash_after])
        self._cursor.execute("rollback to savepoint amid; release savepoint amid")
        raise Crash

    def sweep(self) -> None:
        self._cursor.execute(
            # nobody else is writing: there is no transaction that a recheck would have to wait for
            "update mesh.parked set horizon = '3' where reason = 'recheck';"
            # the sweep leaves an ordinary session behind; what comes next arrives from a peer
            "select mesh.sweep(); set local session_replication_role = replica"
        )

    def sweep_until_settled(self) -> Outcome:
        """As the agent does each second, until nothing changes any more."""
        found = self.outcome()
        for _ in range(MAX_SWEEPS):
            self.sweep()
            before, found = found, self.outcome()
            if found == before:
                return found
        raise AssertionError(f"still changing after {MAX_SWEEPS} sweeps")

    def forget(self, watermark: int) -> bool:
        """Prune the log up to a clock value up to which every member has everything; whether it was possible.

        Not while something old waits for another reason than `clash` or `orphan`."""
        self.promise(watermark)
        self.sweep()
        self._cursor.execute("select mesh.prune(0)")
        return bool(self._cursor.fetchall()[0][0])

    def promise(self, watermark: int) -> None:
        """Let the node know that every member has all changes up to here, and that all later ones are newer."""
        heard = psycopg2.extras.Json({str(n): watermark for n in self._members})
        self._cursor.execute(
            "select mesh.raise_floor(%s), set_config('test.clock', %s, true);"
            "update mesh.heartbeat set low = %s, heard = %s",
            (watermark, str(watermark), watermark, heard),
        )

    def write(self, statements: list[tuple], clock: int) -> list[Change]:
        """A client's transaction, see ModelNode.write; returns what capture logged of it."""
        self._cursor.execute(
            "select coalesce(max(seq), 0) from mesh.change where origin = %s", (self.number,)
        )
        ((last,),) = self._cursor.fetchall()
        self._cursor.execute(
            "savepoint writing; set local session_replication_role = origin; set constraints all deferred;"
            "select set_config('test.clock', %s, true)", (str(clock),)
        )  # fmt: skip
        try:
            for statement in statements:
                self._cursor.execute(*as_sql(*statement))
            self._cursor.execute("set constraints all immediate")
        except psycopg2.IntegrityError as error:
            self._cursor.execute("rollback to savepoint writing")
            raise Refused from error
        finally:
            self._cursor.execute(
                "release savepoint writing; set local session_replication_role = replica"
            )
        self._cursor.execute(
            'select origin, seq, hlc, tbl, key, kind::text, case when kind in (\'I\', \'U\') then row end, prev_hlc, prev_origin from mesh.change'
            " where origin = %s and seq > %s order by seq", (self.number, last)
        )  # fmt: skip
        return [
            Change(
                origin,
                seq,
                hlc,
                table,
                key,
                kind,
                tuple((row or {}).items()),
                None if h is None else (h, o),
            )
            for origin, seq, hlc, table, key, kind, row, h, o in self._cursor.fetchall()
        ]

    # --- what stands where

    def outcome(self) -> Outcome:
        tables = {}
        for name, table in self.schema.tables.items():
            columns = ", ".join(f"'{c}', {c}::text" for c in table.columns)
            self._cursor.execute(f"select id::text, jsonb_build_object({columns}) from {name}")
            tables[name] = dict(self._cursor.fetchall())
        self._cursor.execute("select tbl, key, reason, row from mesh.parked")
        parked, unborn = {}, set()
        for table, key, reason, row in self._cursor.fetchall():
            if reason == "unborn":
                unborn.add((table, key))
            else:
                parked[table, key] = (reason, row)
        return Outcome(tables, parked, unborn)

    def losers(self) -> set[tuple[int, int]]:
        """Changes of which this node has noted that they lost something: (origin, seq)."""
        self._cursor.execute("select loser_origin, loser_seq from mesh.conflict")
        return set(self._cursor.fetchall())

    def _insert(self, changes: Iterable[Change]) -> None:
        for c in changes:
            self._cursor.execute(
                "insert into mesh.change (origin, seq, hlc, tbl, key, kind, row, prev_hlc, prev_origin, txn)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 1)",
                (c.origin, c.seq, c.hlc, c.table, c.key, c.kind,
                 None if c.kind == "T" else psycopg2.extras.Json(dict(c.row)), *(c.prev or (None, None))),
            )  # fmt: skip


def ddl(schema: Schema) -> Iterator[str]:
    for name in schema.parents_first:
        table = schema.tables[name]
        columns = ", ".join(
            f"{c} {'int not null' if t == 'bound' else t}{' primary key' if c == 'id' else ''}"
            for c, t in table.columns.items()
        )
        yield f"create table {name} ({columns})"
        yield from (c.sql for c in table.constraints)
    for name, table in schema.tables.items():
        for f in table.foreign_keys:
            yield f"alter table {name} add foreign key ({f.column}) references {f.parent} ({f.parent_column})"


def as_sql(kind: str, table: str, *rest) -> tuple[str, list]:
    """A statement of ModelNode.write as SQL."""
    if kind == "I":
        row = rest[0]
        return f"insert into {table} ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})", [
            *row.values()
        ]
    if kind == "U":
        key, row = rest
        return f"update {table} set {', '.join(f'{c} = %s' for c in row)} where id = %s", [
            *row.values(),
            key,
        ]
    if kind == "K":
        return f"update {table} set id = %s where id = %s", [rest[1], rest[0]]
    if kind == "D":
        return f"delete from {table} where id = %s", [rest[0]]
    return f"truncate {table} cascade", []
