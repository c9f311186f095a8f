"""`clusterctl repair`: make single rows that differ between nodes equal again, past the change log.

What is right is what the change log says. Where it no longer says it (it is pruned), what most nodes have; where there
is no majority either, what the operator names with --from. Each row is first looked at as `verify` does, so that none
is touched whose changes are only on their way, and not at all if a plan was made of another state than there is now.
Each write is one transaction on one node, with a line in that node's mesh.audit and in its Postgres log.

It writes nothing into the change log: all other nodes have the right row already, or get it from here too.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import extras, sql

from cluster import audit
from cluster.credentials import Credentials
from cluster.db import connect
from cluster.errors import ClusterError
from cluster.topology import Topology
from cluster.verify import looks
from cluster.verify.looks import Doubt, Key
from cluster.verify.node import Node

WAIT_SECONDS = 10.0
LOG = "the change log"

Row = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What a row should be; row None: it should not be."""

    row: Row | None
    why: str


@dataclass
class Outcome:
    """What became of one row of the plan."""

    table: str
    key: str
    state: str
    """equal (nothing to do), repaired, would be repaired, refused"""
    why: str = ""
    """Which side was right; of a refusal its reason."""
    right: Row | None = None
    hosts: list[str] = field(default_factory=list)
    """Where it was, or would be, written."""


def repair(
    topology: Topology,
    credentials: Credentials,
    keys: Sequence[Key],
    expected: dict[Key, dict[str, Any]] | None = None,
    source: str | None = None,
    dry_run: bool = False,
) -> list[Outcome]:
    """Make these rows equal on all nodes. Run again, it finds them equal and does nothing.

    `expected`: by row, what the plan found by host (see State.as_dict). `source`: the host that is right where neither
    log nor majority says. Raises ClusterError, before anything is written, when a node is away or behind, or when a
    row is not what the plan says.
    """
    try:
        return _repair_all(topology, credentials, keys, expected or {}, source, dry_run)
    except psycopg2.Error as error:  # a node went away, or a key is no value of its column
        raise ClusterError(f"repair was cut short: {str(error).strip().splitlines()[0]}") from None


def _repair_all(
    topology: Topology,
    credentials: Credentials,
    keys: Sequence[Key],
    expected: dict[Key, dict[str, Any]],
    source: str | None,
    dry_run: bool,
) -> list[Outcome]:
    with ExitStack() as stack:
        nodes = [
            Node(h, stack.enter_context(connect(topology, h, credentials))) for h in topology.hosts
        ]
        evicted = set().union(*(node.evicted() for node in nodes))
        nodes = [node for node in nodes if node.host.node not in evicted]
        names = {node.host.node: node.host.name for node in nodes}
        if source is not None and source not in names.values():
            raise ClusterError(
                f"no member is called {source}; there are: {', '.join(names.values())}"
            )
        _check_tables(nodes, keys)
        if behind := looks.level(nodes, WAIT_SECONDS):
            raise ClusterError("nothing was repaired: " + "; ".join(behind))
        differ, undecided = looks.settle(nodes, set(keys), WAIT_SECONDS)
        doubts = {(d.table, d.key): d for d in differ}
        unclear = {(d.table, d.key) for d in undecided}
        _check_unchanged(doubts, expected, names)
        outcomes = []
        for key in dict.fromkeys(keys):
            if key in unclear:
                outcomes.append(
                    Outcome(*key, "refused", "it is being written all the time; try again")
                )
            elif key not in doubts:
                outcomes.append(Outcome(*key, "equal"))
            else:
                outcomes.append(_repair(nodes, doubts[key], source, dry_run))
        if not dry_run:
            _check_done(nodes, outcomes)
        return outcomes


def _check_tables(nodes: list[Node], keys: Sequence[Key]) -> None:
    for table in sorted({table for table, _ in keys}):
        lacking = [node.host.name for node in nodes if table not in node.tables]
        if lacking:
            raise ClusterError(f"there is no replicated table {table} on {', '.join(lacking)}")
        if len({node.tables[table].shape for node in nodes}) > 1:
            raise ClusterError(
                f"table {table} has not the same columns on all nodes; finish its schema change first"
            )


def _check_unchanged(
    doubts: dict[Key, Doubt], expected: dict[Key, dict[str, Any]], names: dict[int, str]
) -> None:
    """Rows that are equal by now are no matter: somebody repaired them."""
    changed = []
    for key, doubt in doubts.items():
        now = {names[number]: state.as_dict() for number, state in doubt.states.items()}
        if key in expected and now != expected[key]:
            changed.append(f"{key[0]} {key[1]}")
    if changed:
        raise ClusterError(
            f"nothing was repaired: changed since the plan was made: {', '.join(changed[:10])};"
            " make a new plan: clusterctl verify --json"
        )


def _repair(nodes: list[Node], doubt: Doubt, source: str | None, dry_run: bool) -> Outcome:
    outcome = Outcome(doubt.table, doubt.key, "refused")
    try:
        verdict = judge(nodes, doubt, source)
    except ClusterError as error:
        outcome.why = error.message
        return outcome
    outcome.why, outcome.right = verdict.why, verdict.row
    wrong = [n for n in nodes if doubt.states[n.host.node].row != verdict.row]
    # The same row everywhere, but not everywhere parked: each node decides anew by the rule.
    for node in wrong or nodes:
        if dry_run:
            outcome.hosts.append(node.host.name)
            continue
        written, problem = _write(node, doubt, verdict)
        outcome.hosts += [node.host.name] if written else []
        if problem:
            outcome.why = f"{node.host.name}: {problem}"
            return outcome
    outcome.state = "would be repaired" if dry_run else "repaired"
    return outcome


