"""One node, as `verify` and `repair` see it: what it holds, in one snapshot, by table and by row.

It decides nothing; run.py and looks.py do.
"""
# ruff: noqa: S608 - names and expressions come quoted from mesh_verify.tables(), values go as parameters

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
from psycopg2 import sql

from cluster.errors import ClusterError
from cluster.topology import Host

SQL_FILE = Path(__file__).with_name("digest.sql")
SCRATCH = ("mesh_verify.changed", "mesh_verify.missing", "mesh_verify.extra")
"""Tables that each run damages, by what it does to them."""
BUCKETS = 65536
"""Into how many parts a table is cut, by the hash of its rows' keys, to find the rows that differ."""
SETTINGS = (
    "set search_path = pg_catalog, pg_temp; set timezone = 'UTC'; set datestyle = 'ISO'; set jit = off;"
    " set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex';"
    " set synchronous_commit = local; set row_security = off; set statement_timeout = 0;"
    " set max_parallel_workers_per_gather = 0; set lock_timeout = '3s'"
)
"""As when a change is written into the log. Two cores that serve people are not both taken for one query."""
VERSION = "of version "
BEATS = 5
MAX_IN_FLIGHT = 200_000
"""Changes above the settled ones that are compared by name."""
HISTORY = 20
"""So many of a row's newest changes are compared; older ones have arrived everywhere long since."""

T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """A replicated table as one node has it; the SQL is of rows aliased t."""

    name: str
    """In the change log: the name it was born with."""
    rel: int
    sql_name: str
    bytes: int
    key_sql: str
    match_sql: str
    hash_sql: str
    text_sql: str
    shape: str
    """Equal on two nodes if its columns and types are."""

    def quoted(self) -> "Table":
        texts = ("sql_name", "key_sql", "match_sql", "hash_sql", "text_sql")
        return replace(self, **{name: getattr(self, name).replace("%", "%%") for name in texts})


