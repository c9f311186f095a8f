"""Writers: processes that write transactions of all kinds, each to one node, until their share is done.

Lost connections and refused changes are part of the game: they are counted and the writer goes on. A writer's
choices follow from its seed alone; what the nodes make of them also depends on who comes first.
"""

import collections
import contextlib
import multiprocessing
import os
import queue
import random
import re
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from tests.drills.kinds import KINDS, Hand

LONG, SAVEPOINT, STRICT = 0.004, 0.06, 0.1
"""Shares of transactions that stay open for a while, that take part of themselves back, that are not READ COMMITTED."""


@dataclass
class Told:
    """What one writer has to tell in the end."""

    committed: int = 0
    by_kind: collections.Counter = field(default_factory=collections.Counter)
    refused: collections.Counter = field(default_factory=collections.Counter)
    acknowledged: dict[int, str] = field(default_factory=dict)
    in_doubt: dict[int, set[str]] = field(default_factory=dict)
    """Bundles' newest acknowledged mark, and marks whose commit was not answered since."""
    slowest_seconds: float = 0.0
    """The longest that one statement, or a commit, took."""


class Load:
    """`with Load(...) as load:` writes meanwhile; afterwards `load.told` is what the writers told."""

    def __init__(
        self, dsns: list[str], transactions: int, kinds: list[str], seed: int, commit: str = "local"
    ):
        """`transactions`: of all writers together; `commit`: their synchronous_commit."""
        context = multiprocessing.get_context("spawn")
        self._stop, self._answers = context.Event(), context.Queue()
        share = -(-transactions // len(dsns))
        self._processes = [
            context.Process(
                target=_write,
                args=(number, dsn, share, kinds, seed, commit),
                kwargs={"stop": self._stop, "answers": self._answers},
                daemon=True,
            )
            for number, dsn in enumerate(dsns, 1)
        ]
        self.told: list[Told] = []
        self.seconds = 0.0

    def __enter__(self) -> "Load":
        self._began = time.monotonic()
        for process in self._processes:
            process.start()
        return self

    def busy(self) -> bool:
        """Whether any writer still has transactions of its share left."""
        return self._answers.qsize() < len(self._processes)

    def wait(self, seconds: float) -> bool:
        """Let them write for so long, or until all is written; whether they are still at it."""
        end = time.monotonic() + seconds
        while self.busy() and time.monotonic() < end:
            time.sleep(0.05)
        return self.busy()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        answers = []
        with contextlib.suppress(queue.Empty):
            answers += [self._answers.get(timeout=60) for _ in self._processes]
        if not answers:
            raise AssertionError(
                f"a writer told nothing for 60 s: exit codes {[p.exitcode for p in self._processes]};"
                " None hangs in a statement"
            )
        if crashes := [answer for answer in answers if isinstance(answer, str)]:
            raise AssertionError("a writer crashed:\n" + "\n".join(crashes))
        self.told = answers
        for process in self._processes:
            process.join()
        self.seconds = time.monotonic() - self._began

    @property
    def committed(self) -> int:
        return sum(t.committed for t in self.told)


def _write(*arguments: Any, stop: Any, answers: Any) -> None:
    os.nice(5)
    try:
        answers.put(_written(*arguments, stop))
    except Exception:  # who says nothing is only waited for
        answers.put(traceback.format_exc())


def _written(
    number: int, dsn: str, share: int, kinds: list[str], seed: int, commit: str, stop: Any
) -> Told:
    told = Told()
    r = random.Random(f"{seed}/{number}")
    weights = [KINDS[k].weight for k in kinds]
    db = None
    while not stop.is_set() and told.committed < share:
        try:
            if db is None or db.closed:
                db = psycopg2.connect(
                    dsn, options=f"-c synchronous_commit={commit} -c lock_timeout=20s"
                )
            _one_transaction(
                db, r, r.choices(kinds, weights, k=r.choice((1, 1, 1, 2, 3))), number, told
            )
        except psycopg2.Error as error:
            told.refused[_in_short(error)] += 1
            try:
                if db is not None:
                    db.rollback()
            except psycopg2.Error:
                db = None
            if db is None:  # the node is away
                time.sleep(0.1)
    if db is not None:
        db.close()
    return told


def _in_short(error: psycopg2.Error) -> str:
    """Errors of one kind get one text, so that they can be counted."""
    first = str(error).strip().splitlines()[:1]
    text = re.sub(r"\d+", "N", "".join(first)) if error.pgcode else "connection lost or refused"
    return f"{error.pgcode or ''} {text}".strip()[:110]


def _one_transaction(db: Any, r: random.Random, kinds: list[str], number: int, told: Told) -> None:
    mark = f"{number}-{r.getrandbits(40):010x}"
    bundles: list[int] = []
    strict = r.random() < STRICT
    with db.cursor() as cursor:
        hand = Hand(cursor, r, number, mark)
        if strict:
            hand.run(
                f"set transaction isolation level {r.choice(('repeatable read', 'serializable'))}"
            )
        for kind in kinds:
            if r.random() < SAVEPOINT and kind != "bundle":
                hand.run("savepoint part")
                KINDS[kind].act(hand)
                hand.run("rollback to savepoint part")
            answer = KINDS[kind].act(hand)
            if answer is not None:
                bundles.append(answer)
        if r.random() < LONG:
            time.sleep(r.uniform(0.2, 1.0))
    told.slowest_seconds = max(told.slowest_seconds, hand.slowest_seconds)
    began = time.perf_counter()
    try:
        db.commit()
    except psycopg2.Error as error:
        if error.pgcode is None or error.pgcode.startswith("57"):  # it may have been committed
            for b in bundles:
                told.in_doubt.setdefault(b, set()).add(mark)
        raise
    told.slowest_seconds = max(told.slowest_seconds, time.perf_counter() - began)
    told.committed += 1
    told.by_kind.update(kinds)
    for b in bundles:
        told.acknowledged[b] = mark
        told.in_doubt.pop(b, None)
