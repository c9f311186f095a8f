"""How long things take: until a peer can read a commit, waiting for a position, bulk loads; and what a change weighs."""

import io
import subprocess
import threading
import time
from typing import Any

from bench.report import Figure, Plot, Report
from bench.stand import Contestant, Options, Stand, median, percentile
from bench.writes import SCRIPTS
from tests.support.postgres import bin_folder

RATE = 100
"""Transactions per second on every node while lag is measured: far above a school's day, far below the machine's end."""

UNTIL_SEEN = """
create or replace function until_seen(wanted bigint) returns void language plpgsql as $$
begin
    for attempt in 1..20000 loop
        exit when exists (select from seen where id = wanted);
        perform pg_sleep(0.0005);
    end loop;
end $$
"""


def lag(stand: Stand, options: Options) -> Report:
    """From the moment a commit on node 1 returns until a session on node 2 reads it, looking each half millisecond."""
    count = 60 if options.short else 600
    found: dict[str, list[float]] = {}
    number = int(time.time() * 1000)
    for contestant in (stand.pglogical, stand.mesh):
        if contestant is stand.mesh:
            contestant.admin(
                2, "set mesh.ddl = 'local'"
            )  # a helper of this benchmark, on this node alone
        contestant.admin(2, UNTIL_SEEN)
        seconds = count / 50 + 3
        with _background(contestant, seconds):
            time.sleep(1)
            reader, writer = contestant.group.connect(2), contestant.group.connect(1)
            for db in (reader, writer):
                db.autocommit = True
            with reader.cursor() as r, writer.cursor() as w:
                w.execute("set synchronous_commit = local")
                for i in range(count):
                    number += 1
                    asked = threading.Thread(
                        target=r.execute, args=("select until_seen(%s)", (number,))
                    )
                    asked.start()
                    w.execute("insert into seen values (%s, 'x')", (number,))
                    committed = time.perf_counter()
                    asked.join()
                    found.setdefault(contestant.name, []).append(
                        (time.perf_counter() - committed) * 1000
                    )
                    time.sleep(max(0, 0.02 - (time.perf_counter() - committed)) * (i < count))
            reader.close()
            writer.close()
        contestant.drain()
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    values = {n: [round(percentile(v, s), 2) for s in shares.values()] for n, v in found.items()}
    return Report(
        "lag",
        "Lag at moderate load",
        f"Until a commit on one node can be read on another, while each node takes {RATE} transactions a second.",
        figures=[
            Figure(f"{n}: {p}", values[n][i], "ms") for n in values for i, p in enumerate(shares)
        ],
        plots=[Plot("Lag", "ms", list(shares), {n: list(v) for n, v in values.items()})],
        conditions=stand.conditions(options, samples=count, rate_per_node=RATE, commit="local"),
        details={"samples_ms": {n: [round(x, 2) for x in v] for n, v in found.items()}},
    )


