"""What a benchmark or a drill found: figures with their conditions, as JSON beside the page that shows them."""

import json
import os
import platform
import re
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Figure:
    """One number. `goal`: what it should be, in words; `well`: whether it is; None where nothing is asked."""

    name: str
    value: float | int | str | None
    unit: str = ""
    goal: str = ""
    well: bool | None = None


@dataclass
class Plot:
    """Values of one unit over labels; `kind` bar or line. None: nothing was measured there."""

    title: str
    unit: str
    labels: list[str]
    series: dict[str, list[float | None]]
    kind: str = "bar"


@dataclass
class Report:
    """`name` is the file's name, `what` one sentence for people who were not there."""

    name: str
    title: str
    what: str
    figures: list[Figure] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    conditions: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Nothing that is asked for is missed."""
        return all(figure.well is not False for figure in self.figures)

    def write(self, folder: Path) -> Path:
        """As `<name>.json`; returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        told = {
            "well": self.well,
            **vars(self),
            "figures": [asdict(f) for f in self.figures],
            "plots": [asdict(p) for p in self.plots],
        }
        path.write_text(json.dumps(told, indent=2, default=str) + "\n")
        return path


def read(path: Path) -> Report:
    """A report as `write` left it."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told.pop("well")
    figures = [Figure(**f) for f in told.pop("figures")]
    plots = [Plot(**p) for p in told.pop("plots")]
    return Report(figures=figures, plots=plots, **told)


def conditions(**more: Any) -> dict[str, Any]:
    """What a figure depends on: machine, versions, load by others, and whatever the caller adds."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory": f"{memory:.1f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _commit(),
        "load of the machine before": round(os.getloadavg()[0], 2),
        **more,
    }


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return answer.stdout.strip()
