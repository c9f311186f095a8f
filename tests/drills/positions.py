"""Round "positions": clients hop from host to host and must never be shown the past silently, whatever dies or is cut.

Judged by `history.py`. The same is then done once more with web applications that don't wait for positions
(`unwaiting.py`), on the same hosts: what is looked for must be found there, else this round is blind.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench.report import Figure, Plot, Report, conditions
from tests.drills.conflicts import Disturber, Work
from tests.drills.frame import Options, postgres_version, save_evidence
from tests.drills.history import KINDS, Stamp, Verdict, judge
from tests.drills.hoppers import Hoppers, Reader
from tests.drills.hosts import Hosts
from tests.realtime.support import RealtimeNode
from tests.support.clocks import step_clock
from tests.webapp.support import environment, uuid7

CLIENTS, REGISTERS = 10, 4
BLIND = "tests.drills.unwaiting:application"
BLIND_TRIES = 3
APART_SECONDS = 0.15
"""Two clocks are off by this, one ahead, one behind: less than what is alarmed, and more than a hop takes, so that a
write that follows a read comes after it because of the hybrid clock, and not by luck."""
REACH_SECONDS = 60.0
"""How long a position may take to be reached on every host once all are back."""


class Hopping(Disturber):
    """What is done to hosts while clients hop, beside what the other rounds do."""

    def dies_alone(self, work: Work) -> None:
        """One host is cut off for as long as it takes to acknowledge writes that nobody else has, then dies."""
        silent = not self.short and self.random.random() < 0.5
        with self._cut_off("silent" if silent else "refused") as alone:
            work.wait(6 if silent else 3)
            self.mesh.kill(alone)
            if silent:
                self._set(alone, "refused")  # what is still on its way dies too
        work.wait(1 if self.short else 3)
        self.mesh.start(alone)
        work.wait(1)

    def refused(self, work: Work) -> None:
        """One host is cut off, and is told so: it soon takes writes without a peer."""
        with self._cut_off("refused"):
            work.wait(4)

    @contextmanager
    def _cut_off(self, mode: str) -> Iterator[int]:
        """One host, whose lines are so meanwhile."""
        alone = self.random.choice(self.mesh.numbers)
        self._set(alone, mode)
        yield alone
        self._set(alone, "open")

    def _set(self, node: int, mode: str) -> None:
        """All lines from and to a node."""
        assert self.mesh.lines
        for other in self.mesh.numbers:
            if other != node:
                self.mesh.lines[node, other].set(mode)
                self.mesh.lines[other, node].set(mode)


@dataclass
class Trial:
    """Clients on hosts that run one web application, while one thing after the other is disturbed."""

    mesh: Hosts
    options: Options
    realtime: RealtimeNode
    random: random.Random
    verdict: Verdict = field(default_factory=Verdict)
    answers: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    unreached: list[str] = field(default_factory=list)
    epochs: list[tuple[str, Counter[str]]] = field(default_factory=list)
    seconds: float = 0.0

    def run(self, names: list[str], reach: bool = True) -> None:
        """`reach`: in the end all must be read on all hosts, too."""
        began = time.monotonic()
        registers = [uuid7() for _ in range(REGISTERS)]
        disturber = Hopping(self)
        with Hoppers(self.mesh, registers, CLIENTS, self.options.seed, self.realtime) as clients:
            clients.wait(1)
            for name in names:
                before = clients.answers
                getattr(disturber, name)(clients)
                self.epochs.append((name, clients.answers - before))
                print(f"positions: {name} {dict(self.epochs[-1][1])}", flush=True)
        if reach:
            self._everybody_everywhere(clients.last, registers)
        order = order_of(self.mesh, registers)
        for reader in clients.readers:
            self.verdict.add(judge(reader.name, reader.history, order))
            self.counts.update(event.kind for event in reader.history)
            if "board" in reader.name:
                self.counts["boards"] += 1
                self.counts["boards' reads"] += sum(e.kind == "read" for e in reader.history)
        self.answers = clients.answers
        self.seconds = time.monotonic() - began

    def _everybody_everywhere(self, readers: list[Reader], registers: list[str]) -> None:
        """All hosts are back: each reader reads each register on each host, none of which may stay behind."""
        end = time.monotonic() + REACH_SECONDS
        for reader in readers:
            for node in self.mesh.numbers:
                for register in registers:
                    answer = self._answer(reader, node, register, end)
                    if answer is None or answer.status_code == 409:
                        self.unreached.append(f"{reader.name} on host{node}: {reader.position}")
                        continue
                    reader.note(register, answer)

    def _answer(self, reader: Reader, node: int, register: str, end: float) -> Any:
        """One host's answer, which is asked again while it is away or behind; the last one; None: there was none."""
        while True:
            answer = None
            try:
                answer = reader.ask_one(node, "GET", reader.path + register)
                if answer.status_code not in (409, 503):
                    return answer
            except requests.RequestException:
                pass
            if time.monotonic() > end:
                return answer
            time.sleep(0.2)


