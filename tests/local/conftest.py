"""Fixtures: `host_parts` (what the shared cluster runs), `laptop` (a running one, without API and realtime)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local import Laptop

PORT_BASE = 19000
"""Beside the system tests' cluster (18000) and a `make up` (8000)."""

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
    laptop = Laptop(folder / "run", 3, PORT_BASE, PARTS, make_dist(folder / "dist"))
    try:
        laptop.up()
        yield laptop
    finally:
        laptop.down()
        shutil.rmtree(folder)
