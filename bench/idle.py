"""Sockets of pages that nobody touches: what one costs in memory, and whether a node holds nine thousand."""

from typing import Any

from bench.contestants import AIOHTTP, FIRSTBELL, PUBSUB, TORNADO, running
from bench.cores import allow_files
from bench.generator import HANDSHAKES_PER_SECOND
from bench.relay import absent, generate, realtime_conditions
from bench.report import Figure, Plot, Report
from bench.stand import Options, percentile

SOCKETS, RIVALS_SOCKETS = 9000, 2000
GOAL_KIB = 16.0
SECONDS = 20.0


def idle(options: Options) -> Report:
    """A page has two sockets, the second to another host as its standby: each is counted where it is, once."""
    sockets = 100 if options.short else SOCKETS
    seconds = 1.0 if options.short else SECONDS
    allow_files(sockets)
    names = (FIRSTBELL, TORNADO, AIOHTTP, PUBSUB)
    without = absent(names)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        if name not in without:
            count = sockets if name == FIRSTBELL else min(sockets, RIVALS_SOCKETS)
            with running(name) as servers:
                found[name] = generate(what="idle", sockets=count, seconds=seconds, **servers.job())
    ours = found[FIRSTBELL]
    lost = ours["closed"] + len(ours["errors"])
    pongs = ours["pongs_ms"] or [float("inf")]
    return Report(
        "idle",
        "Realtime: idle sockets",
        f"{sockets} sockets of {sockets // 2} lessons on one Firstbell node, each with a ping a second; {RIVALS_SOCKETS} at each of"
        " the others, which are sent nothing. Resident memory of the server, after less before, by socket; a standby is"
        " a socket of the node that it stands by on. Ours has the documents, the presence and the NATS subscriptions in it.",
        figures=[
            Figure(f"{FIRSTBELL}: memory for a socket", round(ours["kib"], 1), "KiB", f"≤ {GOAL_KIB:.0f}",
                   None if options.short else ours["kib"] <= GOAL_KIB),
            *[Figure(f"{n}: memory for a socket", round(one["kib"], 1), "KiB") for n, one in found.items() if n != FIRSTBELL],
            Figure("sockets on one node", ours["sockets"], "", f"{sockets}", ours["sockets"] == sockets),
            Figure("of these, lost or told of an error", lost, "", "0", lost == 0),
            Figure("what they take of the core, with a ping a second each", round(ours["server_share"], 2)),
            Figure("a ping's answer, median", percentile(pongs, 0.5), "ms"),
            Figure("99 %", percentile(pongs, 0.99), "ms"),
            Figure("all were welcomed within", round(ours["arrived_seconds"], 1), f"s, at {HANDSHAKES_PER_SECOND:.0f} a second"),
        ],
        plots=[Plot("Memory for a socket", "KiB", list(found), {"": [round(one["kib"], 1) for one in found.values()]})],
        conditions=realtime_conditions(options, without, sockets=sockets, seconds=seconds),
        details={n: {k: v for k, v in one.items() if k != "pongs_ms"} for n, one in found.items()},
    )  # fmt: skip
