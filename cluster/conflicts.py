"""What people lost to a conflict, from all nodes, and writing it again (docs/operations/conflicts.md).

The rules are in SQL (cluster/mesh/sql/65_lost.sql), which the admin uses as well. A conflict is noticed by the nodes
on which the two changes met; parked rows wait on all. What is restored is an ordinary change: it replicates, and it
may itself be restored from.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import extras

from cluster import audit
from cluster.credentials import Credentials
from cluster.db import connect
from cluster.errors import ClusterError, NodeUnreachable
from cluster.topology import Topology

REFUSED = "MB020"
"""SQLSTATE of mesh.restoration() when it can't be done; its message is for a person."""


@dataclass
class Lost:
    """One change that lost something, or one row that waits for a unique value or for its parent."""

    id: str
    table: str
    key: str
    what: str
    lost: dict[str, str | None] | None
    lost_at: str | None
    lost_host: str | None
    lost_actor: str | None
    won: dict[str, str | None] | None
    won_at: str | None
    won_host: str | None
    won_actor: str | None
    detail: str | None
    """Of a row that waits: the unique index or the foreign key that keeps it out."""
    hosts: list[str] = field(default_factory=list)
    """Where it is known."""


@dataclass(frozen=True)
class Restored:
    """What `restore` did, or in a dry run would do; statement None: the row is so already."""

    id: str
    host: str
    statement: str | None
    now: dict[str, Any] | None
    then: dict[str, Any] | None


def gather(
    topology: Topology, credentials: Credentials, limit: int, only: str | None = None
) -> tuple[list[Lost], list[str]]:
    """(what was lost, newest first, at most `limit`; hosts that did not answer, in words)."""
    found: dict[str, Lost] = {}
    away: list[str] = []
    names = {host.node: host.name for host in topology.hosts}
    for host in topology.hosts:
        try:
            with connect(topology, host, credentials) as db, db.cursor() as cursor:
                cursor.execute(
                    "select id, tbl, key, what, lost, (lost_at at time zone 'UTC')::text, lost_node, lost_actor,"
                    " won, (won_at at time zone 'UTC')::text, won_node, won_actor, detail from mesh.lost"
                    " where id = coalesce(%s, id) order by coalesce(lost_at, noticed_at) desc limit %s",
                    (only, limit),
                )
                for row in cursor.fetchall():
                    one = Lost(*row)
                    one.lost_host = names.get(row[6], _number(row[6]))
                    one.won_host = names.get(row[10], _number(row[10]))
                    found.setdefault(one.id, one).hosts.append(host.name)
        except NodeUnreachable as error:
            away.append(error.message)
        except psycopg2.Error as error:
            away.append(f"{host.name}: {str(error).strip().splitlines()[0]}")
    if len(away) == len(topology.hosts):
        raise ClusterError("; ".join(away))
    newest_first = sorted(found.values(), key=lambda one: (one.lost_at or "", one.id), reverse=True)
    return newest_first[:limit], away


def _number(node: int | None) -> str | None:
    return None if node is None else f"node {node}"


def show(topology: Topology, credentials: Credentials, identity: str) -> tuple[Lost, dict | None]:
    """One of them, and the row as it is now. Raises ClusterError if no host knows it."""
    found, away = gather(topology, credentials, 1, identity)
    if not found:
        raise ClusterError("; ".join([f"no host knows a conflict {identity!r}", *away]))
    preview = restore(topology, credentials, identity, dry_run=True, anyway=True, refuse=False)
    return found[0], preview.now if preview else None


def restore(
    topology: Topology,
    credentials: Credentials,
    identity: str,
    columns: Sequence[str] | None = None,
    given: dict[str, str | None] | None = None,
    anyway: bool = False,
    dry_run: bool = False,
    refuse: bool = True,
) -> Restored | None:
    """Write again what was lost; on the first host that knows of it.

    `columns`: only these; `given`: other values, text forms by column; `anyway`: also if the row was changed since.
    Raises ClusterError with the reason when it can't be; without `refuse`, None is the answer then.
    """
    complaint = f"no host knows a conflict {identity!r}"
    for name, cursor in _cursors(topology, credentials):
        try:
            answer = _restore_on(cursor, name, identity, columns, given or {}, anyway, dry_run)
        except psycopg2.Error as error:
            cursor.connection.rollback()
            complaint = _complaint(error)
            if error.pgcode == REFUSED and "is known here" in complaint:
                continue
            if not refuse:
                return None
            raise ClusterError(f"not restored: {complaint}") from None
        if answer is not None:
            return answer
    if not refuse:
        return None
    raise ClusterError(complaint)


def _restore_on(
    cursor: Any,
    host: str,
    identity: str,
    columns: Sequence[str] | None,
    given: dict[str, str | None],
    anyway: bool,
    dry_run: bool,
) -> Restored:
    arguments = (identity, list(columns) if columns else None, extras.Json(given), anyway)
    cursor.execute("select set_config('mesh.actor', %s, true)", (audit.whoami(),))
    cursor.execute("select * from mesh.restoration(%s, %s, %s, %s)", arguments)
    restored = Restored(identity, host, *cursor.fetchone())
    if not dry_run and restored.statement is not None:
        cursor.execute("select mesh.restore_lost(%s, %s, %s, %s)", arguments)
        audit.note(
            cursor, "conflicts restore", {"id": identity, "was": restored.now, "is": restored.then}
        )
        cursor.connection.commit()
    else:
        cursor.connection.rollback()
    return restored


def _cursors(topology: Topology, credentials: Credentials) -> Iterator[tuple[str, Any]]:
    """Of each host that answers. Raises NodeUnreachable if none does."""
    away = []
    for host in topology.hosts:
        try:
            with connect(topology, host, credentials) as db, db.cursor() as cursor:
                yield host.name, cursor
        except NodeUnreachable as error:
            away.append(error.message)
    if len(away) == len(topology.hosts):
        raise NodeUnreachable("; ".join(away))


def _complaint(error: psycopg2.Error) -> str:
    text = (error.diag.message_primary or str(error)).strip()
    if isinstance(error, psycopg2.errors.UniqueViolation):
        text += f" ({error.diag.message_detail}) Give another value: --set COLUMN=VALUE"
    if isinstance(error, psycopg2.errors.ForeignKeyViolation):
        text += f" ({error.diag.message_detail}) Restore that row first, or name another: --set COLUMN=VALUE"
    return text


def parse_given(pairs: Sequence[str]) -> dict[str, str | None]:
    """`column=value`; `column=` is the empty text, `column=null` NULL, and `column="null"` (JSON) that word.

    Raises ValueError with the pair.
    """
    given: dict[str, str | None] = {}
    for pair in pairs:
        column, found, value = pair.partition("=")
        if not found or not column:
            raise ValueError(pair)
        given[column] = None if value == "null" else value
        if value.startswith('"'):
            try:
                given[column] = str(json.loads(value))
            except ValueError:
                raise ValueError(pair) from None
    return given
