"""`clusterctl verify`: do all nodes hold the same rows? Under live writes, without false alarms and without misses.

Each node sums up the hashes of its rows in one snapshot; blocks in which nothing happened since the last pass are only
counted. The snapshots are not of one moment, so two sums may differ by changes that one node has and the other has not
yet. Which ones these are is known from the change log: their rows, and parked ones, are taken out of the sums and
looked at one by one (looks.py). If the rest is not equal, the rows that differ are searched for.

Each run damages tables of its own on some nodes and must find just that, else it fails: an instrument that can't see
says so. It changes no row of yours, and takes no lock but those of reading.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import psycopg2

from cluster.credentials import Credentials
from cluster.db import connect
from cluster.errors import ClusterError, NodeUnreachable
from cluster.topology import Topology
from cluster.verify import looks, schema, scratch
from cluster.verify.node import BUCKETS, SCRATCH, Change, Node, everywhere

MAX_ROWS = 10_000
"""So many differing rows of a table are looked at in one run, and rows of so many buckets are fetched."""
ATTEMPTS = 5
"""A truncate or schema change in flight says nothing about a table; then it is compared anew."""


class Untrustworthy(ClusterError):
    """The run did not find what it had planted itself; its other findings mean nothing."""


class _Behind(Exception):
    """The nodes could not be compared, and not because they differ: one lacks changes, say. args: in words."""


@dataclass
class Report:
    hosts: dict[int, str]
    """Compared nodes: their hosts' names by node number."""
    rows: dict[str, int] = field(default_factory=dict)
    """By table, in the first node's snapshot."""
    hashed: int = 0
    """Rows, of all nodes, that had to be hashed, as something happened beside them since the last pass."""
    differences: list[looks.Doubt] = field(default_factory=list)
    undecided: list[looks.Doubt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What could not be compared, and why."""
    planted: int = 0
    seconds: float = 0.0

    @property
    def well(self) -> bool:
        return not (self.differences or self.undecided or self.problems)


def verify(
    topology: Topology,
    credentials: Credentials,
    tables: Sequence[str] = (),
    full: bool = False,
    wait_seconds: float = 10.0,
) -> Report:
    """Compare `tables` (names in the change log; default: all) on all nodes that answer.

    `full` hashes every row, also where nothing seems to have happened: it finds a disk that forgets. Raises
    Untrustworthy, and ClusterError when fewer than two nodes answer or a table is not known.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        away, nodes = {}, []
        for host in topology.hosts:
            try:
                nodes.append(Node(host, stack.enter_context(connect(topology, host, credentials))))
            except NodeUnreachable as error:
                away[host.node] = str(error)
        evicted = set().union(*(node.evicted() for node in nodes))
        nodes = [node for node in nodes if node.host.node not in evicted]
        problems = [error for number, error in away.items() if number not in evicted]
        if len(nodes) < 2:
            raise ClusterError("; ".join(["there is nothing to compare with", *problems]))
        report = Report({node.host.node: node.host.name for node in nodes}, problems=problems)
        try:
            _verify(nodes, report, tables, full, wait_seconds)
        except psycopg2.Error as error:  # a node went away, a table was dropped meanwhile
            raise ClusterError(f"verify was cut short: {str(error).strip()}") from None
    report.seconds = time.monotonic() - began
    return report


def _verify(
    nodes: list[Node], report: Report, tables: Sequence[str], full: bool, wait_seconds: float
) -> None:
    chosen = _choose(nodes, report, tables)
    planted = scratch.plant(nodes, random.SystemRandom())
    try:
        doubtful = _compare(nodes, report, chosen, full, wait_seconds)
        differences, report.undecided = looks.settle(nodes, doubtful, wait_seconds)
    except _Behind as error:
        report.problems += error.args[0]
        return
    finally:
        scratch.restore(nodes)
    found = {(d.table, d.key) for d in differences if d.table in SCRATCH}
    if found != planted:
        raise Untrustworthy(
            f"verify can't be trusted: it damaged {sorted(planted)} itself and found {sorted(found)};"
            " report this, with the version of Postgres"
        )
    report.problems += schema.differences(nodes, chosen, wait_seconds)
    report.planted = len(planted)
    report.differences = [d for d in differences if d.table not in SCRATCH]


def _choose(nodes: list[Node], report: Report, wanted: Sequence[str]) -> list[str]:
    """Tables that all nodes have alike; the others are problems."""
    everything = {name for node in nodes for name in node.tables} - set(SCRATCH)
    if unknown := set(wanted) - everything:
        raise ClusterError(
            f"no replicated table {', '.join(sorted(unknown))}; there are: {', '.join(sorted(everything)) or 'none'}"
        )
    chosen = []
    for name in sorted(set(wanted) or everything):
        shapes = {n.host.name: n.tables[name].shape if name in n.tables else None for n in nodes}
        if len(set(shapes.values())) == 1:
            chosen.append(name)
            continue
        lacking = [host for host, shape in shapes.items() if shape is None]
        report.problems.append(
            f"table {name} is not on {', '.join(lacking)}"
            if lacking
            else f"table {name} has not the same columns on {', '.join(shapes)}"
        )
    return [*chosen, *SCRATCH]


def _compare(
    nodes: list[Node], report: Report, tables: list[str], full: bool, seconds: float
) -> set[looks.Key]:
    """Keys that may differ."""
    doubtful: set[looks.Key] = set()
    for attempt in range(ATTEMPTS):
        found, again = _pass(nodes, report, tables, full, seconds)
        doubtful |= found
        if not again:
            return doubtful
        tables = [name for name in tables if name in again]
        time.sleep(0.1 * 2**attempt)
    problems = [
        f"table {name} was truncated or altered in each of {ATTEMPTS} passes" for name in tables
    ]
    if set(tables) & set(SCRATCH):
        raise _Behind(problems)
    report.problems += problems
    return doubtful


def _pass(
    nodes: list[Node], report: Report, tables: list[str], full: bool, seconds: float
) -> tuple[set[looks.Key], set[str]]:
    """(keys that may differ, tables to compare again)."""
    floors = _floors(nodes)
    if behind := looks.level(nodes, seconds):
        raise _Behind(behind)
    everywhere(nodes, lambda node: node.read_tables())
    again = {
        t for t in tables if len({n.tables[t].shape if t in n.tables else "" for n in nodes}) > 1
    }
    everywhere(nodes, lambda node: node.begin(t for t in tables if t not in again))
    seen = everywhere(nodes, lambda node: node.changes_above(floors))
    parked = set().union(*everywhere(nodes, lambda node: node.parked_keys()).values())
    moving = _in_flight(list(seen.values()))
    again |= {t for t in tables for c in moving if c.kind == "S" or (c.kind, c.table) == ("T", t)}
    doubtful = parked | {(c.table, c.key) for c in moving if c.kind not in "ST"}
    # Not of tables that are not compared in this pass; but what is parked for a table that is not here is.
    doubtful = {key for key in doubtful if key[0] in tables or key[0] not in nodes[0].tables}
    for table in [t for t in tables if t not in again]:
        keys = sorted(key for name, key in doubtful if name == table)
        sums = everywhere(nodes, partial(Node.digest, table=table, afresh=full))
        apart = everywhere(nodes, partial(Node.digest_of, table=table, keys=keys))
        rest = {(s[0] - apart[n][0], s[1] - apart[n][1]) for n, s in sums.items()}
        report.rows[table] = sums[nodes[0].host.node][0]
        report.hashed += sum(s[2] for s in sums.values())
        if len(rest) > 1:
            doubtful |= {(table, key) for key in _search(nodes, report, table)}
    everywhere(nodes, lambda node: node.end())
    return doubtful, again


def _floors(nodes: list[Node]) -> dict[int, int]:
    """Per origin a number below which no change is in flight any more, once the nodes are level."""
    everywhere(nodes, lambda node: node.beat())
    said = everywhere(nodes, lambda node: node.settled())
    origins = {origin for floors in said.values() for origin in floors}
    # A node's own word of itself is the newest; of one that is away, what the last of the others has heard counts.
    return {
        o: said[o][o] if o in said else min(floors.get(o, 0) for floors in said.values())
        for o in sorted(origins)
    }


def _in_flight(seen: list[dict[tuple[int, int], Change]]) -> list[Change]:
    """Changes that some snapshots have and others have not."""
    everything: dict[tuple[int, int], Change] = {}
    for changes in seen:
        everything |= changes
    return [c for name, c in everything.items() if not all(name in changes for changes in seen)]


def _search(nodes: list[Node], report: Report, table: str) -> set[str]:
    """The keys of a table that differ in the snapshots, MAX_ROWS at most."""
    buckets = everywhere(nodes, lambda node: node.buckets(table))
    total = sum(rows for rows, _ in buckets[nodes[0].host.node].values())
    differing = sorted(
        b for b in set().union(*buckets.values()) if len({d.get(b) for d in buckets.values()}) > 1
    )
    at_most = max(1, MAX_ROWS * BUCKETS // max(total, BUCKETS))
    rows = everywhere(nodes, lambda node: node.rows_of(table, differing[:at_most]))
    keys = sorted(
        k for k in set().union(*rows.values()) if len({r.get(k) for r in rows.values()}) > 1
    )
    if len(differing) > at_most or len(keys) > MAX_ROWS:
        report.problems.append(
            f"table {table} differs in {len(differing)} of {BUCKETS} parts, more than one run lists:"
            " repair what is listed, then verify again"
        )
    return set(keys[:MAX_ROWS])
