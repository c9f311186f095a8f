"""Are all nodes equal, was every transaction seen whole, is every acknowledged write there?

Works on any group of nodes that has `numbers` and `admin(node, sql)`, so that the negative control is judged
by the same eyes as the mesh.
"""

import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import psycopg2

from tests.drills.kinds import HALF_BUNDLES
from tests.drills.load import Told


class Group(Protocol):
    numbers: list[int]

    def admin(self, node: int, statement: str, *args: Any) -> list[tuple]: ...
    def connect(self, node: int, user: str = "firstbell") -> Any: ...


COLUMNS = """
    select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
        || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    union all select pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid
        where c.relnamespace = 'public'::regnamespace
    union all select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'public'::regnamespace
    order by 1
"""
KEYS = """
    select c.relname, string_agg(format('t.%I::text', a.attname), ' || '','' || ' order by u.o)
    from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary,
        unnest(i.indkey::int2[]) with ordinality u(attnum, o), pg_attribute a
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and a.attrelid = c.oid and a.attnum = u.attnum
    group by 1 order by 1
"""
PARKED = (
    "select tbl || ' ' || key, coalesce(row::text, '') from mesh.parked where reason <> 'recheck'"
)
LOG = """
    select c.origin || ':' || c.seq, to_jsonb(c)::text from mesh.change c where c.hlc >= {since}
"""


def has_log(group: Group) -> bool:
    return bool(
        group.admin(group.numbers[0], "select to_regclass('mesh.change') is not null")[0][0]
    )


def rows_of(group: Group, node: int, table: str, key: str) -> str:
    """The query for a table's rows as (key, content); column order and display settings don't matter."""
    return f"select {key}, to_jsonb(t)::text from public.{table} t"


def queries(group: Group, log_since: int = 0) -> dict[str, str]:
    """What must be equal: by name, a query for (key, content). `log_since`: of the log, changes stamped later."""
    first = group.numbers[0]
    told = {table: rows_of(group, first, table, key) for table, key in group.admin(first, KEYS)}
    if has_log(group):
        told["parked rows"] = PARKED
        # Nodes may drop old parts of the log at different moments: what all of them still have is compared.
        since = max(
            log_since,
            *(
                group.admin(n, "select coalesce(min(hlc), 0) from mesh.change")[0][0]
                for n in group.numbers
            ),
        )
        told["change log"] = LOG.format(since=since)
    return told


def sums(group: Group, log_since: int = 0) -> dict[str, dict[int, tuple]]:
    """By name of what is compared: each node's count and checksum."""
    told = {
        name: {
            n: group.admin(
                n,
                f"select count(*), sum(hashtextextended(k || '|' || v, 0)::numeric) from ({query}) q(k, v)",
            )[0]
            for n in group.numbers
        }
        for name, query in queries(group, log_since).items()
    }
    told["schema"] = {
        n: tuple(sorted(r[0] for r in group.admin(n, COLUMNS))) for n in group.numbers
    }
    return told


def wait_equal(
    group: Group, seconds: float, still_seconds: float = 20.0, log_since: int = 0
) -> list[str]:
    """Wait until nothing differs; else names of what still does after so long, or once nothing moves any more."""
    end = time.monotonic() + seconds
    before: object = None
    still_until = end
    while True:
        now: dict[str, Any] | None
        try:
            now = sums(group, log_since)
            found = [name for name, each in now.items() if len(set(each.values())) > 1]
        except psycopg2.Error as error:  # a table that one node does not have yet
            now, found = (
                None,
                [f"schema: {str(error).splitlines()[0]}"],
            )  # whether it moves is not seen
        if now is None or now != before:
            before, still_until = now, time.monotonic() + still_seconds
        if not found or time.monotonic() > min(end, still_until):
            return found
        time.sleep(0.5)


def differing_rows(group: Group) -> dict[str, list[str]]:
    """By table: keys of rows that are not the same on all nodes."""
    told = {}
    for name, query in queries(group).items():
        each: list[dict[str, str]] = []
        for n in group.numbers:
            try:
                each.append(dict(group.admin(n, query)))
            except psycopg2.Error:  # the table is not here
                each.append({})
        keys = sorted({k for rows in each for k in rows if len({r.get(k) for r in each}) > 1})
        if keys:
            told[name] = keys
    return told


