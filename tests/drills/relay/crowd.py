"""Many pairs that steer at a steady rate while something happens to the hosts; what is asked of them in common."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from bench.report import Figure
from tests.drills.frame import Options
from tests.drills.relay.lessons import Teacher, new_pair
from tests.drills.relay.pages import Seen, Where

LIVE_SECONDS = 120
CONVERGE_SECONDS = 30
STALL_SECONDS = 0.5
CALM_SECONDS = 0.1
"""A drill whose own process was never later than this ran on a machine that had time for it."""
STEP_SECONDS = 4.0
"""A teacher's pace in the long forms: quick for a lesson, and what a machine of two cores bears of a thousand."""
ARRIVALS = 200
"""New pages a second at the beginning, when it is not the arrival that is drilled."""


class Crowd:
    """`count` pairs. `first`: the host that is first in all their ranks. Pages of another kind may be added."""

    def __init__(
        self, hosts: Sequence[Where], count: int, seed: int, interval: float, first: str | None = None
    ) -> None:  # fmt: skip
        self.rng = random.Random(seed)
        self.seen = Seen()
        self.interval = interval
        self.now = asyncio.get_running_loop().time
        self.pairs = [new_pair(self.seen, hosts, self.rng, first) for _ in range(count)]
        self._work: list[asyncio.Task[None]] = [asyncio.create_task(self._watch_the_clock())]

    async def arrive(self) -> None:
        """All pages come, and are served by two hosts each."""
        for pair in self.pairs:
            pair.board.start()
            pair.teacher.start()
            await asyncio.sleep(2 / ARRIVALS)
        await self.until(lambda: all(len(p.open) >= p.breadth for p in self.pages()), LIVE_SECONDS)

    def pages(self) -> Iterable:
        return (page for pair in self.pairs for page in (pair.teacher, pair.board))

    async def until(self, condition, seconds: float) -> bool:
        """Whether it came true in time."""
        end = self.now() + seconds
        while not condition():
            if self.now() > end:
                return False
            await asyncio.sleep(0.05)
        return True

    def steer(self, others: Iterable[Teacher] = ()) -> None:
        """From now on each teacher, and `others`, go on every `interval` seconds, each at her own time."""
        teachers = [*(pair.teacher for pair in self.pairs), *others]
        self._work += [asyncio.create_task(self._steer(teacher)) for teacher in teachers]

    async def _steer(self, teacher: Teacher) -> None:
        at = self.now() + self.rng.random() * self.interval
        while True:
            await asyncio.sleep(at - self.now())
            teacher.steer()
            at += self.interval

    async def _watch_the_clock(self) -> None:
        while True:
            due = self.now() + 0.05
            await asyncio.sleep(0.05)
            late = self.now() - due
            self.seen.late = max(self.seen.late, late)
            if late > STALL_SECONDS:
                self.seen.stalled_at = self.now()

    async def settle(self) -> None:
        """No more steps; all boards have all, or there was time enough."""
        self._end_work()
        await self.until(lambda: not any(pair.lost for pair in self.pairs), CONVERGE_SECONDS)

    def leave(self) -> None:
        self._end_work()
        for page in self.pages():
            page.stop()

    def _end_work(self) -> None:
        for task in self._work:
            task.cancel()
        self._work.clear()

    def busiest_second(self, since: float) -> int:
        """Most handshakes in any one second since then."""
        times = sorted(at for at, _ in self.seen.handshakes if at >= since)
        most = begin = 0
        for end, at in enumerate(times):
            while at - times[begin] > 1:
                begin += 1
            most = max(most, end - begin + 1)
        return most

    def in_time(self, held: bool, options: Options) -> bool | None:
        """What a figure of time says: the long form judges always; CI's form only where the machine was not busy
        with other tests, else None."""
        return held if not options.short or self.seen.late <= CALM_SECONDS else None

    def figures(self) -> list[Figure]:
        """What no round may do: lose a step, double one, refuse a page."""
        steps = sum(len(pair.teacher.sent) for pair in self.pairs)
        lost = sum(pair.lost for pair in self.pairs)
        errors = Counter(self.seen.errors)
        return [
            Figure("steps", steps),
            Figure("steps lost or doubled", lost, "", "0", lost == 0),
            Figure(
                "errors told to pages",
                sum(errors.values()),
                str(dict(errors) or ""),
                "0",
                not errors,
            ),
            Figure("this process' own lateness, at most", round(self.seen.late * 1000), "ms"),
        ]


def share(values: Iterable[float], part: float) -> float:
    """The percentile `part` (0 to 1); 0 of nothing."""
    found = sorted(values)
    return found[min(len(found) - 1, int(part * len(found)))] if found else 0.0


def pace(name: str):
    """Say how far a round is."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{name}: {time.monotonic() - began:5.1f} s  {line}", flush=True)

    return say
