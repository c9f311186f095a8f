"""Round "durability": a host dies for good under full write load. Which acknowledged writes do the others not have?

`peer` must lose none. `local` may lose what had not left the node yet: how much, and how old, is what this measures.
A host counts as gone for good until the others have been looked at and have handed one another what only one of them
had; then it comes back, for the next kill, and all nodes must be equal again.

The modes take turns, so that figures of both are of the same machine in the same hour.
"""

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import psutil
import psycopg2

from bench.report import Figure, Plot, Report, conditions
from bench.stand import percentile
from tests.drills import checks
from tests.drills.frame import Options, postgres_version, save_evidence
from tests.drills.mesh import DrillMesh
from tests.support.nodes import wait_until

CONNECTIONS = 4
"""Writers on each node; each sends the next row as soon as the last one is acknowledged."""
SURVIVORS_SECONDS = 20.0
"""How long survivors may take to hand one another what only one of them had."""
STILL_SECONDS = 2.5
"""When neither has got anything for this long, nothing more comes: an agent looks twice a second."""
LOOK_EVERY = 25
"""After so many kills, and at the end, all rows and the whole change log are compared; else this turn's rows."""
COMMITS = {"peer": "remote_apply", "local": "local"}
NUMBERS = 10**9
"""Rows' numbers of one turn; a tenth of them for each node, a hundredth for each connection."""


@dataclass
class Kill:
    """What one kill showed."""

    mode: str
    victim: int
    acknowledged: int
    """Writes that the dead node had acknowledged."""
    per_second: float
    """The dead node's acknowledged writes, just before."""
    lost: int
    """Of them, what no survivor has, or not every one."""
    window_ms: float
    """Age of the oldest of those at the kill; 0: none was lost."""
    alone: int
    """What one survivor alone had at first."""
    seconds: dict[str, float]
    """Where the turn's time went."""


def durability(options: Options) -> Report:
    kills: list[Kill] = []
    began = time.monotonic()
    with DrillMesh(3) as mesh:
        mesh.ddl(
            1, "create table d_told (id bigint primary key, node int not null, v text not null)"
        )
        checks.wait_equal(mesh, 60)
        for number in range(2 * options.times):
            mode = list(COMMITS)[number % 2]
            last = number == 2 * options.times - 1
            kill = _turn(mesh, options, mode, number, (number + 1) % LOOK_EVERY == 0 or last)
            kills.append(kill)
            print(f"durability {number + 1}: {kill}", flush=True)
        degraded = sum(
            "peer→local" in line for said in mesh.agents_said(100_000).values() for line in said
        )
    return _report(options, kills, degraded, time.monotonic() - began)