def order_of(mesh: Hosts, registers: list[str]) -> dict[tuple[str, str], list[Stamp]]:
    """When each value of each register was written, from the change log of one node, which by then has all."""
    mesh.level(60)
    found: dict[tuple[str, str], list[Stamp]] = {}
    for register, value, hlc, origin in mesh.admin(
        mesh.numbers[0],
        "select key, row->>'version', hlc, origin from mesh.change where tbl = 'lessons_lesson' and key = any (%s)"
        " and row ? 'version' order by hlc, origin",
        registers,
    ):
        found.setdefault((register, value), []).append((hlc, origin))
    return found


FULL = ("one_alone", "kill", "refused", "dies_alone", "flapping", "one_line_silent", "kill_again", "all_apart", "kill_two")  # fmt: skip


def positions(options: Options) -> Report:
    with tempfile.TemporaryDirectory(prefix="firstbell-drill-") as folder, Hosts(3) as mesh:
        step_clock(mesh, 2, APART_SECONDS)
        step_clock(mesh, 3, -APART_SECONDS)
        key = environment("", Path(folder))["FIRSTBELL_REALTIME_KEY"]
        realtime = RealtimeNode(1, Path(folder), REALTIME_KEY=key)
        realtime.start()
        try:
            names = ["dies_alone"] if options.short else [FULL[i % len(FULL)] for i in range(options.times)]  # fmt: skip
            trial = Trial(mesh, options, realtime, random.Random(options.seed))
            trial.run(names)
            mesh.serve(BLIND)
            blind = Trial(mesh, options, realtime, random.Random(options.seed))
            while not blind.verdict.broken and len(blind.epochs) < BLIND_TRIES:
                blind.run(
                    ["refused"] if options.short else ["refused", "kill", "one_alone"], reach=False
                )
        finally:
            realtime.kill()
    if trial.verdict.examples or trial.unreached:
        save_evidence("positions", options.seed, {"broken": trial.verdict.examples, "unreached": trial.unreached})  # fmt: skip
    return report(options, trial, blind)


def report(options: Options, trial: Trial, blind: Trial) -> Report:
    broken, found = trial.verdict.broken, sum(blind.verdict.broken.values())
    answered = sum(n for status, n in trial.answers.items() if status.isdigit())
    labels = [f"{i} {name}" for i, (name, _) in enumerate(trial.epochs, 1)]
    return Report(
        "positions",
        "Positions: what a client was told, it can read, on whichever host it asks next",
        "Pages and boards ask a random host each time, with their Firstbell-Position, while hosts die and lines between"
        " nodes are cut. `409 behind` is a right answer; an older truth without a word is not.",
        figures=[
            Figure("answers", answered),
            Figure("reads", trial.counts["read"]),
            Figure("acknowledged writes", trial.counts["write"]),
            Figure("boards paired through realtime, with the position of pair.done", trial.counts["boards"]),
            Figure("boards' reads", trial.counts["boards' reads"]),
            *[Figure(f"broken: {kind}", broken[kind], "", "0", not broken[kind]) for kind in KINDS],
            Figure("positions that a host did not reach once all were back", len(trial.unreached), "", "0", not trial.unreached),
            Figure("with the wait taken out: broken", found, f"of {blind.counts['read']} reads", "> 0", found > 0),
            Figure("answers 409 behind", trial.answers["409"]),
            Figure("times a page went on with what may be older, and said so", trial.counts["older"]),
            Figure("reads that were older then, as announced", trial.verdict.announced),
            Figure("requests that no host answered", trial.answers["gave up: nobody answered"]),
            Figure("answers 500", trial.answers["500"]),
            Figure("time", round(trial.seconds), "s"),
        ],
        plots=[Plot("What hosts said while this was done to them", "answers", labels,
                    {what: [float(answers[status]) for _, answers in trial.epochs]
                     for what, status in (("409 behind", "409"), ("503", "503"), ("no answer", "no answer"))})],
        conditions=conditions(seed=options.seed, clients=CLIENTS, registers=REGISTERS, hosts=3, commit="remote_apply",
                              postgres=postgres_version(), clocks=f"±{APART_SECONDS} s apart",
                              where="gunicorn, agent and node of each host, and one realtime node, over loopback"),
        details={"answers": trial.answers, "with the wait taken out": {"broken": blind.verdict.broken, "answers": blind.answers,
                 "examples": blind.verdict.examples[:5]}, "examples": trial.verdict.examples[:20]},
    )  # fmt: skip
