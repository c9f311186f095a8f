"""A node dies with all boards on it: when is each live again? The pages are those of the drills (links.ts in Python)."""

import asyncio
import os
import signal
from typing import Any

from bench.contestants import FIRSTBELL, running
from bench.cores import allow_files
from bench.relay import generate, realtime_conditions
from bench.report import Figure, Plot, Report
from bench.stand import Options, percentile
from tests.drills.relay.crowd import Crowd
from tests.drills.relay.lessons import Board, Pair
from tests.drills.relay.pages import Where

VICTIM = "host2"
BOARDS = (2000, 8000)
BOARDS_OF_A_TEACHER = 10
PRESS_WITHIN_SECONDS = 0.2
PATIENCE_SECONDS = 60.0


def revival(options: Options) -> Report:
    counts = (40,) if options.short else BOARDS
    allow_files(_lines(max(counts)))
    found = {}
    for count in counts:
        with running(FIRSTBELL, nodes=2, one_core=False) as servers:
            # host 1 has to bear it and has a core alone; the one that dies shares one with the pages
            ports = {"host1": servers.ports[0], VICTIM: servers.ports[1]}
            found[count] = generate(
                what="revival", boards=count, ports=ports, victim=servers.servers[1], files=_lines(count), short=options.short
            )  # fmt: skip
    marks = (0.5, 0.9, 0.99, 1.0)
    after = {n: sorted(one["after_ms"]) for n, one in found.items()}
    return Report(
        "revival",
        "Realtime: boards live again after a node's death",
        f"All boards have their first socket on the host that is killed (SIGKILL) and their standby on the other; a teacher for each {BOARDS_OF_A_TEACHER}"
        f" goes on within {PRESS_WITHIN_SECONDS} s. From the death until a board shows that step.",
        figures=[
            figure
            for n, one in found.items()
            for figure in (
                *[Figure(f"{n} boards: {'the last' if m == 1 else f'{m:.0%}'}", round(percentile(after[n], m)) if after[n] else None, "ms") for m in marks],
                Figure(f"{n} boards: never live again", n - len(after[n]), "", "0", len(after[n]) == n),
                Figure(f"{n} boards: steps lost or doubled", one["wrong"], "", "0", one["wrong"] == 0),
                Figure(f"{n} boards: the pages' own lateness, at most", round(one["late_ms"]), "ms"),
            )
        ],
        plots=[Plot("From the death to the next step", "ms", [f"{m:.0%}" for m in marks],
                    {f"{n} boards": [round(percentile(v, m)) if v else None for m in marks] for n, v in after.items()})],
        conditions=realtime_conditions(options, {}, nodes=2, boards=counts, boards_of_a_teacher=BOARDS_OF_A_TEACHER),
        details={str(n): {k: v for k, v in one.items() if k != "after_ms"} for n, one in found.items()},
    )  # fmt: skip


def _lines(boards: int) -> int:
    """Sockets of that many boards and their teachers, two each."""
    return 2 * (boards + -(-boards // BOARDS_OF_A_TEACHER))


async def pages(job: dict[str, Any]) -> dict[str, Any]:
    """In the generator's process: all arrive, one host dies, teachers go on."""
    hosts = [Where(name, port) for name, port in job["ports"].items()]
    teachers = -(-job["boards"] // BOARDS_OF_A_TEACHER)
    crowd = Crowd(hosts, teachers, 1, 1.0, first=VICTIM)
    more = [
        Board(crowd.seen, pair.teacher.hosts, pair.teacher.session, f"{number}", crowd.rng)
        for number in range(job["boards"] - teachers)
        for pair in (crowd.pairs[number % teachers],)
    ]
    crowd.pairs += [Pair(crowd.pairs[n % teachers].teacher, board) for n, board in enumerate(more)]
    for number, board in enumerate(pair.board for pair in crowd.pairs):
        board.start()
        if number < teachers:
            crowd.pairs[number].teacher.start()
        await asyncio.sleep(1 / 300)
    live = await crowd.until(lambda: all(len(p.open) >= p.breadth for p in crowd.pages()), 120)
    if not live:
        raise TimeoutError("not all boards were served by two hosts within 120 s")
    await asyncio.sleep(1 if job["short"] else 5)
    crowd.seen.late = 0.0
    os.kill(job["victim"], signal.SIGKILL)
    killed = crowd.now()
    await asyncio.gather(*(_press(crowd, pair) for pair in crowd.pairs[:teachers]))
    await crowd.until(lambda: all(pair.board.seen_at for pair in crowd.pairs), PATIENCE_SECONDS)
    after = [(pair.board.seen_at[0] - killed) * 1000 for pair in crowd.pairs if pair.board.seen_at]
    late = crowd.seen.late * 1000
    wrong = sum(pair.lost for pair in crowd.pairs if pair.board.seen_at)
    crowd.leave()
    return {
        "after_ms": after,
        "wrong": wrong,
        "late_ms": late,
        "closes": crowd.seen.closes,
        "errors": crowd.seen.errors,
    }


async def _press(crowd: Crowd, pair: Pair) -> None:
    await asyncio.sleep(crowd.rng.random() * PRESS_WITHIN_SECONDS)
    pair.teacher.steer()
