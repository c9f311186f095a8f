"""Writes per second on one node, and what a peer makes of them: our mesh, plain pglogical, plain Postgres, in turn."""

import time

from bench.report import Figure, Plot, Report
from bench.stand import ACCOUNTS, Contestant, Options, Stand, median

SCRIPTS = {
    "insert": "insert into line (k, v) values (1, repeat('y', 60));\n",
    "update": f"\\set id random(1, {ACCOUNTS})\nupdate account set k = k + 1 where id = :id;\n",
    "page": (  # what one request of an application writes
        f"\\set id random(1, {ACCOUNTS})\nbegin;\nselect k from account where id = :id;\n"
        "update account set k = k + 1 where id = :id;\ninsert into line (k, v) values (:id, 'saved');\ncommit;\n"
    ),
}
MODES = {"async": "local", "peer": "remote_apply"}


def writes(stand: Stand, options: Options) -> Report:
    """Interleaved: each round lets every contestant write the same script, so that the machine's moods hit all."""
    tps: dict[tuple[str, str, str], list[float]] = {}
    for _ in range(options.rounds):
        for script, text in SCRIPTS.items():
            for mode, commit in MODES.items():
                for contestant in stand.all():
                    if mode == "peer" and contestant is stand.plain:
                        continue  # it has no peer; its figure is the one of async
                    stand.quiet()
                    found = contestant.pgbench(text, options.seconds, options.clients, commit)
                    tps.setdefault((script, mode, contestant.name), []).append(found)
    stand.quiet()

    def of(script: str, mode: str, who: Contestant) -> list[float]:
        return tps[script, "async" if who is stand.plain else mode, who.name]

    def ratio(script: str, mode: str, other: Contestant) -> float:
        pairs = zip(of(script, mode, stand.mesh), of(script, mode, other), strict=True)
        return median([a / b for a, b in pairs])

    combinations = [(s, m) for s in SCRIPTS for m in MODES]
    labels = [f"{s}, {m}" for s, m in combinations]
    return Report(
        "writes",
        "Writes per second on one node",
        "pgbench on node 1; ratios are medians of the rounds' ratios. More than 1: the mesh is faster.",
        figures=[
            *[Figure(f"mesh ÷ plain Postgres: {s}, {m}", round(ratio(s, m, stand.plain), 3)) for s, m in combinations],
            *[Figure(f"mesh ÷ plain pglogical: {s}, {m}", round(ratio(s, m, stand.pglogical), 3)) for s, m in combinations],
        ],
        plots=[
            Plot("Writes per second", "transactions/s", labels,
                 {c.name: [round(median(of(s, m, c)), 1) for s, m in combinations] for c in stand.all()}),
        ],
        conditions=stand.conditions(options, scripts=SCRIPTS, modes=MODES),
        details={"tps of each round": {" ".join(k): [round(x, 1) for x in v] for k, v in tps.items()}},
    )  # fmt: skip


def apply_rate(stand: Stand, options: Options) -> Report:
    """How fast one subscription takes in what waits for it: many small transactions, and one big one."""
    small = 500 if options.short else 5_000
    big = 1000 if options.short else 20_000
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(options.rounds):
        for contestant in (stand.pglogical, stand.mesh):
            for what, statement, count in (
                ("single-change transactions", "do $$ begin for i in 1..{n} loop insert into line (k, v)"
                 " values (i, repeat('y', 60)); commit; end loop; end $$", small),
                ("changes of one transaction", "insert into line (k, v) select i, repeat('y', 60) from generate_series(1, {n}) i", big),
            ):  # fmt: skip
                stand.quiet()
                _pause(contestant, True)
                contestant.admin(1, "set synchronous_commit = local")
                contestant.admin(1, statement.format(n=count))
                _pause(contestant, False)
                began = time.monotonic()
                wanted = contestant.admin(1, "select count(*) from line")[0][0]
                while contestant.admin(2, "select count(*) from line")[0][0] < wanted:
                    if time.monotonic() - began > 300:
                        raise RuntimeError(f"{contestant.name}: node 2 does not catch up")
                    time.sleep(0.05)
                rate = count / (time.monotonic() - began)
                found.setdefault(what, {}).setdefault(contestant.name, []).append(rate)
    kinds = list(found)
    names = [stand.pglogical.name, stand.mesh.name]
    rates = {n: [round(median(found[k][n]), 1) for k in kinds] for n in names}
    return Report(
        "apply",
        "Apply rate of one subscription",
        "Node 1's changes pile up while node 2 is cut off, then node 2 takes them in, reconnecting included.",
        figures=[
            *[Figure(f"{n}: {k}", rates[n][i], "per second") for n in names for i, k in enumerate(kinds)],
            *[Figure(f"mesh ÷ plain pglogical: {k}", round(median([a / b for a, b in zip(found[k][names[1]], found[k][names[0]], strict=True)]), 3))
              for k in kinds],
        ],
        plots=[Plot("Apply rate", "per second", kinds, {n: list(rates[n]) for n in names})],
        conditions=stand.conditions(options, small_transactions=small, rows_of_the_big_one=big),
    )  # fmt: skip


def _pause(contestant: Contestant, off: bool) -> None:
    """Node 2 stops following node 1, or does again."""
    if contestant.name == "mesh":
        contestant.admin(2, f"alter subscription n2_from_n1 {'disable' if off else 'enable'}")
    else:
        contestant.admin(2, f"select pglogical.alter_subscription_{'disable' if off else 'enable'}('n2_from_n1', true)")  # fmt: skip
