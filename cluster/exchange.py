"""Give nodes the changes of one origin that others have and they lack: of a dead node, of one that comes back.

A change is named by (origin, seq). Which are missing is found by blocks of numbers, so that equal logs cost one pass
each and no transfer. Changes enter through the merge, whole transactions at a time; duplicates are skipped by it.
What a node has pruned from its log it never gets again: its place in the order is forgotten there.
"""

import io
import time
from collections.abc import Iterable, Iterator, Mapping

import psycopg2
from psycopg2 import sql

from cluster.db import row

Db = psycopg2.extensions.connection

BLOCK = 10_000
"""Changes of one number block are compared by count and sum first."""
BATCH = 5_000
"""About as many changes are merged in one transaction; never less than one transaction of the origin."""
ATTEMPTS = 5
"""An agent may fetch the same changes at the same moment: then they are looked for again."""


def exchange(sources: Mapping[int, Db], targets: Mapping[int, Db], origin: int) -> dict[int, int]:
    """Every target gets all changes of `origin` that any source has; how many each got.

    Connections by node number, in autocommit, of a superuser.
    """
    return {
        number: sum(
            transfer(source, target, origin) for other, source in sources.items() if other != number
        )
        for number, target in targets.items()
    }


def renumber(db: Db, others: Iterable[Db], origin: int) -> int:
    """Give changes of `origin` on this node new numbers where others know another change by that number; how many.

    So it is on a node that was started from an old disk, and took writes while it could ask nobody.
    """
    taken: set[int] = set()
    highest = 0
    for other in others:
        with other.cursor() as cursor:
            cursor.execute(
                "select coalesce(max(seq), 0) from mesh.change where origin = %s", (origin,)
            )
            highest = max(highest, row(cursor)[0])
        theirs = _blocks(other, origin, 0)
        for block, summary in _blocks(db, origin, 0).items():
            if block in theirs and theirs[block] != summary:
                known = _numbers(other, origin, 0, block)
                ours = _numbers(db, origin, 0, block)
                taken |= {seq for seq, hlc in ours.items() if known.get(seq, hlc) != hlc}
    if taken:
        with db.cursor() as cursor:
            cursor.execute(
                "select coalesce(max(seq), 0) from mesh.change where origin = %s", (origin,)
            )
            base = first_number(max(highest, row(cursor)[0]))
            cursor.execute("begin")
            cursor.execute("set local session_replication_role = replica")
            cursor.execute(
                "update mesh.change c set seq = %s + t.place from unnest(%s::bigint[]) with ordinality t(seq, place)"
                " where c.origin = %s and c.seq = t.seq",
                (base, sorted(taken), origin),
            )
            cursor.execute("commit")
    return len(taken)


