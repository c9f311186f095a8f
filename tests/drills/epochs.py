"""Epochs: writers do their share of transactions while one disturbance happens; then all nodes must be equal.

Short epochs, so that a difference is found near where it arose. After each: nothing differs, nothing is parked
differently, no acknowledged write is lost; and no snapshot meanwhile showed a transaction in part. The first
difference ends the round, and all that is known of it is written down.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import psycopg2

from bench.report import Figure, Plot, Report, conditions
from cluster.errors import ClusterError
from cluster.verify.run import verify
from tests.drills import checks
from tests.drills.frame import Options, postgres_version, save_evidence
from tests.drills.kinds import KINDS
from tests.drills.load import Load
from tests.drills.mesh import DrillMesh
from tests.support.nodes import CREDENTIALS

LEVEL_SECONDS = 300.0
"""How long equality may take after the writers stopped, on a machine that others use too."""

Disturbance = Callable[[Load], None]


class Trial:
    """One round on one mesh. `run` its disturbances in turn, then ask for the `report`."""

    def __init__(self, name: str, mesh: DrillMesh, options: Options, kinds: Sequence[str] = ()):
        self.name, self.mesh, self.options = name, mesh, options
        self.kinds = [k for k in kinds or KINDS if k not in options.without]
        self.random = random.Random(options.seed)
        self.total = self.snapshots = 0
        self.log_since = 0
        """The log up to this stamp was found equal, and nobody wrote then: only what is newer is compared."""
        self.by_kind, self.refused, self.halves = Counter[str](), Counter[str](), Counter[int]()
        self.epochs: list[dict[str, Any]] = []
        self.broken: list[str] = []
        self.began = time.monotonic()
        for kind in self.kinds:
            for statement in KINDS[kind].schema:
                mesh.ddl(1, statement)
        if found := checks.wait_equal(mesh, 60):
            raise AssertionError(f"not equal before the first write: {found}")

    def run(self, disturbances: Sequence[Disturbance], transactions: int, epoch: int) -> None:
        """So many transactions of all writers together, `epoch` of them between two comparisons."""
        while self.total < transactions and not self.broken:
            disturb = disturbances[len(self.epochs) % len(disturbances)]
            self.one_epoch(disturb, min(epoch, transactions - self.total))

    def one_epoch(self, disturb: Disturbance, transactions: int) -> None:
        number = len(self.epochs) + 1
        nodes = self.mesh.numbers
        dsns = [self.mesh.dsn(nodes[i % len(nodes)]) for i in range(self.options.writers)]
        with checks.Watcher(self.mesh) as watcher:
            with Load(dsns, transactions, self.kinds, self.options.seed + number) as load:
                load.wait(1)
                disturb(load)
                load.wait(3600)
            stopped = time.monotonic()
            still = min(self.mesh.admin(n, "select mesh.clock()")[0][0] for n in nodes)
            differing = checks.wait_equal(self.mesh, LEVEL_SECONDS, log_since=self.log_since)
        epoch = {
            "disturbance": disturb.__name__,
            "transactions": load.committed,
            "tps": round(load.committed / load.seconds),
            "level_seconds": round(time.monotonic() - stopped, 1),
            "differing": differing,
        }
        self.epochs.append(epoch)
        self.log_since = still - 1_000_000
        self.total += load.committed
        self.snapshots += watcher.snapshots
        self.halves += watcher.halves
        for told in load.told:
            self.by_kind += told.by_kind
            self.refused += told.refused
        self.broken = (
            differing
            + checks.lost_marks(self.mesh, load.told)
            + checks.broken_constraints(self.mesh)
        )
        print(f"{self.name} {self.total:8} {epoch}", flush=True)

    def report(self, title: str, what: str, more: Sequence[Figure] = ()) -> Report:
        """What was found; with evidence in a file of its own if anything is wrong."""
        self.broken = self.broken or checks.wait_equal(self.mesh, LEVEL_SECONDS)  # the whole log
        stalling, again = self.mesh.worker_errors()
        rows = checks.differing_rows(self.mesh) if self.broken else {}
        orphans = checks.orphans(self.mesh)
        lost = [b for b in self.broken if "acknowledged" in b]
        breaches = [b for b in self.broken if "could not create" in b]
        unequal = set(self.broken) - set(lost) - set(breaches)
        if self.broken or stalling or self.halves or orphans:
            self._save_evidence(rows, stalling, orphans)
        agrees = self._verify_says_well()
        labels = [f"{i} {e['disturbance']}" for i, e in enumerate(self.epochs, 1)]
        return Report(
            self.name, title, what,
            figures=[
                Figure("transactions", self.total),
                Figure("differing rows", sum(map(len, rows.values())), "", "0", not unequal),
                Figure("stalled workers", sum(stalling.values()), "errors that trying again does not mend", "0", not stalling),
                Figure("transactions seen half", sum(self.halves.values()), f"of {self.snapshots} snapshots", "0", not self.halves),
                Figure("acknowledged writes lost", len(lost), "", "0", not lost),
                Figure("unique or exclusion constraints that rows break", len(breaches), "", "0", not breaches),
                Figure("rows without their parent", sum(orphans.values()), "", "0", not orphans),
                Figure("clusterctl verify says", "all equal" if agrees else "not equal", "", "the same as this drill", agrees == (not unequal)),
                *more,
                Figure("transactions refused by constraints or races", sum(self.refused.values())),
                Figure("apply transactions begun again", sum(again.values()), "deadlocks, lost connections"),
                *[Figure(what, self.mesh.admin(1, f"select count(*) from mesh.{table}")[0][0])
                  for what, table in (("changes in the log", "change"), ("conflicts noticed", "conflict"), ("rows parked at the end", "parked"))],
                Figure("time", round(time.monotonic() - self.began), "s"),
            ],
            plots=[
                Plot("Transactions by kind", "transactions", list(self.by_kind), {"committed": [float(v) for v in self.by_kind.values()]}),
                Plot("Written in each epoch", "transactions/s", labels, {"committed": [float(e["tps"]) for e in self.epochs]}, "line"),
                Plot("From the last write until all nodes are equal", "s", labels, {"until equal": [e["level_seconds"] for e in self.epochs]}, "line"),
            ],
            conditions=conditions(seed=self.options.seed, writers=self.options.writers, nodes=len(self.mesh.numbers),
                                  kinds=self.kinds, commit="local", postgres=postgres_version()),
            details={"epochs": self.epochs, "refused": self.refused, "stalling": stalling, "begun again": again,
                     "rows": {t: k[:50] for t, k in rows.items()}, "orphans": orphans, "broken": self.broken},
        )  # fmt: skip

    def _save_evidence(
        self, rows: dict[str, list[str]], stalling: Counter, orphans: dict[str, int]
    ) -> None:
        known = {
            f"{table} {key}": self.mesh.evidence(table, key)
            for table, keys in rows.items()
            if table not in ("parked rows", "change log")
            for key in keys[:8]
        }
        found = {
            "broken": self.broken,
            "rows": rows,
            "stalling": stalling,
            "halves": self.halves,
            "orphans": orphans,
            "epochs": self.epochs,
            "refused": self.refused,
            "agents": self.mesh.agents_said(),
            "known of": known,
        }
        save_evidence(self.name, self.options.seed, found)

    def _verify_says_well(self) -> bool | None:
        """The operator's own tool on the same nodes; None: it could not look."""
        try:
            return verify(self.mesh.topology, CREDENTIALS).well
        except (ClusterError, psycopg2.Error) as error:
            print(f"{self.name}: clusterctl verify: {error}", flush=True)
            return None