def orphans(group: Group) -> dict[str, int]:
    """By foreign key: rows whose parent is not there, on all nodes together."""
    told: Counter[str] = Counter()
    for n in group.numbers:
        keys = group.admin(
            n,
            "select c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, b.attname"
            " from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
            " join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1] where c.contype = 'f'",
        )
        for table, column, parent, target in keys:
            told[f"{table}.{column}"] += group.admin(
                n,
                f"select count(*) from {table} t where {column} is not null"
                f" and not exists (select from {parent} p where p.{target} = t.{column})",
            )[0][0]
    return {key: count for key, count in told.items() if count}


def broken_constraints(group: Group) -> list[str]:
    """Unique and exclusion constraints that rows break all the same, on any node: found by building them anew."""
    found = []
    for n in group.numbers:
        db = group.connect(n, "postgres")
        db.autocommit = True  # one index at a time: the nodes still work on their tables
        with db.cursor() as cursor:
            cursor.execute(
                "select c.oid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid"
                " where (indisunique or indisexclusion) and c.relnamespace = 'public'::regnamespace"
            )
            for (index,) in cursor.fetchall():
                try:
                    cursor.execute(f"reindex index {index}")
                except psycopg2.errors.IntegrityError as error:
                    found.append(f"node {n}: {str(error).strip()}")
        db.close()
    return found


def lost_marks(group: Group, tellers: list[Told]) -> list[str]:
    """Bundles whose newest acknowledged write is not what they show, and no unanswered later one either."""
    lost = []
    for node in group.numbers:
        shown = dict(group.admin(node, "select id, mark from d_bundle"))
        for told in tellers:
            lost += [
                f"node {node}, bundle {b}: acknowledged {mark}, found {shown.get(b)}"
                for b, mark in told.acknowledged.items()
                if shown.get(b) not in {mark, *told.in_doubt.get(b, ())}
            ]
    return lost


class Watcher(threading.Thread):
    """Takes snapshots of all nodes in turn while they are written to, and looks for bundles seen in part."""

    def __init__(self, group: Group, pause_seconds: float = 0.05):
        super().__init__(daemon=True)
        self.group, self.pause_seconds = group, pause_seconds
        self.snapshots, self.halves = 0, Counter[int]()
        self._done = threading.Event()

    def __enter__(self) -> "Watcher":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        open_ones: dict[int, Any] = {}
        while not self._done.is_set():
            for node in self.group.numbers:
                self._done.wait(self.pause_seconds)
                try:
                    if node not in open_ones or open_ones[node].closed:
                        open_ones[node] = self.group.connect(node)
                        open_ones[node].autocommit = True
                    with open_ones[node].cursor() as cursor:
                        cursor.execute(HALF_BUNDLES)  # one statement, one snapshot
                        if cursor.fetchall():
                            self.halves[node] += 1
                    self.snapshots += 1
                except psycopg2.Error:
                    open_ones.pop(node, None)
        for db in open_ones.values():
            db.close()


APPLY = "logical replication worker"
HARMLESS = (
    "deadlock detected",  # the worker starts the transaction again
    "canceling statement due to lock timeout",
    'violates unique constraint "change_',  # the agent has just fetched the same change from a peer
    "is already active for PID",  # its predecessor has not ended yet
    "terminating ",
    "could not connect to the publisher",
    "could not receive data from WAL stream",
    "could not send data to WAL stream",
    "server closed the connection",
    "could not start WAL streaming",
    "SSL connection",
)


def apply_errors(log: Path) -> tuple[Counter, Counter]:
    """(stalling, harmless) errors of apply workers in a server log whose line prefix has the backend type (%b)."""
    bad, harmless = Counter[str](), Counter[str]()
    for line in log.read_text(errors="replace").splitlines():
        if APPLY in line and (found := re.search(r"(?:ERROR|FATAL|PANIC):\s+(.*)", line)):
            message = re.sub(r"\d+", "N", found[1])
            (harmless if any(h in message for h in HARMLESS) else bad)[message] += 1
    return bad, harmless


def pglogical_errors(log: Path) -> Counter:
    """Errors in a log whose lines name no backend: those that stand before an apply worker's end."""
    found = Counter[str]()
    before = ""
    for line in log.read_text(errors="replace").splitlines():
        if "pglogical apply" in line and "exited with exit code" in line:
            found[re.sub(r"\d+", "N", before)] += 1
        if match := re.search(r"ERROR:\s+(.*)", line):
            before = match[1]
    return found
