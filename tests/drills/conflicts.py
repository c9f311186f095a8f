"""Rounds of epochs: "conflicts" (all kinds of writes, with a little of everything), "kill", "partition", "join"."""

from random import Random
from typing import Protocol

import psycopg2

from bench.report import Report
from cluster.eviction import evict
from cluster.joining import join as join_mesh
from cluster.joining import rejoin
from tests.drills.epochs import Disturbance, Trial
from tests.drills.frame import Options
from tests.drills.kinds import SCHEMA_STEPS
from tests.drills.mesh import DrillMesh
from tests.support.nodes import CREDENTIALS


class Work(Protocol):
    """What goes on while something is disturbed."""

    def wait(self, seconds: float) -> bool:
        """Let it go on for so long, or until it is done; whether it is still going on."""
        ...


class Ground(Protocol):
    """Where it happens."""

    @property
    def mesh(self) -> DrillMesh: ...
    @property
    def random(self) -> Random: ...
    @property
    def options(self) -> Options: ...


class Disturber:
    """What happens while the writers write. Each is undone when it returns, join and its like apart."""

    def __init__(self, ground: Ground):
        self.mesh, self.random = ground.mesh, ground.random
        self.short = ground.options.short
        self.step = 0

    def _while(self, load: Work, low: float = 1, high: float = 4) -> None:
        load.wait(self.random.uniform(low, high) / (2 if self.short else 1))

    def nothing(self, load: Work) -> None: ...

    def kill(self, load: Work) -> None:
        """One host dies and comes back."""
        victim = self.random.choice(self.mesh.numbers)
        self.mesh.kill(victim)
        self._while(load)
        self.mesh.start(victim)

    def kill_two(self, load: Work) -> None:
        """Two hosts die shortly one after the other, and come back in the other order."""
        first, second = self.random.sample(self.mesh.numbers, 2)
        self.mesh.kill(first)
        self._while(load, 0, 1)
        self.mesh.kill(second)
        self._while(load)
        self.mesh.start(second)
        self._while(load, 0, 1)
        self.mesh.start(first)

    def kill_all(self, load: Work) -> None:
        """As when the office's fuse blows."""
        for node in self.mesh.numbers:
            self.mesh.kill(node)
        for node in self.mesh.numbers:
            self.mesh.start(node)

    def kill_again(self, load: Work) -> None:
        """One host dies again while it catches up."""
        victim = self.random.choice(self.mesh.numbers)
        for _ in range(3):
            self.mesh.kill(victim)
            self._while(load, 0.5, 2)
            self.mesh.start(victim)
            self._while(load, 0, 1)

    def cut(self, load: Work) -> None:
        """One direction between two nodes stops."""
        subscriber, publisher = self.random.sample(self.mesh.numbers, 2)
        self.mesh.cut(subscriber, publisher)
        self._while(load)
        self.mesh.heal(subscriber, publisher)

    def schema(self, load: Work) -> None:
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

    def one_line_silent(self, load: Work) -> None:
        """Between two nodes nothing arrives any more, and nobody says so."""
        a, b = self.random.sample(self.mesh.numbers, 2)
        self._lines("silent", [(a, b), (b, a)], load)

    def one_alone(self, load: Work) -> None:
        """One node hears nobody and is heard by nobody; people still write to it."""
        alone = self.random.choice(self.mesh.numbers)
        others = [n for n in self.mesh.numbers if n != alone]
        self._lines("silent", [(alone, o) for o in others] + [(o, alone) for o in others], load)

    def all_apart(self, load: Work) -> None:
        """No node hears any other."""
        pairs = [(a, b) for a in self.mesh.numbers for b in self.mesh.numbers if a != b]
        self._lines(self.random.choice(("silent", "refused")), pairs, load)

    def flapping(self, load: Work) -> None:
        """A line breaks and mends again and again."""
        a, b = self.random.sample(self.mesh.numbers, 2)
        for _ in range(5):
            self._lines("refused", [(a, b), (b, a)], load, 0.2, 1)
            self._while(load, 0.1, 0.6)

    def _lines(
        self, mode: str, pairs: list[tuple[int, int]], load: Work, low: float = 2, high: float = 8
    ) -> None:
        assert self.mesh.lines
        for pair in pairs:
            self.mesh.lines[pair].set(mode)
        self._while(load, low, high)
        for pair in pairs:
            self.mesh.lines[pair].set("open")

    def join(self, load: Work) -> None:
        """A fourth node joins while all others are written to."""
        new = max(self.mesh.numbers) + 1
        join_mesh(self.mesh.topology, CREDENTIALS, f"host{new}")
        self.mesh.take_in(new)

    def evict_and_rejoin(self, load: Work) -> None:
        """A node dies, is put out, comes back with what it had not sent, and is taken in anew."""
        victim = self.random.choice(self.mesh.numbers[1:])
        self.mesh.kill(victim)
        evict(self.mesh.topology, CREDENTIALS, f"host{victim}")
        self._while(load)
        self.mesh.start(victim)
        rejoin(self.mesh.topology, CREDENTIALS, f"host{victim}")