def first_number(highest_known: int) -> int:
    """Where the numbers of a node's new life begin: above all that anybody may know of its former ones.

    The log may have been pruned, so the highest that is known is not enough: milliseconds since 1970 are more
    than any node can have counted by now.
    """
    return max(highest_known + 1, time.time_ns() // 1_000_000)


def transfer(source: Db, target: Db, origin: int, settled: int | None = None) -> int:
    """Merge at `target` what `source` has of `origin` and it lacks; how many changes that were.

    `settled`: the number up to which `target` is known to have all; then only later ones are looked at.
    """
    sent = 0
    for attempt in range(1, ATTEMPTS + 1):
        if settled is None:
            missing = lacking(source, target, origin)
        else:
            missing = sorted(_later(source, origin, settled) - _later(target, origin, settled))
        if not missing:
            break
        try:
            for batch in _batches(source, origin, missing):
                _merge(source, target, origin, batch)
                sent += len(batch)
        except (psycopg2.errors.UniqueViolation, psycopg2.errors.DeadlockDetected):
            if attempt == ATTEMPTS:
                raise
            with target.cursor() as cursor:
                cursor.execute("rollback")
    return sent


def lacking(source: Db, target: Db, origin: int) -> list[int]:
    """Numbers of the changes of `origin` that `source` has and `target` neither has nor has pruned, ascending."""
    above = pruned(target)
    ours, theirs = _blocks(source, origin, above), _blocks(target, origin, above)
    missing: list[int] = []
    for block, summary in sorted(ours.items()):
        if theirs.get(block) != summary:
            have = _numbers(target, origin, above, block)
            missing += [seq for seq in _numbers(source, origin, above, block) if seq not in have]
    return missing


def _later(db: Db, origin: int, settled: int) -> set[int]:
    """Numbers of the changes of `origin` after the one called `settled` that this node has."""
    with db.cursor() as cursor:
        cursor.execute(
            "select seq from mesh.change where origin = %s and seq > %s and hlc >= mesh.pruned()",
            (origin, settled),
        )
        return {seq for (seq,) in cursor.fetchall()}


def pruned(db: Db) -> int:
    """The clock (microseconds) before which this node's log was pruned; 0: it is whole."""
    with db.cursor() as cursor:
        cursor.execute("select mesh.pruned()")
        return row(cursor)[0]


def unheard(db: Db, origin: int, before: int) -> list[dict]:
    """This node's own changes older than `before` that, as far as it knows, no other node had when it last heard."""
    with db.cursor() as cursor:
        cursor.execute(
            "select to_jsonb(c) from mesh.change c where origin = %s and hlc < %s and hlc > (select"
            " coalesce(max((heard->>%s)::bigint), 0) from mesh.heartbeat where node <> %s) order by hlc",
            (origin, before, str(origin), origin),
        )
        return [change for (change,) in cursor.fetchall()]


def _blocks(db, origin: int, above: int) -> dict[int, tuple]:
    with db.cursor() as cursor:
        cursor.execute(
            "select seq / %s, count(*), sum(seq), sum(hlc) from mesh.change where origin = %s and hlc >= %s group by 1",
            (BLOCK, origin, above),
        )
        return {block: tuple(summary) for block, *summary in cursor.fetchall()}


def _numbers(db: Db, origin: int, above: int, block: int) -> dict[int, int]:
    """Clock of each change of one block, by number, in order."""
    with db.cursor() as cursor:
        cursor.execute(
            "select seq, hlc from mesh.change where origin = %s and hlc >= %s and seq >= %s and seq < %s order by seq",
            (origin, above, block * BLOCK, (block + 1) * BLOCK),
        )
        return dict(cursor.fetchall())


def _batches(source, origin: int, numbers: list[int]) -> Iterator[list[int]]:
    """The numbers in lists that end where a transaction of the origin ends."""
    with source.cursor() as cursor:
        cursor.execute(
            "select txn, seq from mesh.change where origin = %s and seq = any (%s) order by txn, seq",
            (origin, numbers),
        )
        rows = cursor.fetchall()
    batch: list[int] = []
    last = None
    for txn, seq in rows:
        if len(batch) >= BATCH and txn != last:
            yield batch
            batch = []
        batch.append(seq)
        last = txn
    if batch:
        yield batch


def _merge(source, target, origin: int, numbers: list[int]) -> None:
    """Bring these changes into the target's log, through its merge, in one transaction."""
    columns = sql.SQL(", ").join(
        sql.Identifier(name) for name in common_columns(source, target, "mesh.change")
    )
    rows = io.StringIO()
    with source.cursor() as cursor:
        cursor.copy_expert(
            sql.SQL(
                "copy (select {} from mesh.change where origin = {} and seq = any ({}::bigint[])"
                " order by txn, seq) to stdout"
            ).format(columns, sql.Literal(origin), sql.Literal(numbers)),
            rows,
        )
    rows.seek(0)
    with target.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("set local synchronous_commit = local")
        cursor.execute("set local session_replication_role = replica")  # so that the merge fires
        cursor.copy_expert(sql.SQL("copy mesh.change ({}) from stdin").format(columns), rows)
        cursor.execute("commit")


def common_columns(source: Db, target: Db, table: str) -> list[str]:
    """Columns that a table has on both nodes, in the source's order."""
    query = (
        "select attname from pg_attribute where attrelid = to_regclass(%s)"
        " and attnum > 0 and not attisdropped order by attnum"
    )
    found = []
    for db in (source, target):
        with db.cursor() as cursor:
            cursor.execute(query, (table,))
            found.append([name for (name,) in cursor.fetchall()])
    return [name for name in found[0] if name in found[1]]
