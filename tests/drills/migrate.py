"""Round "migrate-under-load": `manage.py migrate` on one node while all are written to.

The real one, of this repository's application: a hundred or so schema changes, and before them a data migration that
counts its runs and takes its time. It is killed in the middle, twice, and run again; one node is down meanwhile and
catches up. Writers must not notice.
"""

import os
import random
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
LONGEST_SECONDS = 3.0
"""A writer's statement or commit, on a machine that does all this at once."""
COUNTED = {
    "settings_counted.py": "from webapp.settings import *\n\nINSTALLED_APPS = [*INSTALLED_APPS, 'aaa_counted']\n",
    "aaa_counted/__init__.py": "",
    "aaa_counted/migrations/__init__.py": "",
    "aaa_counted/migrations/0001_initial.py": """
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [migrations.CreateModel("Run", [("id", models.BigAutoField(primary_key=True)), ("note", models.TextField())])]
""",
    "aaa_counted/migrations/0002_count.py": """
import time
from django.db import migrations

def count(apps, editor):
    apps.get_model("aaa_counted", "Run").objects.create(note="ran")
    time.sleep(2)

class Migration(migrations.Migration):
    dependencies = [("aaa_counted", "0001_initial")]
    operations = [migrations.RunPython(count)]
""",
}
"""An application whose data migration notes each of its runs; by its name it is the first to be migrated."""


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
        for name, text in COUNTED.items():
            file = Path(media) / "counted" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        env["DJANGO_SETTINGS_MODULE"] = "settings_counted"
        env["PYTHONPATH"] = os.pathsep.join([str(Path(media) / "counted"), str(ROOT)])
        command = [sys.executable, str(ROOT / "webapp" / "manage.py"), "migrate"]
        rng = random.Random(options.seed)
        dsns = [mesh.dsn(1), mesh.dsn(2), mesh.dsn(1)]
        with (
            checks.Watcher(mesh) as watcher,
            Load(dsns, 10**9, WRITTEN, options.seed, commit="remote_apply") as load,
        ):
            load.wait(2)
            mesh.kill(DOWN)
            began = time.monotonic()
            killed = 0
            for after in (rng.uniform(1.5, 4.0), rng.uniform(3.0, 6.0)):
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
        ran = mesh.admin(1, "select count(*) from aaa_counted_run")[0][0]
        migrations = mesh.admin(1, "select count(*) from django_migrations")[0][0]
        # What names a column that is not there yet, or no more, fails in any database.
        failed = {
            text: n
            for told in load.told
            for text, n in told.refused.items()
            if not text.startswith(("23", "40", "42"))
        }
        slowest = max(told.slowest_seconds for told in load.told)
        stalling, _ = mesh.worker_errors()
    return Report(
        "migrate-under-load",
        "Migrate under load",
        "`manage.py migrate` of this application on node 1, killed in the middle and run again, while nodes 1 and 2 are written"
        f" to and node {DOWN} is down; then columns and tables that are being written to come and go.",
        figures=[
            Figure("migrate ended well", "yes" if done.returncode == 0 else done.stderr[-300:], "", "yes", done.returncode == 0),
            Figure("times it was killed before", killed, "", "2", killed == 2),
            Figure("migrations applied", migrations),
            Figure("times the data migration counted", ran, "", "1", ran == 1),
            Figure("transactions meanwhile", load.committed, "", "more than 0", load.committed > 0),
            Figure("statements failed", sum(failed.values()), "", "0", not failed),
            Figure("longest statement or commit of a writer", round(slowest, 2), "s", f"≤ {LONGEST_SECONDS}",
                   None if options.short else slowest <= LONGEST_SECONDS),
            Figure("tables or schema that differ at the end", len(left), "", "0", not left),
            Figure("stalled workers", sum(stalling.values()), "", "0", not stalling),
            Figure("transactions seen half", sum(watcher.halves.values()), f"of {watcher.snapshots} snapshots", "0", not watcher.halves),
            Figure("all schema changes took", round(seconds, 1), "s"),
        ],
        conditions=conditions(seed=options.seed, writers=3, nodes=3, postgres=postgres_version(), commit="remote_apply"),
        details={"failed": failed, "differing": left, "stalling": stalling, "said": done.stdout[-2000:]},
    )  # fmt: skip