def _turn(mesh: DrillMesh, options: Options, mode: str, number: int, look: bool) -> Kill:
    watch = _StopWatch()
    _until_peers(mesh)
    watch.lap("until all promise peer")
    victim = mesh.numbers[number // 2 % 3]
    first = (number + 1) * NUMBERS
    told, killed, per_second = _write_and_kill(
        mesh, victim, mode, 0.3 if options.short else 1.0, first
    )
    watch.lap("writing and dying")
    survivors = [n for n in mesh.numbers if n != victim]
    missing, alone = _missing(mesh, survivors, told)
    watch.lap("survivors")
    if mode == "peer" and missing:
        save_evidence("durability", options.seed, {"victim": victim, "missing": sorted(missing)[:100],
                                                   "agents": mesh.agents_said()})  # fmt: skip
    mesh.start(victim)
    watch.lap("start")
    wait_until(lambda: _same(mesh, first), 120, f"all nodes have the rows of turn {number + 1}")
    if look and (left := checks.wait_equal(mesh, 120)):
        raise AssertionError(f"nodes differ after node {victim} came back: {left}")
    watch.lap("until all are equal")
    oldest = min((told[i] for i in missing), default=killed)
    return Kill(mode, victim, len(told), round(per_second), len(missing), round((killed - oldest) * 1000, 2), alone, watch.laps)  # fmt: skip


class _StopWatch:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._since = round(now - self._since, 2), now


def _until_peers(mesh: DrillMesh) -> None:
    """All agents have set the promise to `peer` again, and all nodes follow one another."""
    wait_until(
        lambda: all(
            mesh.admin(
                n,
                "select current_setting('synchronous_standby_names') <> ''"
                " and exists (select from mesh.gate where started = pg_postmaster_start_time())"
                " and (select count(*) = 2 from pg_stat_replication where state = 'streaming')",
            )[0][0]
            for n in mesh.numbers
        ),
        120, "all nodes promise `peer`",
    )  # fmt: skip


def _write_and_kill(
    mesh: DrillMesh, victim: int, mode: str, seconds: float, first: int
) -> tuple[dict[int, float], float, float]:
    """Write on all nodes, kill one; (what it had acknowledged and when, the moment of the kill, its writes a second)."""
    context = multiprocessing.get_context("forkserver")  # a new interpreter for each takes seconds
    context.set_forkserver_preload([__name__])
    answers: Any = context.Queue()
    stop = context.Event()
    writers = [
        context.Process(
            target=_write, daemon=True,
            args=(mesh.dsn(n), n, first + n * NUMBERS // 10 + i * NUMBERS // 100, COMMITS[mode], stop, answers),
        )
        for n in mesh.numbers
        for i in range(CONNECTIONS)
    ]  # fmt: skip
    for writer in writers:
        writer.start()
    # Each of the victim's connections is at work: the load is full.
    written = "select count(distinct id / %s) from d_told where node = %s and id >= %s"
    wait_until(
        lambda: mesh.admin(victim, written, NUMBERS // 100, victim, first)[0][0] == CONNECTIONS,
        60,
        "all connections write",
    )
    time.sleep(seconds)
    killed = _die(mesh, victim)
    time.sleep(0.1)
    stop.set()
    told: dict[int, float] = {}
    for _ in writers:
        node, acknowledged = answers.get(timeout=60)
        if node == victim:
            told |= acknowledged
    for writer in writers:
        writer.join()
    assert told, "a node that acknowledged nothing proves nothing"
    span = killed - min(told.values())
    return told, killed, len(told) / span


def _die(mesh: DrillMesh, victim: int) -> float:
    """SIGKILL of all that the node runs, within a millisecond or two, as when its power fails; the moment after.

    The senders first: what a node that still answers could go on acknowledging is lost, and counts.
    """
    (postmaster,) = mesh.admin(
        victim,
        "select pg_backend_pid(), array(select pid from pg_stat_replication)",
    )
    senders = postmaster[1]
    parent = psutil.Process(postmaster[0]).parent()
    assert parent
    rest = [process.pid for process in parent.children(recursive=True)]
    for pid in [*senders, parent.pid, *(pid for pid in rest if pid not in senders)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    killed = time.time()
    mesh.kill(victim)  # its agent, and what is left
    return killed


def _write(dsn: str, node: int, first: int, commit: str, stop: Any, answers: Any) -> None:
    """One row after the other until the node dies or all is over; tells which were acknowledged, and when."""
    told: dict[int, float] = {}
    try:
        db = psycopg2.connect(dsn, options=f"-c synchronous_commit={commit}")
        db.autocommit = True
        with db.cursor() as cursor:
            while not stop.is_set():
                number = first + len(told)
                cursor.execute("insert into d_told values (%s, %s, 'told')", (number, node))
                told[number] = time.time()
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        pass  # killed; anything else is no death, and the missing answer fails the drill
    answers.put((node, told))


def _missing(mesh: DrillMesh, survivors: list[int], told: dict[int, float]) -> tuple[set[int], int]:
    """(what not every survivor has, after they had time to hand it on; how many one of them had alone at first)."""

    def lacking(node: int) -> set[int]:
        found = mesh.admin(node, "select id from d_told where id = any (%s)", list(told))
        return set(told) - {i for (i,) in found}

    now = [lacking(n) for n in survivors]
    alone = len(now[0] ^ now[1])
    end = time.monotonic() + SURVIVORS_SECONDS
    still_since = time.monotonic()
    while any(now) and time.monotonic() < min(end, still_since + STILL_SECONDS):
        time.sleep(0.1)
        before, now = now, [lacking(n) for n in survivors]
        if now != before or now[0] != now[1]:
            still_since = time.monotonic()
    return set.union(*now), alone


def _same(mesh: DrillMesh, first: int) -> bool:
    """Whether all nodes have the same rows of this turn."""
    query = "select count(*), sum(hashtextextended(t::text, 0)::numeric) from d_told t where id >= %s"  # fmt: skip
    return len({mesh.admin(n, query, first)[0] for n in mesh.numbers}) == 1


def _report(options: Options, kills: list[Kill], degraded: int, seconds: float) -> Report:
    def of(mode: str, take: Callable[[Kill], float]) -> list[Any]:
        return [take(kill) for kill in kills if kill.mode == mode]

    def spread(name: str, unit: str, take: Callable[[Kill], float]) -> list[Figure]:
        values = of("local", take)
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
        return [Figure(f"local: {name}, {p}", round(percentile(values, s), 2), unit) for p, s in shares.items()]  # fmt: skip

    lost_peer = round(sum(of("peer", lambda k: k.lost)))
    laps = list(kills[0].seconds)
    return Report(
        "durability",
        "Durability: a host dies for good under full write load",
        "Acknowledged writes that the surviving nodes do not have. `peer` promises none; `local` promises only the node itself.",
        figures=[
            Figure("peer: hosts killed", len(of("peer", lambda k: 1))),
            Figure("peer: writes that they had acknowledged", round(sum(of("peer", lambda k: k.acknowledged)))),
            Figure("peer: acknowledged writes lost", lost_peer, "", "0", not lost_peer),
            Figure("peer: kills after which one survivor lacked writes at first", round(sum(of("peer", lambda k: k.alone > 0)))),
            Figure("peer: acknowledged by the dead node just before, median", round(percentile(of("peer", lambda k: k.per_second), 0.5)), "writes/s"),
            Figure("local: hosts killed", len(of("local", lambda k: 1))),
            Figure("local: writes that they had acknowledged", round(sum(of("local", lambda k: k.acknowledged)))),
            Figure("local: acknowledged by the dead node just before, median", round(percentile(of("local", lambda k: k.per_second), 0.5)), "writes/s"),
            Figure("local: kills that lost any", round(sum(of("local", lambda k: k.lost > 0)))),
            Figure("local: writes lost in all", round(sum(of("local", lambda k: k.lost))), "back when the host is back"),
            *spread("writes lost by a kill", "", lambda k: k.lost),
            *spread("age of the oldest lost write at the kill", "ms", lambda k: k.window_ms),
            Figure("times an agent went peer→local", degraded),
            Figure("time of one kill and all that belongs to it, mean", round(seconds / len(kills), 1), "s"),
        ],
        plots=[
            Plot("Lost after each kill", "writes", [str(i + 1) for i in range(options.times)],
                 {mode: of(mode, lambda k: k.lost) for mode in COMMITS}, "line"),
            Plot("Age of the oldest lost write", "ms", [str(i + 1) for i in range(options.times)],
                 {"local": of("local", lambda k: k.window_ms)}, "line"),
            Plot("Where the time of a kill goes", "s", laps,
                 {mode: [percentile(of(mode, partial(_lap, lap)), 0.5) for lap in laps] for mode in COMMITS}),
        ],
        conditions=conditions(seed=options.seed, writers=f"{CONNECTIONS} connections on each of 3 nodes, one row each time, as fast as they are acknowledged",
                              nodes=3, postgres=postgres_version(), commits=COMMITS,
                              network="loopback: no round trip to speak of; all nodes on the cores of one machine",
                              disk="fsync on; processes are killed, the machine stays up"),
        details={"kills": [asdict(kill) for kill in kills], "by victim": Counter(k.victim for k in kills)},
    )  # fmt: skip


def _lap(name: str, kill: Kill) -> float:
    return kill.seconds[name]
