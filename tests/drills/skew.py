"""Round "skew": one node's clock steps while all nodes are written to: a little, too far, and back; then all clocks tie.

A step of less than what makes a node unfit must be alarmed and do no harm. After one of more than that the node must
stop taking writes, and take them again once its clock is right. No acknowledged write may be lost; nothing may differ in
the end, nor after all nodes stamped their writes alike.

A write may lose to one acknowledged before it began if that one had not arrived yet where it was made: what has arrived
is followed by the hybrid clock, whatever a clock shows. How often and by how much is measured.
"""

import random
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from bench.report import Figure, Plot, Report, conditions
from bench.stand import percentile
from cluster import health
from cluster.clock import ALARM_SECONDS, UNFIT_SECONDS
from tests.drills import checks
from tests.drills.frame import Options, postgres_version, save_evidence
from tests.drills.mesh import DrillMesh
from tests.support.clocks import TRUE, right_clock, set_clock, step_clock
from tests.support.nodes import CREDENTIALS, wait_until

REGISTERS, WRITERS = 32, 2
"""Rows that all write; connections to each node."""
TIES = 3 * REGISTERS
"""Changes of each node while all clocks stand still."""
SLIGHT_SECONDS = 0.3
PATIENCE_SECONDS = 30.0

Stamp = tuple[int, int]


@dataclass
class Write:
    """An acknowledged write of one register, by the true clock."""

    register: int
    value: int
    node: int
    began: float
    ended: float


@dataclass
class Writer(threading.Thread):
    """One connection that adds a row and changes a register in turn, until told to stop."""

    mesh: DrillMesh
    node: int
    first: int
    stop: threading.Event
    acknowledged: list[Write] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    """When the node said that it takes no writes."""
    other: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        value = self.first
        db = self.mesh.connect(self.node)
        with db.cursor() as cursor:
            # All nodes change the same rows all the time: with `peer`, commits would wait for workers that wait for
            # commits, until an agent lets them go on without a peer. That is not what is looked at here.
            cursor.execute("set synchronous_commit = local")
            db.commit()
            while not self.stop.is_set():
                value += 1
                register = value % REGISTERS
                began = time.monotonic()
                try:
                    cursor.execute("insert into d_added values (%s)", (value,))
                    cursor.execute("update d_register set v = %s where id = %s", (value, register))
                    db.commit()
                    self.acknowledged.append(
                        Write(register, value, self.node, began, time.monotonic())
                    )
                    self.stop.wait(0.02)
                except psycopg2.Error as error:
                    if db.closed:
                        raise  # no node dies here
                    db.rollback()
                    if "not been admitted" in str(error):
                        self.refused.append(time.monotonic())
                        self.stop.wait(0.05)
                    else:
                        self.other[str(error).splitlines()[0]] += 1
        db.close()


@dataclass
class Turn:
    """One node's clock stepped in one direction; seconds since the step each."""

    node: int
    step_seconds: float
    alarmed: float = 0.0
    unready: float = 0.0
    refused: float | None = 0.0
    """The first write it refused."""
    ready: float = 0.0
    """After its clock was right again, until a write was acknowledged."""
    acknowledged_slight: int = 0
    acknowledged_wrong: int = 0
    """By the node while it was slightly off; while it was too far off."""
    acknowledged_after: int = 0
    """By the node after it had refused one, while its clock was still wrong."""
    refusals: int = 0


