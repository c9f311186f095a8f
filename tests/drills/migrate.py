"""Round "migrate-under-load": `manage.py migrate` on one node while all are written to.

The real one, of this repository's application: a hundred or so schema changes and data migrations. It is killed in the
middle and run again; one node is down meanwhile and catches up. Writers must not notice.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import ROOT, Figure, Report, conditions
from tests.drills import checks
from tests.drills.frame import Options, postgres_version
from tests.drills.kinds import KINDS, SCHEMA_STEPS
from tests.drills.load import Load
from tests.drills.mesh import DrillMesh
from tests.support.nodes import CREDENTIALS
from tests.webapp.support import environment

WRITTEN = ["bundle", "serial", "growing"]
DOWN = 3
"""The node that is away meanwhile."""


def migrate(options: Options) -> Report:
    with DrillMesh(3) as mesh, tempfile.TemporaryDirectory(prefix="firstbell-drill-") as media:
        for kind in WRITTEN:
            for statement in KINDS[kind].schema:
                mesh.ddl(1, statement)
        checks.wait_equal(mesh, 60)
        port = mesh.topology.host(1).ports.postgres
        url = f"postgres://firstbell:{CREDENTIALS.app}@127.0.0.1:{port}/firstbell"
        env = environment(url, Path(media))
        env |= {"FIRSTBELL_DB_ENGINE": "webapp.multimaster", "FIRSTBELL_NODE": "1"}
        env["PGOPTIONS"] = "-c synchronous_commit=remote_apply"
        command = [sys.executable, str(ROOT / "webapp" / "manage.py"), "migrate"]
        dsns = [mesh.dsn(1), mesh.dsn(2), mesh.dsn(1)]
        with (
            checks.Watcher(mesh) as watcher,
            Load(dsns, 10**9, WRITTEN, options.seed, commit="local") as load,
        ):
            load.wait(2)
            mesh.kill(DOWN)
            began = time.monotonic()
            killed = 0
            for after in (1.5, 3.0):
                first = subprocess.Popen(
                    command, env=env, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
                try:
                    first.wait(after)
                except subprocess.TimeoutExpired:
                    first.kill()
                    first.wait()
                    killed += 1
            done = subprocess.run(
                command, env=env, cwd="/", capture_output=True, text=True, check=False
            )
            for statement in SCHEMA_STEPS:
                mesh.ddl(1, statement)
            seconds = time.monotonic() - began
            mesh.start(DOWN)
            load.wait(1)
        left = checks.wait_equal(mesh, 180)
        twice = mesh.admin(
            1, "select count(*) - count(distinct (content_type_id, codename)) from auth_permission"
        )[0][0]
        migrations = mesh.admin(1, "select count(*) from django_migrations")[0][0]
        # What names a column that is not there yet, or no more, fails in any database.
        failed = {
            text: n
            for told in load.told
            for text, n in told.refused.items()
            if not text.startswith(("23", "40", "42"))
        }
        stalling, _ = mesh.worker_errors()
    return Report(
        "migrate-under-load",
        "Migrate under load",
        "`manage.py migrate` of this application on node 1, killed in the middle and run again, while nodes 1 and 2 are written"
        f" to and node {DOWN} is down; then columns and tables that are being written to come and go.",
        figures=[
            Figure("migrate ended well", "yes" if done.returncode == 0 else done.stderr[-300:], "", "yes", done.returncode == 0),
            Figure("times it was killed before", killed),
            Figure("migrations applied", migrations),
            Figure("data migrations run twice", twice, "rows", "0", twice == 0),
            Figure("transactions meanwhile", load.committed, "", "more than 0", load.committed > 0),
            Figure("statements failed", sum(failed.values()), "", "0", not failed),
            Figure("longest statement or commit of a writer", round(max(t.slowest_seconds for t in load.told), 2), "s"),
            Figure("tables or schema that differ at the end", len(left), "", "0", not left),
            Figure("stalled workers", sum(stalling.values()), "", "0", not stalling),
            Figure("transactions seen half", sum(watcher.halves.values()), f"of {watcher.snapshots} snapshots", "0", not watcher.halves),
            Figure("all schema changes took", round(seconds, 1), "s"),
        ],
        conditions=conditions(seed=options.seed, writers=3, nodes=3, postgres=postgres_version(), commit="local"),
        details={"failed": failed, "differing": left, "stalling": stalling, "said": done.stdout[-2000:]},
    )  # fmt: skip