def conflicts(options: Options) -> Report:
    with DrillMesh(3) as mesh:
        trial = Trial("conflicts", mesh, options)
        d = Disturber(trial)
        trial.run([d.nothing, d.kill, d.cut, d.schema], options.transactions, options.epoch)
        return trial.report(
            "Conflicts: all kinds of writes on three nodes at once",
            "Writers of all kinds hit the same rows on three nodes, which are killed, cut from one another and"
            " change their schema meanwhile; after each epoch all nodes must hold the same.",
        )


def kill(options: Options) -> Report:
    with DrillMesh(3) as mesh:
        trial = Trial("kill", mesh, options)
        d = Disturber(trial)
        trial.run(*_part(trial, [d.kill_again, d.kill_two, d.kill_all, d.kill]))
        return trial.report(
            "Kill: hosts die under load",
            "SIGKILL of a host's Postgres and agent: one, two, all, and one again while it catches up.",
        )


def partition(options: Options) -> Report:
    with DrillMesh(3, proxied=True) as mesh:
        trial = Trial("partition", mesh, options)
        d = Disturber(trial)
        trial.run(*_part(trial, [d.one_alone, d.all_apart, d.one_line_silent, d.flapping]))
        return trial.report(
            "Partition: nodes lose one another under load",
            "A proxy stands on each line between two nodes: lines fall silent, as with a pulled cable, or are refused;"
            " all nodes go on taking writes.",
        )


def join(options: Options) -> Report:
    with DrillMesh(4, members=3) as mesh:
        trial = Trial("join-under-load", mesh, options)
        d = Disturber(trial)
        _, epoch = _share(options, 10)
        trial.one_epoch(d.join, epoch)
        for _ in range(1 if options.short else 8):
            if not trial.broken:
                trial.one_epoch(d.evict_and_rejoin, epoch)
        return trial.report(
            "Join under load: a node joins, others are put out and come back",
            "`join` of a fourth node, `evict` of a dead one and `rejoin` of it, while all members are written to.",
        )


def _part(trial: Trial, ways: list[Disturbance]) -> tuple[list[Disturbance], int, int]:
    """(ways, transactions, of one epoch): each of the ways; in CI's form two of them, by the seed."""
    transactions, epoch = _share(trial.options, 10)
    if trial.options.short:
        return trial.random.sample(ways, 2), 2 * epoch, epoch
    return ways, transactions, epoch


def _share(options: Options, part: int) -> tuple[int, int]:
    """(transactions, of one epoch) of a round that is smaller than "conflicts"."""
    epoch = max(options.epoch // 5, 300)
    return max(options.transactions // part, 4 * epoch), epoch
