"""Fixture of this folder: `laptop`, a running cluster without API and realtime (elsewhere it has all)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local import Laptop, ports

FIRST_PORT_BASE = 19000
"""Beside the system tests' cluster (18000) and a `make up` (8000); further up if another test run is there."""

PARTS = ("postgres", "nats", "agent", "nginx")


def make_dist(folder: Path) -> Path:
    """A front end as small as can be, with the entry points of the real one."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>teacher</title>")
    (folder / "board.html").write_text("<title>board</title>")
    (folder / "assets/app-1.js").write_text("export {};\n")
    return folder


@pytest.fixture(scope="module")
def laptop() -> Iterator[Laptop]:
    """Three hosts without API and realtime. Tests leave every host running."""
    folder = Path(tempfile.mkdtemp(prefix="firstbell-laptop-"))
    folder.chmod(0o755)
    base = ports.free_base(FIRST_PORT_BASE)
    laptop = Laptop(folder / "run", 3, base, PARTS, make_dist(folder / "dist"))
    try:
        laptop.up()
        yield laptop
    finally:
        laptop.down()
        shutil.rmtree(folder)
