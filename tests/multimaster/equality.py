"""Do all nodes of a mesh hold the same? Asked from within Django's test runner, while its tests write to node 1.

Looks only at what node 1 has changed since it was last asked, so that it can be asked after every test.
"""

import contextlib
import time

import psycopg2

WAIT_SECONDS = 60
SCHEMA = """
select 'column', c.relname, a.attname::text, format_type(a.atttypid, a.atttypmod),
       a.attnotnull || a.attidentity::text || a.attgenerated::text, coalesce(pg_get_expr(d.adbin, d.adrelid), '')
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
  and a.attnum > 0 and not a.attisdropped
union all select 'index', tablename, indexname, indexdef, '', '' from pg_indexes where schemaname = 'public'
union all select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
  from pg_constraint where connamespace = 'public'::regnamespace and contype <> 't'
union all select 'comment', c.relname, d.objsubid::text, d.description, '', ''
  from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
  where c.relnamespace = 'public'::regnamespace
order by 1, 2, 3, 4
"""
"""Not the sequences: each node hands out its own residue class. The catalogs, since information_schema is slow."""

TABLES = """
select c.oid::regclass::text from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'm') and c.relpersistence = 'p' order by 1
"""
TOUCHED = """
select distinct r.rel::regclass::text from mesh.change c join mesh.replicated r on r.tbl = c.tbl
where c.origin = mesh.me() and c.seq > %s and r.rel is not null order by 1
"""
PARKED = "select tbl, key, reason, detail from mesh.parked order by 1, 2"


class Differs(AssertionError):
    """Nodes hold different rows, tables or parked rows, or did not get level in time."""


class Mesh:
    """The nodes of one mesh by their ports; the first is the one that is written to."""

    def __init__(self, alias: str, ports: list[int], database: str, password: str):
        self.alias = alias
        self._nodes = []
        for port in ports:
            node = psycopg2.connect(
                host="127.0.0.1", port=port, dbname=database, user="postgres", password=password
            )
            node.autocommit = True
            self._nodes.append(node)
        self._seen = 0

    def close(self) -> None:
        for node in self._nodes:
            node.close()

    def check(self, everything: bool = False) -> None:
        """Wait until all nodes are level, then compare. Raises Differs; what was compared is not looked at again."""
        ((last, schema_changed),) = self._ask(
            0,
            "select coalesce(max(seq), 0), coalesce(bool_or(kind = 'S'), false) from mesh.change"
            " where origin = mesh.me() and seq > %s",
            self._seen,
        )
        if not last and not everything:
            return
        seen, self._seen = self._seen, max(last, self._seen)
        self._level(seen)
        self._nothing_is_parked()
        if schema_changed or everything:
            self._same("schema", SCHEMA)
        tables = self._ask(0, TABLES) if everything else self._ask(0, TOUCHED, seen)
        for (table,) in tables:
            self._same(table, f'select t::text from {table} t order by t::text collate "C"')

    def _ask(self, node: int, sql: str, *args) -> list[tuple]:
        with self._nodes[node].cursor() as cursor:
            cursor.execute(sql, args or None)
            return cursor.fetchall()

    def _level(self, seen: int) -> None:
        """Until all peers have all changes of node 1 after `seen`."""
        origin = self._ask(0, "select mesh.me()")[0][0]
        sql = "select count(*), max(seq) from mesh.change where origin = %s and seq > %s"
        wanted = self._ask(0, sql, origin, seen)
        for node in range(1, len(self._nodes)):
            self._until(
                lambda node=node: self._ask(node, sql, origin, seen) == wanted,
                f"node {node + 1} lacks changes of node 1",
            )

    def _nothing_is_parked(self) -> None:
        """The agent's sweep is done here; two sweeps settle what only waits for transactions to end."""

        def nothing() -> bool:
            parked = [n for n in range(len(self._nodes)) if self._ask(n, PARKED)]
            for node in parked:
                self._ask(node, "select mesh.sweep()")
            return not parked

        with contextlib.suppress(Differs):
            self._until(nothing, "parked", seconds=3)
        found = {n + 1: rows for n in range(len(self._nodes)) if (rows := self._ask(n, PARKED))}
        if found:
            raise Differs(f"{self.alias}: parked rows are left, per node: {found}")

    def _same(self, what: str, sql: str) -> None:
        first = self._ask(0, sql)
        for node in range(1, len(self._nodes)):
            found = self._ask(node, sql)
            if found != first:
                only_first = [row for row in first if row not in found]
                only_there = [row for row in found if row not in first]
                raise Differs(
                    f"{self.alias}: {what} differs between nodes 1 and {node + 1}:"
                    f" only on 1: {only_first[:5]}; only on {node + 1}: {only_there[:5]}"
                )

    def _until(self, condition, what: str, seconds: float | None = None) -> None:
        seconds = WAIT_SECONDS if seconds is None else seconds
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Differs(f"{self.alias}: {what} after {seconds} s")
            time.sleep(0.005)
