"""Realtime under load: how many frames a core relays, what one costs and where, how late frames are at a steady rate."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from bench.contestants import (
    AIOHTTP,
    FIRSTBELL,
    FIRSTBELL_AWARENESS,
    PUBSUB,
    REDIS,
    RIVALS,
    TORNADO,
    missing,
    running,
    versions,
)
from bench.cores import OTHERS, allow_files, on
from bench.generator import FRAME_BYTES
from bench.report import ROOT, Figure, Plot, Report, conditions
from bench.stand import Options, percentile

RELAYS = (FIRSTBELL, FIRSTBELL_AWARENESS, REDIS, PUBSUB, TORNADO, AIOHTTP)
GOALS = {PUBSUB: 10.0, TORNADO: 1.5}
PAIRS, LATENCY_PAIRS = 400, 1000
LATENCY_GOAL_MS = 15.0
SPY = RIVALS / "py-spy"
BOUND = 0.9
"""From this share of its core on, a process is what limits."""


def generate(**job: Any) -> dict[str, Any]:
    """What the generator found; raises RuntimeError with its last words. It has a core of its own."""
    with on(OTHERS):
        answer = subprocess.run(
            [sys.executable, "-m", "bench.generator"], input=json.dumps(job), cwd=ROOT, capture_output=True, text=True, check=False
        )  # fmt: skip
    if answer.returncode:
        raise RuntimeError(f"the generator failed: {answer.stderr.strip()[-600:]}")
    return json.loads(answer.stdout)


def absent(names: tuple[str, ...]) -> dict[str, str]:
    """Who can't be measured, and why."""
    return {name: why for name in names if (why := missing(name))}


def realtime_conditions(options: Options, without: dict[str, str], **more: Any) -> dict[str, Any]:
    return conditions(
        rivals=versions(), missing="; ".join(f"{n}: {why}" for n, why in without.items()) or "nobody",
        where="all on loopback; who is measured has the first core alone, the generator with NATS, Redis and Postgres the second",
        firstbell="python -m realtime as on a host: tokens, NATS, snapshots in Postgres, a ping each second on each socket",
        short=options.short, **more,
    )  # fmt: skip


def relay(options: Options) -> Report:
    without = absent(RELAYS)
    names = [name for name in RELAYS if name not in without]
    if options.short:
        names.remove(FIRSTBELL_AWARENESS)
    pairs = 100 if options.short else PAIRS
    allow_files(2 * pairs)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            with running(name) as servers:
                found[name].append(
                    generate(what="relay", pairs=pairs, seconds=options.seconds, **servers.job())
                )
    rate = {n: [one["messages"] / one["seconds"] for one in found[n]] for n in names}
    cost = {n: [_cost(one) for one in found[n]] for n in names}
    where = {} if options.short or not SPY.exists() else _where(pairs, median(cost[FIRSTBELL]))
    figures = [
        *[figure for other, goal in GOALS.items() for figure in against(other, goal, rate, cost, options)],
        *[Figure(f"{n}: relayed frames per second", round(median(rate[n])), _limit(found[n])) for n in names],
        *[Figure(f"{n}: the server's CPU per frame", round(median(cost[n]), 1), "µs") for n in names],
        *[Figure(f"{n}: beside that, NATS or Redis", round(median(_cost(one, "helper_share") for one in found[n]), 1), "µs")
          for n in names if n not in (TORNADO, AIOHTTP)],
        *[Figure(f"{n}: frames that never came, sockets lost, errors", sum(one["lost"] + one["closed"] + len(one["errors"]) for one in found[n])) for n in names],
        *[Figure(f"one of Firstbell's frames: {part}", round(took, 1), "µs") for part, took in where.items()],
    ]  # fmt: skip
    return Report(
        "relay",
        "Realtime: relayed frames on one core",
        f"{pairs} pairs; each teacher sends a frame of {FRAME_BYTES} bytes when her board has the one before. The same frames"
        " for all, in turns. Where the generator is the limit, CPU per frame still tells what a core could do.",
        figures=figures,
        plots=[
            Plot("Relayed frames", "per second", names, {"": [round(median(rate[n])) for n in names]}),
            Plot("CPU per frame", "µs", names, {"": [round(median(cost[n]), 1) for n in names]}),
            *([Plot("Where the time of one of Firstbell's frames goes", "µs", list(where), {"": [round(v, 1) for v in where.values()]})]
              if where else []),
        ],
        conditions=realtime_conditions(options, without, pairs=pairs, frame_bytes=FRAME_BYTES, seconds=options.seconds, rounds=options.rounds),
        details={"runs": found},
    )  # fmt: skip


def _cost(run: dict[str, Any], share: str = "server_share") -> float:
    """CPU per frame, µs."""
    return run[share] * run["seconds"] / max(1, run["messages"]) * 1e6


def against(
    other: str, goal: float, rate: dict[str, list[float]], cost: dict[str, list[float]], options: Options
) -> list[Figure]:  # fmt: skip
    """How many times as many frames, and by CPU, where a rival that waits or that others disturb loses nothing."""
    found: list[float | None] = [None, None]
    if other in cost:
        found = [
            median(a / b for a, b in zip(rate[FIRSTBELL], rate[other], strict=True)),
            median(b / a for a, b in zip(cost[FIRSTBELL], cost[other], strict=True)),
        ]
    names = (f"frames per second: Firstbell ÷ {other}", f"CPU per frame: {other} ÷ Firstbell")
    return [
        Figure(
            name,
            None if value is None else round(value, 2),
            "not measured" if value is None else "",
            f"≥ {goal}",
            # CI's short form installs nobody and is too short for speeds
            None if options.short else value is not None and value >= goal,
        )
        for name, value in zip(names, found, strict=True)
    ]


