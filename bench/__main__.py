"""`python -m bench [NAME...]`: measure, write reports/bench/. `make bench` calls it.

Exit code 1 when a goal is missed, 2 when there is no such benchmark.
"""

import signal
import sys
from collections.abc import Callable

from bench import page
from bench.api import api
from bench.report import ROOT, Report
from bench.stand import Options, Stand, standing
from bench.times import bulk, lag, positions
from bench.writes import apply_rate, writes

FOLDER = ROOT / "reports" / "bench"
BENCHMARKS: dict[str, Callable[[Stand, Options], Report]] = {
    "writes": writes,
    "apply": apply_rate,
    "lag": lag,
    "bulk": bulk,
    "positions": positions,
    "api": api,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(
            f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}",
            file=sys.stderr,
        )
        return 2
    options = Options.from_environment()
    well = True
    print("==> starting plain Postgres, plain pglogical and a mesh", flush=True)
    with standing() as stand:
        for name in names or BENCHMARKS:
            print(f"==> {name}", flush=True)
            report = BENCHMARKS[name](stand, options)
            report.write(FOLDER)
            well &= report.well
            for figure in report.figures:
                mark = {None: " ", True: "✓", False: "✗"}[figure.well]
                print(f"  {mark} {figure.name}: {figure.value} {figure.unit}", flush=True)
            page.write(
                FOLDER,
                "Benchmarks of the data layer",
                "Everything is measured beside its yardstick in one run. Ratios are to be trusted; absolute figures are of the machine named below each.",
            )
    print(f"==> {FOLDER / 'index.html'}")
    return 0 if well else 1


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # ends what it started, as after Ctrl-C
    raise SystemExit(main(sys.argv[1:]))