class Trial:
    def __init__(self, mesh: DrillMesh, options: Options):
        self.mesh, self.options = mesh, options
        self.random = random.Random(options.seed)
        self.stop = threading.Event()
        self.turns: list[Turn] = []
        for statement in ("create table d_added (id bigint primary key)",
                          "create table d_register (id int primary key, v bigint)"):  # fmt: skip
            mesh.ddl(1, statement)
        mesh.sql(1, f"insert into d_register select n, 0 from generate_series(0, {REGISTERS - 1}) n")  # fmt: skip
        assert checks.wait_equal(mesh, 60) == []
        self.writers = [
            Writer(mesh, node, (node * WRITERS + i) * 10**9, self.stop)
            for node in mesh.numbers
            for i in range(WRITERS)
        ]

    def run(self) -> None:
        steps = [1.5, -1.5] if self.options.short else [1.2, -1.2, 2.0, -2.0, 5.0, -5.0]
        for writer in self.writers:
            writer.start()
        try:
            for number in range(self.options.times if self.options.short else max(self.options.times // 2, 2)):  # fmt: skip
                turn = Turn(self.random.choice(self.mesh.numbers), steps[number % len(steps)])
                self._step(turn)
                self.turns.append(turn)
                print(f"skew: {turn}", flush=True)
            self._tie()
        finally:
            self.stop.set()
            for writer in self.writers:
                writer.join(60)
            for node in self.mesh.numbers:
                right_clock(self.mesh, node)

    def _step(self, turn: Turn) -> None:
        host = f"host{turn.node}"
        slight = SLIGHT_SECONDS if turn.step_seconds > 0 else -SLIGHT_SECONDS
        began = self._stepped(turn.node, slight)
        turn.alarmed = self._until(began, lambda: host in self._alarmed(), f"{host} is alarmed")
        self.stop.wait(1 if self.options.short else 5)  # two looks of the agents
        assert not self._unfit(turn.node), f"{host} stopped at {SLIGHT_SECONDS} s"
        turn.acknowledged_slight = self._acknowledged_since(turn.node, began)

        began = self._stepped(turn.node, turn.step_seconds)
        turn.unready = self._until(began, lambda: self._unfit(turn.node), f"{host} is unready")
        self.stop.wait(0.5)
        refused = [t for w in self._of(turn.node) for t in w.refused if t > began]
        turn.refused = min(refused) - began if refused else None
        turn.acknowledged_wrong = self._acknowledged_since(turn.node, began)
        self.stop.wait(0 if self.options.short else 2)

        stopped = min(refused, default=began)
        turn.acknowledged_after = self._acknowledged_since(turn.node, stopped)

        began = time.monotonic()
        right_clock(self.mesh, turn.node)
        turn.ready = self._until(
            began,
            lambda: not self._unfit(turn.node) and self._acknowledged_since(turn.node, began),
            f"{host} serves again",
        )
        turn.refusals = sum(t >= stopped for w in self._of(turn.node) for t in w.refused)

    def _tie(self) -> None:
        """All clocks stand still at the same time, which none has stamped yet, while all nodes change the same rows."""
        nodes = self.mesh.numbers
        (soon,) = self.mesh.admin(1, f"select {TRUE} + 6000000")[0]
        for node in nodes:
            self.mesh.sql(node, "set synchronous_commit = local")
            set_clock(self.mesh, node, str(soon))
        with ThreadPoolExecutor(len(nodes)) as pool:
            for turn in range(1, TIES + 1):
                list(pool.map(self._change, nodes, [turn] * len(nodes)))
        for node in nodes:
            right_clock(self.mesh, node)

    def _change(self, node: int, turn: int) -> None:
        change = "update d_register set v = %s where id = %s"
        self.mesh.sql(node, change, -(turn * 16 + node), turn % REGISTERS)

    def _stepped(self, node: int, seconds: float) -> float:
        """Step its clock; the moment by the true one."""
        step_clock(self.mesh, node, seconds)
        return time.monotonic()

    def _until(self, began: float, condition: Callable[[], object], what: str) -> float:
        wait_until(condition, PATIENCE_SECONDS, what)
        print(f"skew: {what}: {time.monotonic() - began:.2f} s", flush=True)
        return time.monotonic() - began

    def _alarmed(self) -> list[str]:
        """Hosts whose clock `clusterctl status` calls off."""
        nodes = health.look(self.mesh.topology, CREDENTIALS)
        return [n.name for n in nodes if any("its clock is" in trouble for trouble in n.troubles)]

    def _unfit(self, node: int) -> bool:
        """What /readyz goes by."""
        return bool(self.mesh.sql(node, "select mesh.unfit_reasons()"))

    def _of(self, node: int) -> list[Writer]:
        return [writer for writer in self.writers if writer.node == node]

    def _acknowledged_since(self, node: int, moment: float) -> int:
        return sum(w.began > moment for writer in self._of(node) for w in writer.acknowledged)

    @property
    def writes(self) -> list[Write]:
        return [write for writer in self.writers for write in writer.acknowledged]

    def lost(self) -> int:
        """Acknowledged rows that are missing on any node."""
        told = {write.value for write in self.writes}
        missing: set[int] = set()
        for node in self.mesh.numbers:
            missing |= told - {i for (i,) in self.mesh.admin(node, "select id from d_added")}
        return len(missing)

    def stamps(self) -> dict[int, Stamp]:
        """By value: when the mesh says that it was written."""
        rows = self.mesh.admin(
            1, "select (row->>'v')::bigint, hlc, origin from mesh.change where tbl = 'd_register'"
        )
        return {value: (hlc, origin) for value, hlc, origin in rows}

    def ties(self) -> int:
        """Changes of registers whose time another node's change of the same register has too."""
        (count,) = self.mesh.admin(
            1, "select coalesce(sum(n), 0) from (select count(*) n from mesh.change where tbl = 'd_register'"
               " group by key, hlc having count(distinct origin) > 1) s"
        )[0]  # fmt: skip
        return int(count)


def eaten(writes: list[Write], stamps: dict[int, Stamp]) -> list[float]:
    """Of each write that lost to one acknowledged before it began: the seconds between the two."""
    found = []
    for register in {write.register for write in writes}:
        mine = sorted((w for w in writes if w.register == register), key=lambda w: w.ended)
        ends = [w.ended for w in mine]
        newest: list[Write] = []  # of those acknowledged so far, by the mesh's order
        for write in mine:
            last = newest[-1] if newest else write
            newest.append(max(last, write, key=lambda one: stamps[one.value]))
        for write in mine:
            before = bisect_left(ends, write.began)
            if before and stamps[newest[before - 1].value] > stamps[write.value]:
                found.append(write.began - newest[before - 1].ended)
    return found


def skew(options: Options) -> Report:
    with DrillMesh(3) as mesh:
        trial = Trial(mesh, options)
        trial.run()
        differing = checks.wait_equal(mesh, 60)
        print(f"skew: {len(trial.writes)} writes, differing: {differing}", flush=True)
        rows = checks.differing_rows(mesh) if differing else {}
        lost, ties = trial.lost(), trial.ties()
        writes, stamps = trial.writes, trial.stamps()
        gaps = eaten([w for w in writes if w.value in stamps], stamps)
        others = sum((writer.other for writer in trial.writers), Counter[str]())
        found: dict[str, Any] = {"turns": trial.turns, "differing": rows, "lost": lost, "other errors": others}  # fmt: skip
        if differing or lost or len(stamps) < len(writes):
            save_evidence("skew", options.seed, found | {"agents": mesh.agents_said(200)})
    turns = trial.turns
    worst = max(gaps, default=0.0)
    went_on = all(turn.acknowledged_slight for turn in turns)
    stopped = all(turn.refused is not None for turn in turns)
    after = sum(turn.acknowledged_after for turn in turns)
    back = all(turn.ready for turn in turns)
    unready, alarmed, ready = ([getattr(t, name) for t in turns] for name in ("unready", "alarmed", "ready"))  # fmt: skip
    labels = [f"node {t.node}, {t.step_seconds:+} s" for t in turns]
    return Report(
        "skew",
        "Skew: a node's clock steps while all nodes are written to",
        f"First by {SLIGHT_SECONDS} s, which is alarmed and borne; then past {UNFIT_SECONDS} s, ahead or behind: the node stops taking"
        " writes; then the clock is right again. At the end all clocks stand still together, so that stamps are equal.",
        figures=[
            Figure("steps", len(turns), "half of them ahead, half behind"),
            Figure("acknowledged writes", len(writes)),
            Figure("acknowledged writes lost", lost, "", "0", not lost),
            Figure("differing rows", sum(map(len, rows.values())), "", "0", not differing),
            Figure(f"all nodes go on at {SLIGHT_SECONDS} s", "yes" if went_on else "no", "", "yes", went_on),
            Figure("the node refuses writes when its clock is too far off", "yes" if stopped else "no", "", "yes", stopped),
            Figure("writes that it takes all the same after that", after, "", "0", not after),
            Figure("the node serves again when its clock is right", "yes" if back else "no", "", "yes", back),
            Figure("later writes that lost to earlier acknowledged ones", len(gaps), f"of {len(writes)}"),
            Figure("longest time between two such", round(worst * 1000, 1), "ms, had the earlier one not arrived yet"),
            Figure("changes with equal times on different nodes", ties, "", "> 0, else ties were not tried", ties > 0),
            Figure(f"until {ALARM_SECONDS} s are alarmed, median", round(percentile(alarmed, 0.5), 2), "s"),
            Figure("until unready, median", round(percentile(unready, 0.5), 2), "s"),
            Figure("until unready, longest", round(max(unready), 2), "s"),
            Figure("until it serves again, median", round(percentile(ready, 0.5), 2), "s"),
            Figure("until it serves again, longest", round(max(ready), 2), "s"),
            Figure("writes refused", sum(t.refusals for t in turns)),
            Figure("writes taken by a node between the step and its refusal, most", max(t.acknowledged_wrong for t in turns)),
            Figure("other errors of writers", others.total()),
        ],
        plots=[Plot("After the step", "s", labels, {"alarmed": alarmed, "unready": unready, "serves again": ready})],
        conditions=conditions(seed=options.seed, nodes=3, writers=len(trial.writers), commit="local", postgres=postgres_version(),
                              clocks="mesh.clock() of one node is replaced; the machine has one clock"),
        details=found,
    )  # fmt: skip
