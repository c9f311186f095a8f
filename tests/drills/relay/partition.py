"""`nats-partition`: the bus between the hosts is cut, so that pages on either side don't hear one another; then it heals.

Two kinds of lessons, half each, in both of which the hosts depend on the bus:
- *apart*: a teacher who reaches host1 alone and a colleague who reaches the others; both go on during the cut;
- *seeking*: the teacher reaches host1 alone, her board is on the others. It must look for her on the next host.
"""

import asyncio
import uuid
from dataclasses import dataclass

from bench.report import Figure, Plot, Report, conditions
from tests.drills.frame import Options
from tests.drills.relay.crowd import STEP_SECONDS, Crowd, pace, share
from tests.drills.relay.lessons import Board, Pair, Teacher
from tests.drills.relay.servers import SYNC_SECONDS, Servers, serving
from tests.drills.relay.waits import TEACHER_MISSED

NODES, ALONE = 3, 1
FOUND_SECONDS = TEACHER_MISSED + 2.5
"""Until a board sees its teacher again: it misses her, a tick of a second, a random wait, two handshakes."""
EQUAL_SECONDS = 2 * SYNC_SECONDS + 5
"""After the cut: nats-servers find one another within a second or two, nodes compare at once and every 5 s."""


@dataclass
class Apart:
    """A lesson with a teacher's page on each side of the cut."""

    here: Teacher
    there: Teacher

    def pages(self) -> list[Teacher]:
        return [self.here, self.there]

    def equal(self) -> bool:
        """Each has all that both said, in the same order."""
        steps = self.here.steps.to_py()
        return len(steps) == len(self.here.sent) + len(self.there.sent) and (
            steps == self.there.steps.to_py()
        )


def partition(options: Options) -> Report:
    with serving(NODES) as servers:
        return asyncio.run(_round(servers, options))


async def _round(servers: Servers, options: Options) -> Report:
    say = pace("nats-partition")
    interval, seconds = (0.5, 5) if options.short else (STEP_SECONDS / 2, 30)
    crowd = Crowd(servers.hosts, 0, options.seed, interval)
    apart = [_apart(servers, crowd) for _ in range(options.pairs // 2)]
    crowd.pairs = [_seeking(servers, crowd) for _ in range(options.pairs - len(apart))]
    for page in (page for lesson in apart for page in lesson.pages()):
        page.start()
        await asyncio.sleep(0.01)
    await crowd.arrive()
    crowd.steer(teacher for lesson in apart for teacher in lesson.pages())
    await crowd.until(lambda: all(lesson.here.steps for lesson in apart), 10)
    await asyncio.sleep(2)
    say(f"{options.pairs} lessons are live")

    servers.set_lines("silent", ALONE)
    cut = crowd.now()
    say(f"host{ALONE} is cut off")
    await asyncio.sleep(seconds)
    found = [_found(pair, cut) for pair in crowd.pairs]
    differing = sum(not lesson.equal() for lesson in apart)
    say(
        f"{sum(one is not None for one in found)} boards have found their teacher, {differing} documents differ"
    )
    servers.set_lines("open", ALONE)
    healed = crowd.now()
    await asyncio.sleep(2)
    await crowd.settle()
    await crowd.until(lambda: all(lesson.equal() for lesson in apart), EQUAL_SECONDS)
    took = crowd.now() - healed
    unequal = sum(not lesson.equal() for lesson in apart)
    say(f"{unequal} documents differ {took:.1f} s after the cut")
    nodes_differ = await _nodes_that_differ(servers, crowd, apart)
    crowd.leave()
    for lesson in apart:
        for page in lesson.pages():
            page.stop()
    return _report(servers, options, crowd, found, differing, unequal, took, nodes_differ, seconds)


def _session(crowd: Crowd) -> str:
    return str(uuid.UUID(int=crowd.rng.getrandbits(128), version=4))


def _apart(servers: Servers, crowd: Crowd) -> Apart:
    session, hosts = _session(crowd), servers.hosts
    here, there = hosts[:ALONE], hosts[ALONE:]
    return Apart(*(Teacher(crowd.seen, some, session, "7", crowd.rng) for some in (here, there)))


def _seeking(servers: Servers, crowd: Crowd) -> Pair:
    session, hosts = _session(crowd), servers.hosts
    teacher = Teacher(crowd.seen, hosts[:ALONE], session, "7", crowd.rng)
    board = Board(crowd.seen, hosts[ALONE:] + hosts[:ALONE], session, str(uuid.uuid4()), crowd.rng)
    return Pair(teacher, board)


def _found(pair: Pair, cut: float) -> float | None:
    """Seconds from the cut to the first step of after it that the board has seen."""
    for sent, seen in zip(pair.teacher.sent, pair.board.seen_at, strict=False):
        if sent > cut:
            return seen - cut
    return None


async def _nodes_that_differ(servers: Servers, crowd: Crowd, apart: list[Apart]) -> int:
    """Documents that a node shows otherwise than its teachers have them, asked node by node by a page of its own."""
    differ = 0
    for host in servers.hosts:
        readers = [Teacher(crowd.seen, [host], one.here.session, "7", crowd.rng) for one in apart]
        for reader in readers:
            reader.start()
            await asyncio.sleep(0.005)

        def wrong(readers=readers) -> int:
            pairs = zip(readers, apart, strict=True)
            return sum(reader.steps.to_py() != one.here.steps.to_py() for reader, one in pairs)

        await crowd.until(lambda wrong=wrong: wrong() == 0, EQUAL_SECONDS)
        differ += wrong()
        for reader in readers:
            reader.stop()
    return differ


def _report(
    servers: Servers, options: Options, crowd: Crowd, found: list[float | None], differing: int, unequal: int,
    took: float, nodes_differ: int, seconds: float,
) -> Report:  # fmt: skip
    well = [one for one in found if one is not None]
    slow, faults = share(well, 0.99), servers.faults()
    figures = [
        Figure("lessons with a teacher's page on each side", options.pairs - len(found)),
        Figure("of these, documents that differed during the cut", differing, "", "all, else nothing was cut",
               differing == options.pairs - len(found)),
        Figure("that differ afterwards", unequal, "", "0", unequal == 0),
        Figure("until all were equal", round(took, 1), "s", f"≤ {EQUAL_SECONDS:.0f}", took <= EQUAL_SECONDS),
        Figure("documents that a node has otherwise", nodes_differ, "", "0", nodes_differ == 0),
        Figure("boards cut off from their teacher", len(found)),
        Figure("that did not find her", len(found) - len(well), "", "0", len(found) == len(well)),
        Figure("until they saw the next step, median", round(share(well, 0.5), 2), "s"),
        Figure("99 %", round(slow, 2), "s", f"≤ {FOUND_SECONDS}", slow <= FOUND_SECONDS),
        *crowd.figures(),
        Figure("errors in the nodes' logs", len(faults), "", "0", not faults),
    ]  # fmt: skip
    marks = [10, 50, 90, 99, 100]
    return Report(
        "nats-partition",
        "Realtime: the bus between the hosts is cut",
        f"host{ALONE}'s nats-server is cut off from the others for {seconds} s. Half of {options.pairs} lessons have a"
        " teacher's page on each side, in the others board and teacher are on different sides.",
        figures=figures,
        plots=[Plot("From the cut to the next step on a board", "s", [f"{m} %" for m in marks],
                    {"": [round(share(well, m / 100), 2) for m in marks]})],
        conditions=conditions(nodes=NODES, lessons=options.pairs, cut_seconds=seconds, seed=options.seed, short=options.short),
        details={"closes": crowd.seen.closes, "faults": faults},
    )  # fmt: skip
