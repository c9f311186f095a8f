"""Round "control": the same writes as in "conflicts" over a plain pglogical mesh. It must be seen to differ or stall.

A drill that finds nothing wrong with anything proves nothing. No kills, no cuts, no schema changes: conflicts suffice.
"""

import time
from collections import Counter

from bench.report import Figure, Plot, Report, conditions
from tests.drills import checks
from tests.drills.frame import Options, postgres_version
from tests.drills.kinds import KINDS
from tests.drills.load import Load
from tests.support.servers import PglogicalMesh, has_pglogical

LEVEL_SECONDS = 60.0


def run(options: Options) -> Report:
    if not has_pglogical():
        raise SystemExit(
            "control: Debian's package postgresql-<version>-pglogical is missing; make drill installs it"
        )
    kinds = [k for k in KINDS if not KINDS[k].needs_log and k not in options.without]
    transactions = min(options.transactions, 1000 if options.short else 10_000)
    with PglogicalMesh(3) as mesh:
        for kind in kinds:
            for statement in KINDS[kind].schema:
                mesh.ddl(1, statement)
        dsns = [mesh.dsn(mesh.numbers[i % 3]) for i in range(options.writers)]
        with checks.Watcher(mesh) as watcher, Load(dsns, transactions, kinds, options.seed) as load:
            load.wait(600)
        began = time.monotonic()
        differing = checks.wait_equal(mesh, 20 if options.short else LEVEL_SECONDS, 8)
        waited = time.monotonic() - began
        down = mesh.down()
        rows = checks.differing_rows(mesh)
        orphans = checks.orphans(mesh)
        errors = Counter[str]()
        for n in mesh.numbers:
            errors += checks.pglogical_errors(mesh.folder / f"n{n}.log")
    count = sum(map(len, rows.values()))
    return Report(
        "control",
        "Negative control: the same writes over a plain pglogical mesh",
        "Row replication by pglogical, last update wins, three nodes: the drill must find it wanting, else it could find nothing.",
        figures=[
            Figure("transactions", load.committed),
            Figure("differing rows", count, f"after {waited:.0f} s of waiting", "found: more than 0, or a stalled subscription",
                   bool(count or down)),
            Figure("stalled subscriptions", len(down), "of 6"),
            Figure("errors of apply workers", sum(errors.values())),
            Figure("rows without their parent", sum(orphans.values())),
            Figure("transactions seen half", sum(watcher.halves.values()), f"of {watcher.snapshots} snapshots"),
        ],
        plots=[Plot("Differing rows by table", "rows", list(rows), {"plain pglogical": [float(len(k)) for k in rows.values()]})],
        conditions=conditions(seed=options.seed, writers=options.writers, nodes=3, kinds=kinds, postgres=postgres_version()),
        details={"differing": differing, "down": down, "errors": errors, "orphans": orphans},
    )  # fmt: skip
