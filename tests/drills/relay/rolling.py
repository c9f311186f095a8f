"""`realtime-rolling`: all realtime nodes are restarted one after the other, as a deployment does, while pairs steer."""

import asyncio

from bench.report import Figure, Plot, Report, conditions
from tests.drills.frame import Options
from tests.drills.relay.crowd import STEP_SECONDS, Crowd, pace, share
from tests.drills.relay.servers import Servers, serving

LONGEST_SECONDS = 1.5
NODES = 3


def rolling(options: Options) -> Report:
    drain_seconds = 1.0 if options.short else 5.0
    with serving(NODES, drain_seconds) as servers:
        return asyncio.run(_round(servers, options, drain_seconds))


async def _round(servers: Servers, options: Options, drain_seconds: float) -> Report:
    say = pace("realtime-rolling")
    interval = 0.25 if options.short else STEP_SECONDS
    crowd = Crowd(servers.hosts, options.pairs, options.seed, interval)
    await crowd.arrive()
    say(f"{options.pairs} pairs are live")
    crowd.steer()
    await asyncio.sleep(1 if options.short else 5)
    began, codes, marks = crowd.now(), [], []
    for number in servers.numbers:
        marks.append(crowd.now() - began)
        codes.append(await servers.restart(number))
        say(f"host{number} is restarted, it ended with {codes[-1]}")
    await asyncio.sleep(1 if options.short else 10)
    ended = crowd.now() - began
    await crowd.settle()
    crowd.leave()
    took = [one for pair in crowd.pairs for one in pair.took()]
    longest, busiest = max(took, default=float("inf")), crowd.busiest_second(began)
    faults = servers.faults()
    figures = [
        Figure("pairs", options.pairs),
        *crowd.figures(),
        Figure("a step's way to the board, median", round(share(took, 0.5) * 1000, 1), "ms"),
        Figure("99 %", round(share(took, 0.99) * 1000, 1), "ms"),
        Figure("the longest", round(longest * 1000), "ms", f"≤ {LONGEST_SECONDS * 1000:.0f}", crowd.in_time(longest <= LONGEST_SECONDS, options)),
        Figure("nodes that did not end well", sum(map(bool, codes)), "", "0", not any(codes)),
        Figure("errors in the nodes' logs", len(faults), "", "0", not faults),
        Figure("new handshakes in the busiest second", busiest, f"of {4 * options.pairs} lines"),
    ]  # fmt: skip
    return Report(
        "realtime-rolling",
        "Realtime: a rolling restart during lessons",
        f"{options.pairs} pairs steer once in {interval} s while {NODES} nodes are restarted one after the other, each"
        f" with {drain_seconds:.0f} s for its pages to move.",
        figures=figures,
        plots=[_by_second(crowd, began, ended)],
        conditions=conditions(nodes=NODES, pairs=options.pairs, interval_seconds=interval, drain_seconds=drain_seconds,
                              seed=options.seed, short=options.short),
        details={"restarts_at_seconds": marks, "closes": crowd.seen.closes, "faults": faults},
    )  # fmt: skip


def _by_second(crowd: Crowd, began: float, ended: float) -> Plot:
    """The slowest step of each second of the restarts."""
    worst = [0.0] * (int(ended) + 1)
    for pair in crowd.pairs:
        for sent, took in zip(pair.teacher.sent, pair.took(), strict=False):
            second = int(sent - began)
            if 0 <= second < len(worst):
                worst[second] = max(worst[second], took * 1000)
    return Plot(
        "The slowest step of each second", "ms", [str(n) for n in range(len(worst))],
        {"": [round(one, 1) for one in worst]}, "line",
    )  # fmt: skip