def _limit(runs: list[dict[str, Any]]) -> str:
    """What kept it from more, said where one sees the figure."""
    server, waited, generator = (
        median(one[key] for one in runs)
        for key in ("server_share", "server_waited", "generator_share")
    )
    if server + waited < BOUND:
        by = "the generator" if generator >= BOUND else "what it waits for"
    else:
        by = "the server" if server >= BOUND else "others on this machine"
    return f"limited by {by}; it had {server:.0%} of its core"


PARTS = (
    ("pycrdt", "the Yjs document"),
    ("nats/", "NATS' client"),
    ("realtime/backplane", "NATS' client"),
    ("websockets/", "websocket frames"),
    ("realtime/wire", "websocket frames"),
    ("realtime/documents", "the Yjs document"),
    ("realtime/", "who may, and who gets it"),
    ("asyncio/selector_events", "system calls: receive, send"),
    ("selectors", "the event loop"),
    ("asyncio/", "the event loop"),
)


def _where(pairs: int, cost: float) -> dict[str, float]:
    """µs of a frame by part, seen from outside with py-spy; the run is not one of those that count."""
    seconds = 6
    with running(FIRSTBELL) as servers, tempfile.NamedTemporaryFile() as file:
        with on(OTHERS):
            job = json.dumps(
                {"what": "relay", "pairs": pairs, "seconds": seconds + 4, **servers.job()}
            )
            pages = subprocess.Popen([sys.executable, "-m", "bench.generator"], cwd=ROOT, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
            assert pages.stdin
            pages.stdin.write(job)
            pages.stdin.close()
            time.sleep(4)
            subprocess.run([SPY, "record", "-p", str(servers.servers[0]), "-d", str(seconds), "-r", "250", "-t",
                            "-f", "raw", "-o", file.name], capture_output=True, check=False)  # fmt: skip
            pages.wait()
        samples = Path(file.name).read_text()
    found: Counter[str] = Counter()
    for line in samples.splitlines():
        stack, _, count = line.rpartition(" ")
        if "MainThread" in stack.partition(";")[0]:
            found[_part(stack.split(";")[-1])] += int(count)
    total = found.total()
    return {part: cost * count / total for part, count in found.most_common()} if total else {}


def _part(frame: str) -> str:
    path = re.sub(r".*\((.*):\d+\)$", r"\1", frame)
    return next((name for mark, name in PARTS if mark in path), "the rest")


def latency(options: Options) -> Report:
    """A steady rate, far from anybody's end: teachers on one node, boards on the other."""
    without = absent((FIRSTBELL, REDIS, PUBSUB))
    names = [name for name in (FIRSTBELL, REDIS, PUBSUB) if name not in without]
    pairs = 50 if options.short else LATENCY_PAIRS
    allow_files(2 * pairs)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(1 if options.short else min(3, options.rounds)):
        for name in names:
            with running(name, nodes=2) as servers:
                job = {"what": "latency", "pairs": pairs, "rate": 1, **servers.job()}
                found[name].append(
                    generate(seconds=1 if options.short else 2 * options.seconds, **job)
                )
    took = {n: sorted(ms for one in found[n] for ms in one["took_ms"]) for n in names}
    p99 = median(percentile(one["took_ms"] or [1e6], 0.99) for one in found[FIRSTBELL])
    marks = (0.5, 0.9, 0.99, 0.999)
    return Report(
        "latency",
        "Realtime: from a teacher on one node to a board on the other",
        f"{pairs} pairs, one frame a second each; every frame goes over the bus. Both nodes share the measured core.",
        figures=[
            Figure(f"{FIRSTBELL}: 99 %, median of the rounds", round(p99, 2), "ms", f"≤ {LATENCY_GOAL_MS:.0f}",
                   None if options.short else p99 <= LATENCY_GOAL_MS),
            *[Figure(f"{n}: {m:.1%}", round(percentile(took[n], m), 2) if took[n] else None, "ms") for n in names for m in marks],
            *[Figure(f"{n}: frames that never came", sum(one["sent"] - len(one["took_ms"]) for one in found[n]),
                     f"of {sum(one['sent'] for one in found[n])}") for n in names],
            *[Figure(f"{n}: of the core, both nodes", round(median(one["server_share"] for one in found[n]), 2)) for n in names],
            *[Figure(f"{n}: wanted of the core while others had it (the two nodes one another, too)",
                     round(median(one["server_waited"] for one in found[n]), 2)) for n in names],
            Figure("the generator's own lateness, at most", round(max(one["late_ms"] for n in names for one in found[n]), 1), "ms"),
        ],
        plots=[Plot("How late", "ms", [f"{m:.1%}" for m in marks],
                    {n: [round(percentile(took[n], m), 2) if took[n] else None for m in marks] for n in names})],
        conditions=realtime_conditions(options, without, pairs=pairs, frame_bytes=FRAME_BYTES, rounds=len(found[FIRSTBELL])),
        details={"shares": {n: [{k: v for k, v in one.items() if k != "took_ms"} for one in found[n]] for n in names}},
    )  # fmt: skip