class _background:
    """pgbench on every node at a fixed rate, for so long."""

    def __init__(self, contestant: Contestant, seconds: float):
        self.contestant, self.seconds = contestant, seconds

    def __enter__(self) -> None:
        self.processes = [
            subprocess.Popen(
                [bin_folder() / "pgbench", "-n", "-M", "prepared", "-f", "/dev/stdin", "-c", "1", "-R", str(RATE),
                 "-T", str(round(self.seconds)), self.contestant.group.dsn(node)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                env={"PGOPTIONS": "-c synchronous_commit=local", "PATH": "/usr/bin:/bin"},
            )
            for node in self.contestant.group.numbers
        ]  # fmt: skip
        for process in self.processes:
            assert process.stdin
            process.stdin.write(SCRIPTS["insert"])
            process.stdin.close()

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.wait(120)


def positions(stand: Stand, options: Options) -> Report:
    """What read-your-writes costs: naming a position, a wait that is over at once, a wait on the other host."""
    count = 100 if options.short else 1000
    here, there = stand.mesh.group.connect(1), stand.mesh.group.connect(2)
    times: dict[str, list[float]] = {
        what: []
        for what in ("a round trip (select 1)", "naming the position", "a wait that is over at once",
                     "a wait on a peer, right after the commit")
    }  # fmt: skip
    for db in (here, there):
        db.autocommit = True
    with here.cursor() as h, there.cursor() as t:
        h.execute("set synchronous_commit = local")
        for i in range(count):
            h.execute("insert into line (k, v) values (%s, 'p')", (i,))
            names = list(times)
            position = _timed(times[names[1]], h, "select mesh.position()")[0][0]
            answer = _timed(times[names[3]], t, "select mesh.wait_for(%s, 2000)", position)
            assert answer[0][0], "node 2 did not catch up within 2 s"
            _timed(times[names[2]], t, "select mesh.wait_for(%s, 2000)", position)
            _timed(times[names[0]], t, "select 1")
            time.sleep(0.002)
    here.close()
    there.close()
    spread = {
        n: [round(percentile(v, 0.5), 3), round(percentile(v, 0.99), 3)] for n, v in times.items()
    }
    return Report(
        "positions",
        "The cost of a position",
        "Per request: naming what an answer rests on, and waiting until a node has what a client was told.",
        figures=[Figure(f"{n}, {p}", v[i], "ms") for n, v in spread.items() for i, p in enumerate(("p50", "p99"))],
        plots=[Plot("Positions", "ms", list(spread), {p: [v[i] for v in spread.values()] for i, p in enumerate(("p50", "p99"))})],
        conditions=stand.conditions(options, samples=count),
    )  # fmt: skip


def _timed(into: list[float], cursor: Any, statement: str, *values: object) -> list[tuple]:
    began = time.perf_counter()
    cursor.execute(statement, values or None)
    answer = cursor.fetchall()
    into.append((time.perf_counter() - began) * 1000)
    return answer


def bulk(stand: Stand, options: Options) -> Report:
    """COPY of many rows in one transaction, and until all peers have them; what a change weighs on disk and in WAL."""
    rows = 2000 if options.short else 20_000
    text = "".join(f"{i}\t{'z' * 60}\n" for i in range(rows))
    copying: dict[str, list[float]] = {}
    level: dict[str, list[float]] = {}
    wal: dict[str, float] = {}
    before = _log_size(stand)
    for _ in range(max(1, options.rounds // 2)):
        for contestant in stand.all():
            stand.quiet()
            db = contestant.group.connect(1)
            db.autocommit = True
            with db.cursor() as cursor:
                cursor.execute("set synchronous_commit = local")
                start = contestant.admin(1, "select pg_current_wal_insert_lsn()")[0][0]
                began = time.monotonic()
                cursor.copy_expert("copy line (k, v) from stdin", io.StringIO(text))
                copying.setdefault(contestant.name, []).append(time.monotonic() - began)
                level.setdefault(contestant.name, []).append(
                    time.monotonic() - began + contestant.drain(300)
                )
                wal[contestant.name] = (
                    float(
                        contestant.admin(
                            1, "select pg_current_wal_insert_lsn() - %s::pg_lsn", start
                        )[0][0]
                    )
                    / rows
                )
            db.close()
    stand.quiet()
    after = _log_size(stand)
    weight = (after[0] - before[0]) / (after[1] - before[1])
    names = [c.name for c in stand.all()]
    return Report(
        "bulk",
        "Bulk load, and what a change weighs",
        f"COPY of {rows:,} rows into one table in one transaction on node 1.",
        figures=[
            *[Figure(f"{n}: COPY", round(rows / median(copying[n])), "rows/s") for n in names],
            *[Figure(f"{n}: until all peers have it", round(median(level[n]), 2), "s") for n in names],
            Figure("mesh ÷ plain Postgres: rows per second of COPY", round(median(copying[names[0]]) / median(copying[names[2]]), 3)),
            Figure("mesh ÷ plain pglogical: rows per second until peers have them", round(median(level[names[1]]) / median(level[names[2]]), 3)),
            *[Figure(f"{n}: WAL per inserted row", round(wal[n]), "bytes") for n in names],
            Figure("mesh: disk per change in the change log, indexes included", round(weight), "bytes"),
        ],
        plots=[
            Plot("Seconds for the load", "s", names, {"COPY": [round(median(copying[n]), 2) for n in names],
                                                      "until peers have it": [round(median(level[n]), 2) for n in names]}),
            Plot("Bytes per inserted row", "bytes", names, {"WAL": [round(wal[n]) for n in names]}),
        ],
        conditions=stand.conditions(options, rows=rows),
    )  # fmt: skip


def _log_size(stand: Stand) -> tuple[float, float]:
    """(bytes, changes) of node 1's change log, all its partitions together."""
    return stand.mesh.admin(
        1,
        "select (select sum(pg_total_relation_size(t.relid)) from pg_partition_tree('mesh.change') t)::float,"
        " (select count(*) from mesh.change)::float",
    )[0]
