"""`python -m tests.drills [ROUND...]`: run rounds of the drill, write reports/drill/. `make drill` calls it.

Exit code 1 when a round found something wrong, 2 when there is no such round.
"""

import signal
import sys
from collections.abc import Callable

from bench import page
from bench.report import Report
from tests.drills import conflicts, control, disk, durability, mail, migrate, positions, skew
from tests.drills.frame import FOLDER, Options
from tests.drills.relay import frames, kill, partition, rolling


def _failover(options: Options) -> Report:
    """Its browsers and its laptop cluster are loaded only if it is asked for."""
    from tests.drills import failover

    return failover.run(options)


def _all_servers_dead(options: Options) -> Report:
    from tests.drills import all_servers_dead

    return all_servers_dead.all_servers_dead(options)


ROUNDS: dict[str, Callable[[Options], Report]] = {
    "conflicts": conflicts.conflicts,
    "control": control.run,
    "kill": conflicts.kill,
    "partition": conflicts.partition,
    "join-under-load": conflicts.join,
    "durability": durability.durability,
    "disk-full": disk.disk_full,
    "migrate-under-load": migrate.migrate,
    "positions": positions.positions,
    "skew": skew.skew,
    "failover": _failover,
    "mail": mail.mail,
    "realtime-rolling": rolling.rolling,
    "realtime-kill": kill.kill,
    "nats-partition": partition.partition,
    "frames": frames.frames,
    "all-servers-dead": _all_servers_dead,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ROUNDS]
    if unknown:
        print(
            f"no such round: {', '.join(unknown)}; there are {', '.join(ROUNDS)}", file=sys.stderr
        )
        return 2
    options = Options.from_environment()
    well = True
    for name in names or ROUNDS:
        print(f"==> {name}  (SEED={options.seed})", flush=True)
        report = ROUNDS[name](options)
        report.write(FOLDER)
        write_page()
        well &= report.well
        for figure in report.figures:
            mark = {None: " ", True: "✓", False: "✗"}[figure.well]
            print(f"  {mark} {figure.name}: {figure.value} {figure.unit}", flush=True)
    print(f"==> {FOLDER / 'index.html'}")
    return 0 if well else 1


def write_page() -> None:
    page.write(
        FOLDER,
        "Fault drills",
        "Each round breaks something on purpose while people write, and then counts what is wrong. Figures are of the machine named below each.",
    )


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # ends what it started, as after Ctrl-C
    raise SystemExit(main(sys.argv[1:]))
