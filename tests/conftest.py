"""Fixtures of all tests.

- `laptop`: a whole laptop cluster of three hosts, in a folder and on ports of its own, as `make up` makes it;
  started at the first test that asks for it, shared by all, and every host alive at the start of each test.
- `playwright_driver`: drives Chromium; one for the whole run, since there can be only one in a process.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.local import ports
from cluster.local.laptop import Laptop

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

ROOT = Path(__file__).parents[1]
FIRST_PORT_BASE = 18000
"""Away from `make up`'s 8000, so that tests run beside it."""


WHOLE_FIXTURES = {"_laptop", "laptop", "mesh", "office", "new_office", "sql_node"}
WHOLE_PATHS = (
    "bench/",
    "browser/",
    "drills/",
    "hosts/",
    "multimaster/",
    "system/",
    "local/test_laptop_life.py",
)
"""What stands up a whole cluster, a mesh of databases, a provisioner, a browser or real hosts: minutes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--unit",
        action="store_true",
        help="only tests of one part at a time: none with a whole cluster or provisioner, a browser or hosts",
    )


def _is_whole(item: pytest.Item) -> bool:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    fixtures = set(getattr(item, "fixturenames", ()))
    return path.startswith(WHOLE_PATHS) or bool(WHOLE_FIXTURES & fixtures)


def pytest_sessionstart() -> None:
    """Compile the catalogues, as `make up` and `make build` do. Which one can't be, tests/webapp/test_languages.py says."""
    subprocess.run([ROOT / "bin/languages"], check=False)


def pytest_report_header(config: pytest.Config) -> str:
    """Says what is left out, so that nobody takes silence for success."""
    if config.getoption("--unit"):
        return "--unit: tests with a whole cluster or provisioner, a browser or real hosts are deselected"
    if environment := os.environ.get("FIRSTBELL_ENVIRONMENT"):
        return f"environment of the end-to-end tests: {environment}"
    return "tests of an environment are run by tests/hosts/test_site.py (root), or by make e2e"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's event loop stays open, and no other can run beside it."""
    if config.getoption("--unit"):
        whole = [item for item in items if _is_whole(item)]
        config.hook.pytest_deselected(items=whole)
        items[:] = [item for item in items if item not in set(whole)]
    items.sort(key=lambda item: "/browser/" in str(item.path))


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator["Playwright"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def _laptop():
    with tempfile.TemporaryDirectory(prefix="firstbell-test-") as folder:
        Path(folder).chmod(0o755)
        base = ports.free_base(FIRST_PORT_BASE)
        laptop = Laptop(state_path=Path(folder) / "run", hosts=3, port_base=base)
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
