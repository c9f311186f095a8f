"""Round "durability": a host dies for good under full write load. Which acknowledged writes do the others not have?

`peer` must lose none. `local` may lose what had not left the node yet: how much, and how old, is what this measures.
A host counts as gone for good until the others have been looked at; then it comes back, for the next round.
"""

import multiprocessing
import time
from collections import Counter
from typing import Any

import psycopg2

from bench.report import Figure, Plot, Report, conditions
from tests.drills import checks
from tests.drills.frame import Options, postgres_version, save_evidence
from tests.drills.mesh import DrillMesh
from tests.support.nodes import wait_until

SURVIVORS_SECONDS = 15.0
"""How long survivors may take to hand one another what only one of them had."""
COMMITS = {"peer": "remote_apply", "local": "local"}


def durability(options: Options) -> Report:
    lost: dict[str, list[int]] = {mode: [] for mode in COMMITS}
    windows: list[float] = []
    turns = 0
    acknowledged = Counter[str]()
    only_one: list[int] = []
    with DrillMesh(3) as mesh:
        mesh.ddl(
            1, "create table d_told (id bigint primary key, node int not null, v text not null)"
        )
        checks.wait_equal(mesh, 60)
        for mode in COMMITS:
            for number in range(options.times):
                _until_peers(mesh)
                turns += 1
                victim = mesh.numbers[number % 3]
                told, killed = _write_and_kill(
                    mesh, victim, mode, 0.5 if options.short else 2.0, turns
                )
                survivors = [n for n in mesh.numbers if n != victim]
                missing, alone = _missing(mesh, survivors, told, patient=mode == "peer")
                acknowledged[mode] += len(told)
                lost[mode].append(len(missing))
                only_one.append(alone)
                if mode == "local" and missing:
                    windows.append((killed - min(told[i] for i in missing)) * 1000)
                if mode == "peer" and missing:
                    save_evidence("durability", options.seed, {"victim": victim, "missing": sorted(missing)[:100],
                                                               "agents": mesh.agents_said()})  # fmt: skip
                mesh.start(victim)
                left = checks.wait_equal(mesh, 120)
                print(f"durability {mode} {number + 1}: killed node {victim}, acknowledged {len(told)}, lost {len(missing)},"
                      f" differing after its return {left}", flush=True)  # fmt: skip
                if left:
                    raise AssertionError(f"nodes differ after node {victim} came back: {left}")
        degraded = sum(
            "peer→local" in line for said in mesh.agents_said(10_000).values() for line in said
        )
    return Report(
        "durability",
        "Durability: a host dies for good under full write load",
        "Acknowledged writes that the surviving nodes do not have. `peer` promises none; `local` promises only the node itself.",
        figures=[
            Figure("peer: hosts killed", options.times),
            Figure("peer: acknowledged writes", acknowledged["peer"]),
            Figure("peer: acknowledged writes lost", sum(lost["peer"]), "", "0", not sum(lost["peer"])),
            Figure("peer: kills after which one survivor lacked writes at first", sum(1 for n in only_one[: options.times] if n)),
            Figure("local: hosts killed", options.times),
            Figure("local: acknowledged writes", acknowledged["local"]),
            Figure("local: acknowledged writes that the others lack", sum(lost["local"]), "back when the host is back"),
            Figure("local: most lacking after one kill", max(lost["local"], default=0)),
            Figure("local: age of the oldest of them at the kill", round(max(windows, default=0.0), 1), "ms"),
            Figure("times an agent went peer→local", degraded),
        ],
        plots=[Plot("Lost after each kill", "writes", [str(i + 1) for i in range(options.times)],
                    {mode: [float(n) for n in counts] for mode, counts in lost.items()}, "line")],
        conditions=conditions(seed=options.seed, writers=3, nodes=3, postgres=postgres_version(), commits=COMMITS,
                              disk="fsync on; processes are killed, the machine stays up"),
        details={"lost": lost, "windows_ms": windows},
    )  # fmt: skip


def _until_peers(mesh: DrillMesh) -> None:
    """All agents have set the promise to `peer` again."""
    wait_until(
        lambda: all(
            mesh.admin(
                n,
                "select current_setting('synchronous_standby_names') <> ''"
                " and exists (select from mesh.gate where started = pg_postmaster_start_time())",
            )[0][0]
            and mesh.admin(n, "select count(*) = 2 from pg_stat_replication where state = 'streaming'")[0][0]
            for n in mesh.numbers
        ),
        60, "all nodes promise `peer`",
    )  # fmt: skip


def _write_and_kill(
    mesh: DrillMesh, victim: int, mode: str, seconds: float, number: int
) -> tuple[dict[int, float], float]:
    """Write on all nodes, kill one; (what the dead one had acknowledged and when, the moment of the kill)."""
    context = multiprocessing.get_context("spawn")
    answers: Any = context.Queue()
    stop = context.Event()
    first = number * 10**9
    writers = [
        context.Process(target=_write, args=(mesh.dsn(n), n, first + n * 10**8, COMMITS[mode], stop, answers), daemon=True)
        for n in mesh.numbers
    ]  # fmt: skip
    for writer in writers:
        writer.start()
    written = "select count(*) from d_told where node = %s and id >= %s"
    wait_until(lambda: mesh.admin(victim, written, victim, first)[0][0] > 20, 60, "writes")
    time.sleep(seconds)
    mesh.kill(victim)
    killed = time.time()
    time.sleep(0.3)
    stop.set()
    told = dict(answers.get(timeout=60) for _ in writers)
    for writer in writers:
        writer.join()
    assert told[victim], "a node that acknowledged nothing proves nothing"
    return told[victim], killed


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


def _missing(
    mesh: DrillMesh, survivors: list[int], told: dict[int, float], patient: bool
) -> tuple[set[int], int]:
    """(what no survivor, or after a while not every one, has; how many one of them lacked at first)."""

    def lacking(node: int) -> set[int]:
        found = mesh.admin(node, "select id from d_told where id = any (%s)", list(told))
        return set(told) - {i for (i,) in found}

    first = [lacking(n) for n in survivors]
    alone = len(first[0] ^ first[1])
    end = time.monotonic() + SURVIVORS_SECONDS
    while patient and time.monotonic() < end and any(lacking(n) for n in survivors):
        time.sleep(0.2)
    return set.union(*(lacking(n) for n in survivors)), alone
