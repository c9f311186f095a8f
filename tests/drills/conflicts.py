"""Round "conflicts": all kinds of writes on all nodes at once, with kills, cuts and schema changes; are they equal?

In epochs, so that a difference is found near where it arose: writers do their share of transactions while one
disturbance happens; then all nodes must become equal, with nothing parked differently, no acknowledged write
lost and no worker stalled. The first difference ends the round, and all that is known of it is written down.
"""

import random
import time
from collections import Counter
from collections.abc import Callable

import psycopg2

from bench.report import Figure, Plot, Report, conditions
from tests.drills import checks
from tests.drills.frame import Options, postgres_version, save_evidence
from tests.drills.kinds import KINDS, SCHEMA_STEPS
from tests.drills.load import Load
from tests.drills.mesh import DrillMesh

LEVEL_SECONDS = 180.0
"""How long equality may take after the writers stopped, on a machine that others use too."""


def prepare(mesh: DrillMesh, kinds: list[str]) -> None:
    for kind in kinds:
        for statement in KINDS[kind].schema:
            mesh.ddl(1, statement)
    if checks.wait_equal(mesh, 60):
        raise AssertionError("the schema did not reach all nodes within 60 s")


class Disturber:
    """What happens while the writers write. Each is undone when it returns."""

    def __init__(self, mesh: DrillMesh, r: random.Random):
        self.mesh, self.random = mesh, r
        self.step = 0

    def nothing(self, load: Load) -> None: ...

    def kill(self, load: Load) -> None:
        """One host dies and comes back."""
        victim = self.random.choice(self.mesh.numbers)
        self.mesh.kill(victim)
        load.wait(self.random.uniform(1, 4))
        self.mesh.start(victim)

    def cut(self, load: Load) -> None:
        """One direction between two nodes stops."""
        subscriber, publisher = self.random.sample(self.mesh.numbers, 2)
        self.mesh.cut(subscriber, publisher)
        load.wait(self.random.uniform(1, 4))
        self.mesh.heal(subscriber, publisher)

    def schema(self, load: Load) -> None:
        """A few schema changes from one node, which nobody waits for."""
        for _ in range(3):
            statement = SCHEMA_STEPS[self.step % len(SCHEMA_STEPS)]
            while load.wait(0.3):
                try:
                    self.mesh.ddl(1, statement)
                    self.step += 1
                    break
                except psycopg2.errors.DeadlockDetected:
                    continue

    def all(self) -> list[Callable[[Load], None]]:
        return [self.nothing, self.kill, self.cut, self.schema]


def run(options: Options) -> Report:
    r = random.Random(options.seed)
    kinds = [k for k in KINDS if k not in options.without]
    total, snapshots = 0, 0
    by_kind, refused, halves = Counter[str](), Counter[str](), Counter[int]()
    epochs: list[dict] = []
    broken: list[str] = []
    began = time.monotonic()
    with DrillMesh(3) as mesh:
        prepare(mesh, kinds)
        disturber = Disturber(mesh, r)
        while total < options.transactions and not broken:
            share = min(options.epoch, options.transactions - total)
            number = len(epochs) + 1
            disturb = disturber.all()[(number - 1) % 4]
            dsns = [mesh.dsn(mesh.numbers[i % 3]) for i in range(options.writers)]
            with checks.Watcher(mesh) as watcher:
                with Load(dsns, share, kinds, seed=options.seed + number) as load:
                    load.wait(1)
                    disturb(load)
                    load.wait(3600)
                stopped = time.monotonic()
                differing = checks.wait_equal(mesh, LEVEL_SECONDS)
            epoch = {
                "disturbance": disturb.__name__,
                "transactions": load.committed,
                "tps": round(load.committed / load.seconds),
                "level_seconds": round(time.monotonic() - stopped, 1),
                "differing": differing,
            }
            epochs.append(epoch)
            total += load.committed
            snapshots += watcher.snapshots
            halves += watcher.halves
            for told in load.told:
                by_kind += told.by_kind
                refused += told.refused
            broken = differing + checks.lost_marks(mesh, load.told)
            print(f"conflicts {total:8} {epoch}", flush=True)
        stalling, harmless = mesh.worker_errors()
        rows = checks.differing_rows(mesh) if broken else {}
        orphans = checks.orphans(mesh)
        facts = _facts(mesh)
        if broken or stalling or halves or orphans:
            found = {"broken": broken, "rows": rows, "stalling": stalling, "halves": halves,
                     "orphans": orphans, "epochs": epochs, "refused": refused}  # fmt: skip
            found["known of"] = {
                f"{table} {key}": mesh.evidence(table, key)
                for table, keys in rows.items()
                if table not in ("parked rows", "change log")
                for key in keys[:8]
            }
            found["agents"] = mesh.agents_said()
            save_evidence("conflicts", options.seed, found)
    lost = [b for b in broken if "acknowledged" in b]
    return Report(
        "conflicts",
        "Conflicts: all kinds of writes on three nodes at once",
        "Writers of all kinds hit the same rows on three nodes, which are killed, cut from one another and"
        " change their schema meanwhile; after each epoch all nodes must hold the same.",
        figures=[
            Figure("transactions", total, "", f"{options.transactions}", total >= options.transactions),
            Figure("differing rows", sum(map(len, rows.values())), "", "0", not rows and not (set(broken) - set(lost))),
            Figure("stalled workers", sum(stalling.values()), "errors that are no deadlock", "0", not stalling),
            Figure("transactions seen half", sum(halves.values()), f"of {snapshots} snapshots", "0", not halves),
            Figure("acknowledged writes lost", len(lost), "", "0", not lost),
            Figure("rows without their parent", sum(orphans.values()), "", "0", not orphans),
            Figure("transactions refused by constraints or races", sum(refused.values())),
            Figure("apply transactions begun again", sum(harmless.values()), "deadlocks, lost connections"),
            *[Figure(name, value) for name, value in facts.items()],
            Figure("time", round(time.monotonic() - began), "s"),
        ],
        plots=[
            Plot("Transactions by kind", "transactions", list(by_kind), {"committed": [float(v) for v in by_kind.values()]}),
            Plot("Per epoch", "transactions/s", [f"{i} {e['disturbance']}" for i, e in enumerate(epochs, 1)],
                 {"committed per second": [float(e["tps"]) for e in epochs]}, "line"),
            Plot("Seconds from the last write until all nodes are equal", "s",
                 [f"{i} {e['disturbance']}" for i, e in enumerate(epochs, 1)],
                 {"until equal": [e["level_seconds"] for e in epochs]}, "line"),
        ],
        conditions=conditions(
            seed=options.seed, writers=options.writers, nodes=3, kinds=kinds, commit="local",
            postgres=postgres_version(), transactions_per_epoch=options.epoch,
        ),
        details={"epochs": epochs, "refused": refused, "stalling": stalling, "begun again": harmless,
                 "rows": {t: k[:50] for t, k in rows.items()}, "orphans": orphans, "broken": broken},
    )  # fmt: skip


def _facts(mesh: DrillMesh) -> dict[str, int]:
    return {
        "changes in the log": mesh.admin(1, "select count(*) from mesh.change")[0][0],
        "conflicts noticed": mesh.admin(1, "select count(*) from mesh.conflict")[0][0],
        "rows parked at the end": mesh.admin(1, "select count(*) from mesh.parked")[0][0],
    }
