"""Fixtures of all tests.

- `laptop`: a whole laptop cluster of three hosts on port base 18000, in a folder of its own, as `make up`
  makes it; started at the first test that asks for it, shared by all, and every host alive at the start of each test.
"""

import tempfile
from pathlib import Path

import pytest

from cluster.local.laptop import Laptop

PORT_BASE = 18000
"""Away from `make up`'s 8000, so that tests run beside it."""


@pytest.fixture(scope="session")
def _laptop():
    with tempfile.TemporaryDirectory(prefix="firstbell-test-") as folder:
        Path(folder).chmod(0o755)
        laptop = Laptop(state_path=Path(folder) / "run", hosts=3, port_base=PORT_BASE)
        try:
            laptop.up()
            yield laptop
        finally:
            laptop.down()


@pytest.fixture
def laptop(_laptop: Laptop) -> Laptop:
    dead = {h.name for h in _laptop.topology.hosts} - {h.name for h in _laptop.alive()}
    for host in sorted(dead):
        _laptop.revive(host)
    return _laptop