def judge(nodes: list[Node], doubt: Doubt, source: str | None) -> Verdict:
    """What the row should be. Raises ClusterError if nothing says it."""
    held = {number: state.row for number, state in doubt.states.items()}
    by_name = {node.host.name: held[node.host.node] for node in nodes}
    most, votes = _commonest(list(held.values()))
    rows = [row for row in held.values() if row is not None]
    base = by_name[source] if source else _commonest(rows)[0] if rows else None
    # Of columns that are newer than the insert the log has nothing: there `base` counts, whatever else is known.
    said = [answer for node in nodes if (answer := _log_says(node, doubt, base)) is not None]
    if said:
        if any(answer != said[0] for answer in said):
            raise ClusterError(
                "the nodes' change logs say different things; rejoin the node that lacks changes"
            )
        return said[0]
    if source:
        verdict, why = by_name[source], f"{source}, as told"
    elif votes * 2 > len(held):
        verdict, why = most, f"{votes} of {len(held)} nodes"
    else:
        raise ClusterError(
            "neither the change log nor a majority says which is right; say --from HOST"
        )
    return Verdict(_with_updates(nodes[0], doubt, verdict), why)


def _commonest(rows: Sequence[Row | None]) -> tuple[Row | None, int]:
    """The row that most hold, and how many do."""
    forms = [None if row is None else tuple(sorted(row.items())) for row in rows]
    form, votes = Counter(forms).most_common(1)[0]
    return rows[forms.index(form)], votes


def _log_says(node: Node, doubt: Doubt, base: Row | None) -> Verdict | None:
    """None: the row's insert, and its delete, are no longer in this node's log."""
    want, known = _wanted(node, doubt, None)
    if not known:
        return None
    return Verdict(None if want is None else {**(base or {}), **want}, LOG)


def _with_updates(node: Node, doubt: Doubt, row: Row | None) -> Row | None:
    return None if row is None else _wanted(node, doubt, row)[0]


def _wanted(node: Node, doubt: Doubt, base: Row | None) -> tuple[Row | None, bool]:
    found = node.all(
        "select want, known from mesh.wanted(%s, %s, %s, null::mesh.change)",
        doubt.table,
        doubt.key,
        None if base is None else extras.Json(base),
    )[0]
    node.end()
    return found


def _write(node: Node, doubt: Doubt, verdict: Verdict) -> tuple[bool, str | None]:
    """Make the row right on one node, unless it is another than was looked at; (written, why not)."""
    table, key, seen = doubt.table, doubt.key, doubt.states[node.host.node]
    try:
        with node.connection:
            node.cursor.execute("set local session_replication_role = replica")
            node.one("select mesh.call_read(%s, %s)", table, key)  # locks it
            before = node.states_now(table, [key])[key]
            if (before.content, before.version) != (seen.content, seen.version):
                return False, "it changed just now; try again"
            if verdict.why == LOG:
                node.one("select mesh.place(%s, %s, null::mesh.change)::text", table, key)
            _set(node, table, key, verdict.row)
            after = node.states_now(table, [key])[key]
            if after.content == before.content:
                return False, None
            detail: Row = {"table": table, "key": key, "why": verdict.why}
            detail |= {"was": before.as_dict(), "is": after.as_dict()}
            audit.note(node.cursor, "repair", detail)
            line = f"repair by {audit.whoami()}: table={table} key={key} right={verdict.why}"
            node.one("select mesh_verify.log_line(%s)::text", line)
    except psycopg2.Error as error:
        return False, str(error).strip().splitlines()[0]
    return True, None


def _set(node: Node, table: str, key: str, row: Row | None) -> None:
    """What the log did not say: columns it does not know, rows it has forgotten. A row it had parked stays so."""
    state = node.states_now(table, [key])[key]
    if state.row == row:
        return
    if row is None:
        node.one("select mesh.call_remove(%s, %s, true)", table, key)
    else:
        name = node.one("select mesh.function_name('write', %s)", table)
        write = sql.SQL("select mesh.{}(%s, %s, %s)").format(sql.Identifier(name))
        if not node.one(write, key, extras.Json(row), state.row is not None):
            raise psycopg2.IntegrityError("somebody inserted it just now; try again")
    node.cursor.execute("delete from mesh.parked where tbl = %s and key = %s", (table, key))


def _check_done(nodes: list[Node], outcomes: list[Outcome]) -> None:
    """A repaired row that is still not equal was not repaired: its unique value or its parent is not free."""
    looks.level(nodes, WAIT_SECONDS)
    done = {(o.table, o.key): o for o in outcomes if o.state == "repaired"}
    for doubt in looks.settle(nodes, set(done), WAIT_SECONDS)[0]:
        outcome = done[doubt.table, doubt.key]
        outcome.state = "refused"
        outcome.why = "it was written and differs again: look at what else differs in this table"