@dataclass(frozen=True)
class State:
    """A key on one node: its row, or what is parked of it, or nothing."""

    digest: int | None
    """Hash of the row in its table; None: it is not there."""
    reason: str | None
    """Why it is parked; None: it is not."""
    row: dict[str, str | None] | None
    """Text forms by column, in the table or parked."""
    version: tuple[int, int]
    """(hlc, origin) of the newest change of the key in this node's log; (0, 0): none."""
    history: str
    """The last changes of the key in this node's log, newest first."""
    trace: str
    """Changes whenever the row or its parking is written, even with the same content. Of this node only."""

    @property
    def content(self) -> tuple:
        """What has to be equal on all nodes."""
        return self.digest, self.reason, self.row if self.digest is None else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `repair` compares all of it with what it finds."""
        return {
            "digest": self.digest,
            "parked": self.reason,
            "row": self.row,
            "version": "/".join(map(str, self.version)),
        }


@dataclass(frozen=True)
class Change:
    table: str
    key: str
    kind: str


class Node:
    """A connection as superuser, with `verify`'s schema installed. Raises psycopg2.Error when the node goes away."""

    def __init__(self, host: Host, connection: Any):
        self.host = host
        self.connection = connection
        self.cursor = connection.cursor()
        self._install()
        self.read_tables()

    def _install(self) -> None:
        text = SQL_FILE.read_text(encoding="utf-8")
        version = VERSION + hashlib.sha256(text.encode()).hexdigest()[:16]
        self.cursor.execute(SETTINGS)
        if not self.one("select to_regprocedure('mesh.position()') is not null"):
            raise ClusterError(
                f"{self.host.name} has no change log; make it a member first: clusterctl init"
            )
        try:  # the lock of a run that has just ended is held for a moment longer
            self.one("select pg_advisory_lock(hashtext('mesh.verify'))")
        except psycopg2.errors.LockNotAvailable:
            raise ClusterError(f"another verify or repair is running on {self.host.name}") from None
        if (
            self.one("select obj_description(to_regnamespace('mesh_verify'), 'pg_namespace')")
            != version
        ):
            with self.connection:
                self.cursor.execute("drop schema if exists mesh_verify cascade")
                self.cursor.execute(text)
                self.cursor.execute(
                    sql.SQL("comment on schema mesh_verify is {}").format(sql.Literal(version))
                )
        self.connection.commit()

    def one(self, query: str | sql.Composable, *args: Any) -> Any:
        """The one value that a query gives."""
        self.cursor.execute(query, args or None)
        return self.cursor.fetchone()[0]

    def all(self, query: str, *args: Any) -> list[tuple]:
        self.cursor.execute(query, args or None)
        return self.cursor.fetchall()

    def read_tables(self) -> None:
        """Which tables there are, and their columns, as of now."""
        rows = self.all("select * from mesh_verify.tables() order by tbl")
        self.end()
        self.tables = {row[0]: Table(*row) for row in rows}
        # psycopg2 takes a % in a column's name for a placeholder wherever it is given values.
        self._quoted = {t.name: t.quoted() for t in self.tables.values()}

    # --- one snapshot

    def beat(self) -> None:
        """Let the node say what of its changes is no longer in flight, as its agent does all the time.

        What one beat sees, a later one may call settled: once the transactions of that moment have ended.
        """
        for _ in range(BEATS):
            self.one("select mesh.beat()::text")
            self.end()
            if self.one(
                "select h.settled >= u.seq from mesh.heartbeat h, mesh.unsettled u where h.node = mesh.me()"
            ):
                break
            time.sleep(0.01)
        self.end()

    def settled(self) -> dict[int, int]:
        """By origin, the number up to which this node has all its changes; 0: not known."""
        rows = self.all("select node, settled from mesh.heartbeat")
        self.end()
        return dict(rows)

    def evicted(self) -> set[int]:
        """Nodes that are no members any more, as this one knows."""
        rows = self.all("select node from mesh.node where state = 'evicted'")
        self.end()
        return {node for (node,) in rows}

    def pruned(self) -> int:
        """The clock up to which this node's log was cut off; 0: never."""
        found = int(self.one("select mesh.pruned()"))
        self.end()
        return found

    def begin(self, tables: Iterable[str]) -> None:
        """A transaction in which no table changes its form. The snapshot is taken by the first query after it."""
        names = ", ".join(self.tables[name].sql_name for name in tables)
        self.cursor.execute("begin isolation level repeatable read")
        self.cursor.execute(f"lock table {names} in access share mode")

    def changes_above(self, floors: dict[int, int]) -> dict[tuple[int, int], Change]:
        """Changes this snapshot sees, by (origin, seq), that have a greater seq than their origin's floor."""
        rows = self.all(
            "select c.origin, c.seq, c.tbl, c.key, c.kind::text from unnest(%s::int[], %s::bigint[]) f(origin, floor)"
            " cross join lateral (select * from mesh.change x where x.origin = f.origin and x.seq > f.floor) c"
            " limit %s",
            list(floors),
            list(floors.values()),
            MAX_IN_FLIGHT,
        )
        if len(rows) == MAX_IN_FLIGHT:
            raise ClusterError(
                f"{self.host.name} has {MAX_IN_FLIGHT} changes or more beside which others may still be in flight:"
                " a bulk load, or a transaction that lasts? Verify again when it has ended"
            )
        return {(origin, seq): Change(*rest) for origin, seq, *rest in rows}

    def parked_keys(self) -> set[tuple[str, str]]:
        return set(self.all("select tbl, key from mesh.parked where key <> '*'"))

    def digest(self, table: str, afresh: bool) -> tuple[int, int, int]:
        """Rows, sum of their hashes, and how many had to be hashed."""
        t = self.tables[table]
        rows, digest, hashed = self.all(
            "select rows, digest, hashed from mesh_verify.digest(%s, %s, %s, %s)",
            t.rel,
            t.shape,
            t.hash_sql,
            afresh,
        )[0]
        return int(rows), int(digest), int(hashed)

    def digest_of(self, table: str, keys: Iterable[str]) -> tuple[int, int]:
        """Rows and sum of their hashes, of these keys."""
        t = self._quoted[table]
        rows, digest = self.all(
            f"select count(*), coalesce(sum({t.hash_sql}), 0)"
            f" from unnest(%s::text[]) k(mesh_key) join only {t.sql_name} t on {t.match_sql}",
            list(keys),
        )[0]
        return int(rows), int(digest)

    def buckets(self, table: str) -> dict[int, tuple[int, int]]:
        """Rows and sum of hashes of each bucket of keys."""
        t = self._quoted[table]
        rows = self.all(
            f"select hashtext({t.key_sql}) & %s as b, count(*), sum({t.hash_sql})"
            f" from only {t.sql_name} t group by b",
            BUCKETS - 1,
        )
        return {b: (int(n), int(d)) for b, n, d in rows}

    def rows_of(self, table: str, buckets: list[int]) -> dict[str, int]:
        """Hash by key, of all rows in these buckets."""
        t = self._quoted[table]
        return dict(
            self.all(
                f"select {t.key_sql}, {t.hash_sql} from only {t.sql_name} t"
                f" where hashtext({t.key_sql}) & %s = any (%s)",
                BUCKETS - 1,
                buckets,
            )
        )

    def end(self) -> None:
        """Keep what was learnt; the next query sees what is there then."""
        self.connection.commit()

    # --- rows

    def states(self, table: str, keys: Sequence[str], since: int = 0) -> dict[str, State]:
        """Each key as one look finds it; of its history what is newer than `since`, which all logs still have."""
        found = self.states_now(table, keys, since)
        self.connection.commit()
        return found

    def states_now(self, table: str, keys: Sequence[str], since: int = 0) -> dict[str, State]:
        """The same, within a transaction under way."""
        t = self._quoted.get(table)
        if t is None:  # what waits for a table that is not here, or a schema change
            here, source = "null::bigint, null::text, null::jsonb", ""
        else:
            here = (
                f"case when t is null then null else {t.hash_sql} end, t.xmin::text,"
                f" case when t is null then null else {t.text_sql} end"
            )
            source = f" left join only {t.sql_name} t on {t.match_sql}"
        rows = self.all(
            f"select mesh_key, {here}, p.reason, p.since::text, p.row, v.hlc, v.origin, h.history"
            f" from unnest(%s::text[]) k(mesh_key){source}"
            " left join mesh.parked p on p.tbl = %s and p.key = mesh_key and p.reason <> 'recheck'"
            " left join lateral mesh.version_of(%s, mesh_key) v on true"
            " left join lateral (select string_agg(x.origin || ':' || x.seq, ',' order by x.hlc desc, x.origin desc)"
            " as history"
            " from (select * from mesh.change c where c.tbl = %s and c.key = mesh_key and c.hlc > %s"
            " order by c.hlc desc, c.origin desc limit %s) x) h on true",
            list(keys),
            table,
            table,
            table,
            since,
            HISTORY,
        )
        return {
            key: State(
                digest, reason, row or kept, (hlc, origin), history or "", f"{xmin}/{parked}"
            )
            for key, digest, xmin, row, reason, parked, kept, hlc, origin, history in rows
        }

    def sweep(self) -> None:
        """Settle what is parked, not beside the agent but after it."""
        try:
            self.cursor.execute("select pg_advisory_xact_lock(hashtext('mesh.sweep'))")
            self.cursor.execute("select mesh.sweep()")
            self.connection.commit()
        except (psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable):
            self.connection.rollback()  # clients go first; the next look sweeps again


def everywhere(nodes: Sequence[Node], do: Callable[[Node], T]) -> dict[int, T]:
    """Do it on all nodes at once; the answers by node number."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        return dict(zip((n.host.node for n in nodes), pool.map(do, nodes), strict=True))
