"""How long it takes to compare all nodes: `clusterctl verify` over millions of rows, beside merely counting them."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from bench.report import Figure, Plot, Report, conditions
from bench.stand import Options, median
from cluster.verify import verify as compare
from tests.drills.frame import postgres_version
from tests.drills.mesh import DrillMesh
from tests.support.nodes import CREDENTIALS

NODES = 3
ROWS, CHANGED = 2_000_000, 250_000
SHORT_ROWS, SHORT_CHANGED = 20_000, 2_500
BATCH = 10_000
"""Rows of one transaction, of those that change."""
SETTINGS = """
shared_buffers = 512MB
"""
TABLE = "create table pupil (id bigint primary key, name text, mail text, room int, marks int[], at timestamptz, active boolean)"
FILL = (
    "insert into pupil select g, 'pupil ' || g, 'm' || g || '@school.test', mod(g, 1000), array[mod(g, 6), mod(g, 7)],"
    " timestamptz '2026-01-01 00:00+00' + g * interval '1 s', mod(g, 3) = 0 from generate_series(1, %s) g"
)
UNCHANGED, RANGE, SCATTERED = (
    "nothing changed",
    "one range of rows changed",
    "rows all over changed",
)
FIRST = "first pass"
GOALS = {UNCHANGED: 1.0, RANGE: 3.0, SCATTERED: 3.0}
"""Seconds, of three nodes with ROWS each, CHANGED of them changed on all."""


def verify(options: Options) -> Report:
    """Passes by the clock, as an operator waits for them: connecting, planting and finding damage included."""
    rows = SHORT_ROWS if options.short else ROWS
    changed = SHORT_CHANGED if options.short else CHANGED
    found: dict[str, list[float]] = {what: [] for what in (FIRST, UNCHANGED, RANGE, SCATTERED)}
    hashed: dict[str, int] = {}
    counting: list[float] = []
    with DrillMesh(NODES, SETTINGS) as mesh:
        mesh.ddl(1, TABLE)
        mesh.level()
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(lambda node: _fill(mesh, node, rows), mesh.numbers))

        def timed(what: str) -> None:
            report = compare(mesh.topology, CREDENTIALS, wait_seconds=60)
            if not report.well:
                raise RuntimeError(f"{what}: the nodes are not equal: {report}")
            found[what].append(report.seconds)
            hashed[what] = report.hashed

        timed(FIRST)
        versions = count(1)
        for _ in range(options.rounds):
            counting.append(_count(mesh))
            timed(UNCHANGED)
            for what, where in (
                (RANGE, f"id <= {changed}"),
                (SCATTERED, f"mod(id, {rows // changed}) = 0"),
            ):
                _change(mesh, where, next(versions), rows)
                timed(what)
                timed(UNCHANGED)
    return Report(
        "verify",
        "Comparing all nodes",
        f"clusterctl verify on {NODES} nodes with {rows:,} rows each; {changed:,} rows changed on one node, and so on all, between two passes.",
        figures=[
            *[Figure(what, round(median(seconds), 2), "s", f"≤ {GOALS[what]:g} s" if what in GOALS else "",
                     None if options.short or what not in GOALS else median(seconds) <= GOALS[what])
              for what, seconds in found.items()],
            Figure("select count(*) on all nodes at once", round(median(counting), 2), "s"),
            Figure(f"{UNCHANGED} ÷ select count(*)", round(median(found[UNCHANGED]) / median(counting), 2)),
            *[Figure(f"{what}: rows hashed, of {NODES * rows:,}", n) for what, n in hashed.items()],
        ],
        plots=[Plot("Seconds of a pass", "s", [*found, "select count(*)"],
                    {"by the clock": [round(median(s), 2) for s in (*found.values(), counting)]})],
        conditions=conditions(postgres=postgres_version(), nodes=f"{NODES} with their agents, all on this machine",
                              rows_a_node=rows, changed=changed, rounds=options.rounds, settings=SETTINGS.strip()),
        details={"seconds": {**found, "count": counting}},
    )  # fmt: skip


def _fill(mesh: DrillMesh, node: int, rows: int) -> None:
    """The same rows on each node, not by way of the log: only what is compared matters here."""
    with mesh.connect(node, "postgres") as db, db.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(FILL, (rows,))
    db.close()
    mesh.admin(node, "vacuum analyze pupil")
    mesh.admin(node, "checkpoint")


def _change(mesh: DrillMesh, where: str, version: int, rows: int) -> None:
    """On node 1, as an application does it, and wait until all have it."""
    for low in range(0, rows, BATCH):
        mesh.sql(
            1,
            f"update pupil set name = %s where id > %s and id <= %s and {where}",
            f"version {version}",
            low,
            low + BATCH,
        )
    mesh.level(600)


def _count(mesh: DrillMesh) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(NODES) as pool:
        list(pool.map(lambda node: mesh.admin(node, "select count(*) from pupil"), mesh.numbers))
    return time.monotonic() - began
