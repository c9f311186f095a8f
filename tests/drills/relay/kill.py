"""`realtime-kill`: the node on which all boards are dies by SIGKILL; when do they see the next frame?"""

import asyncio

from bench.report import Figure, Plot, Report, conditions
from tests.drills.frame import Options
from tests.drills.relay.crowd import STEP_SECONDS, Crowd, pace, share
from tests.drills.relay.servers import Servers, serving
from tests.drills.relay.waits import CALM

NEXT_FRAME_SECONDS = 1.5
NODES, VICTIM = 3, 1
PRESS_WITHIN_SECONDS = 0.2
"""All teachers go on within this time of the death: nobody's step was under way before."""


def kill(options: Options) -> Report:
    with serving(NODES) as servers:
        return asyncio.run(_round(servers, options))


async def _round(servers: Servers, options: Options) -> Report:
    say = pace("realtime-kill")
    victim = servers.nodes[VICTIM]
    interval = 1.0 if options.short else STEP_SECONDS
    crowd = Crowd(servers.hosts, options.pairs, options.seed, interval, first=victim.name)
    await crowd.arrive()
    say(f"{options.pairs} boards are on {victim.name}")
    await asyncio.sleep(0.5 if options.short else 3)
    before = len(crowd.seen.handshakes)
    victim.kill()
    killed = crowd.now()
    pressing = [asyncio.create_task(_press(crowd, pair)) for pair in crowd.pairs]
    await asyncio.gather(*pressing)
    await crowd.until(lambda: all(pair.board.seen_at for pair in crowd.pairs), 20)
    after = [pair.board.seen_at[0] - killed for pair in crowd.pairs if pair.board.seen_at]
    say(f"all have seen the next step, the last after {max(after, default=0) * 1000:.0f} ms")
    crowd.steer()
    stood_in = await crowd.until(
        lambda: all(len(page.open) >= page.breadth for page in crowd.pages()),
        CALM if options.short else 60,
    )
    healed = crowd.now() - killed
    busiest = crowd.busiest_second(killed)
    new = len(crowd.seen.handshakes) - before
    say(f"all have a second line again, after {healed:.1f} s and {new} handshakes")
    back = crowd.now()
    everyone_back = True
    if not options.short:  # it takes its time on purpose
        await asyncio.to_thread(victim.start)
        back = crowd.now()
        everyone_back = await crowd.until(
            lambda: all(page.open and page.slots[0].line in page.open for page in crowd.pages()), 90
        )
        say(f"{victim.name} is back; on it again after {crowd.now() - back:.1f} s: {everyone_back}")
    returning = crowd.busiest_second(back)
    await crowd.settle()
    crowd.leave()
    return _report(servers, options, crowd, after, healed, stood_in, everyone_back, busiest, returning)  # fmt: skip


async def _press(crowd: Crowd, pair) -> None:
    await asyncio.sleep(crowd.rng.random() * PRESS_WITHIN_SECONDS)
    pair.teacher.steer()


def _report(
    servers: Servers, options: Options, crowd: Crowd, after: list[float], healed: float, stood_in: bool,
    everyone_back: bool, busiest: int, returning: int,
) -> Report:  # fmt: skip
    pages = 2 * options.pairs
    # Spread evenly it would be 1/CALM of them each second; what is random has its peaks.
    bound = round(pages / CALM * 1.5 + 20)
    unseen = options.pairs - len(after)
    slow = share(after, 0.99)
    faults = servers.faults()
    figures = [
        Figure("boards on the node that died", options.pairs),
        Figure("boards that never saw the next step", unseen, "", "0", unseen == 0),
        Figure("from the death to the next step on the board, median", round(share(after, 0.5) * 1000), "ms"),
        Figure("99 %", round(slow * 1000), "ms", f"≤ {NEXT_FRAME_SECONDS * 1000:.0f}", crowd.in_time(slow <= NEXT_FRAME_SECONDS, options)),
        Figure("the last one", round(max(after, default=0) * 1000), "ms"),
        Figure("new handshakes in the busiest second", busiest, f"of {pages} pages", f"≤ {bound}", crowd.in_time(busiest <= bound, options)),
        Figure("until all have a second line again", round(healed, 1), "s", "they have", stood_in or (None if options.short else False)),
        *crowd.figures(),
        Figure("errors in the nodes' logs", len(faults), "", "0", not faults),
    ]  # fmt: skip
    if not options.short:
        figures[-2:-2] = [
            Figure("back on the node when it is there again", "yes" if everyone_back else "no", "", "yes", everyone_back),
            Figure("then: new handshakes in the busiest second", returning, f"of {pages} pages", f"≤ {bound}", returning <= bound),
        ]  # fmt: skip
    marks = [50, 75, 90, 95, 99, 100]
    return Report(
        "realtime-kill",
        "Realtime: a node is killed",
        f"{options.pairs} boards and their teachers have their first line to one node and a standby to another. The node"
        f" gets SIGKILL, and each teacher goes on within {PRESS_WITHIN_SECONDS * 1000:.0f} ms.",
        figures=figures,
        plots=[Plot("From the death to the next step on the board", "ms", [f"{m} %" for m in marks],
                    {"": [round(share(after, m / 100) * 1000) for m in marks]})],
        conditions=conditions(nodes=NODES, pairs=options.pairs, seed=options.seed, short=options.short),
        details={"closes": crowd.seen.closes, "faults": faults},
    )  # fmt: skip
