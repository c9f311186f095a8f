"""`python -m bench [NAME...]`: measure, write reports/bench/. `make bench` calls it.

Exit code 1 when a goal is missed, 2 when there is no such benchmark. `--stands NAME...` says what these need: `mesh`
(plain Postgres, plain pglogical and a mesh, started once for all), `rivals` (other relays); for bin/bench.
"""

import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from bench import page
from bench.api import api
from bench.idle import idle
from bench.relay import latency, relay
from bench.report import ROOT, Report
from bench.revival import revival
from bench.stand import Options, Stand, standing
from bench.times import bulk, lag, positions
from bench.verify import verify
from bench.writes import apply_rate, writes

FOLDER = ROOT / "reports" / "bench"
OF_THE_MESH: dict[str, Callable[[Stand, Options], Report]] = {
    "writes": writes,
    "apply": apply_rate,
    "lag": lag,
    "bulk": bulk,
    "positions": positions,
    "api": api,
}
OF_REALTIME: dict[str, Callable[[Options], Report]] = {
    "relay": relay,
    "latency": latency,
    "idle": idle,
    "revival": revival,
}
OF_OPERATIONS: dict[str, Callable[[Options], Report]] = {"verify": verify}
WITH_THEIR_OWN = OF_OPERATIONS | OF_REALTIME
"""Each starts what it needs, after the mesh of the others has ended: a mesh at rest still takes some of the cores."""
NAMES = [*OF_THE_MESH, *WITH_THEIR_OWN]


def main(names: list[str]) -> int:
    asked_for_stands = names[:1] == ["--stands"]
    names = names[asked_for_stands:] or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(
            f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}",
            file=sys.stderr,
        )
        return 2
    if asked_for_stands:
        print(*stands(names))
        return 0
    options = Options.from_environment()
    needs_mesh = "mesh" in stands(names)
    if needs_mesh:
        print("==> starting plain Postgres, plain pglogical and a mesh", flush=True)
    well = True
    with standing() if needs_mesh else nullcontext() as stand:
        for name in (name for name in names if name in OF_THE_MESH):
            assert stand is not None
            well &= _tell(name, OF_THE_MESH[name](stand, options))
    for name in (name for name in names if name in WITH_THEIR_OWN):
        well &= _tell(name, WITH_THEIR_OWN[name](options))
    print(f"==> {FOLDER / 'index.html'}")
    return 0 if well else 1


def stands(names: Iterable[str]) -> list[str]:
    """What has to be installed beside the product for these benchmarks."""
    needed = {"mesh": OF_THE_MESH.keys(), "rivals": OF_REALTIME.keys() - {"revival"}}
    return [stand for stand, those in needed.items() if those & set(names)]


def _tell(name: str, report: Report) -> bool:
    """Write it down, show it; whether nothing that is asked for is missed."""
    print(f"==> {name}", flush=True)
    report.write(FOLDER)
    for figure in report.figures:
        mark = {None: " ", True: "✓", False: "✗"}[figure.well]
        print(f"  {mark} {figure.name}: {figure.value} {figure.unit}", flush=True)
    page.write(
        FOLDER,
        "Benchmarks",
        "Everything is measured beside its yardstick in one run. Ratios are to be trusted; absolute figures are of the machine named below each.",
    )
    return report.well


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # ends what it started, as after Ctrl-C
    raise SystemExit(main(sys.argv[1:]))
