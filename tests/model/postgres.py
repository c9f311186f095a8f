"""A real Postgres node into whose change log histories are written, as an apply worker would.

Each history runs in one transaction that is rolled back in the end: thousands of them leave nothing behind.
"""

import contextlib
from collections.abc import Iterable, Iterator

import psycopg2.extras

from tests.model.histories import ERA, Step
from tests.model.specification import Change, Outcome, Schema
from tests.support.nodes import Nodes

MAX_SWEEPS = 8
"""More than the longest chain of rows that can wait for one another in a history of tests/model."""


class SqlNode:
    """The tables of a schema on a node of its own."""

    def __init__(self, mesh: Nodes, schema: Schema):
        self.mesh, self.schema = mesh, schema
        for statement in ddl(schema):
            mesh.ddl(1, statement)
        self._db = mesh.connect(1, user="postgres")
        self._cursor = self._db.cursor()
        psycopg2.extras.register_default_jsonb(self._db)

    @contextlib.contextmanager
    def empty(self) -> Iterator[None]:
        """A transaction in which the tables are empty, and which leaves nothing."""
        try:
            self._cursor.execute(
                # sequences don't roll back
                "select setval('mesh.pruned_to', 0), setval('mesh.clock_floor', 0);"
                f"create table mesh.change_old partition of mesh.change for values from (0) to ({ERA});"
                "set local session_replication_role = replica"
            )
            yield
        finally:
            self._db.rollback()

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.transaction is None:
                self.sweep()
            elif step.crash_after is None:
                self._insert(step.transaction)
            else:
                self._cursor.execute("savepoint amid")
                self._insert(step.transaction[: step.crash_after])
                self._cursor.execute("rollback to savepoint amid; release savepoint amid")

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
        """Let the node know that every member has all changes up to here."""
        self._cursor.execute(
            "insert into mesh.heartbeat (node, low, heard) values (1, %s, jsonb_build_object('1', %s))"
            " on conflict (node) do update set low = excluded.low, heard = excluded.heard",
            (watermark, watermark),
        )

    def outcome(self) -> Outcome:
        tables = {}
        for name, table in self.schema.tables.items():
            columns = ", ".join(f"'{c}', {c}::text" for c in table.columns)
            self._cursor.execute(f"select id::text, jsonb_build_object({columns}) from {name}")
            tables[name] = dict(self._cursor.fetchall())
        self._cursor.execute("select tbl, key, reason, row from mesh.parked where tbl like 'm\\_%'")
        parked, unborn = {}, set()
        for table, key, reason, row in self._cursor.fetchall():
            if reason == "unborn":
                unborn.add((table, key))
            else:
                parked[table, key] = (reason, row)
        return Outcome(tables, parked, unborn)

    def _insert(self, changes: Iterable[Change]) -> None:
        for c in changes:
            self._cursor.execute(
                "insert into mesh.change (origin, seq, hlc, tbl, key, kind, row, txn)"
                " values (%s, %s, %s, %s, %s, %s, %s, 1)",
                (c.origin, c.seq, c.hlc, c.table, c.key, c.kind,
                 None if c.kind == "T" else psycopg2.extras.Json(dict(c.row))),
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
        for f in table.foreign_keys:
            yield f"alter table {name} add foreign key ({f.column}) references {f.parent} ({f.parent_column})"
