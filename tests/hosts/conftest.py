"""Fixtures of the tests that need an environment: hosts that somebody else started, found by its file.

- `environment`: what the file named by FIRSTBELL_ENVIRONMENT says.
- `screens`: makes teachers and boards, each a Chromium that trusts the environment's CA and verifies.
- `teacher`, `board`: two screens of it: signed in, and waiting with a code.

`make e2e ENV=FILE` runs these tests in an environment that is there; tests/hosts/test_site.py, which is part of
`make test` for root, runs them in the ones it makes. Without FIRSTBELL_ENVIRONMENT they
are not collected, and pytest's first lines say so (tests/conftest.py); named on its command line they fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from cluster.environment import Environment, load
from tests.browser.screens import Board, Screens, Teacher, expect
from tests.hosts.trust import home_that_trusts

FILE = os.environ.get("FIRSTBELL_ENVIRONMENT", "")
collect_ignore = [] if FILE else ["test_lesson.py", "test_power.py"]
if not os.environ.get("FIRSTBELL_CLICK"):
    collect_ignore.append("test_click.py")


@pytest.fixture(scope="session")
def environment() -> Environment:
    if not FILE:
        pytest.fail("FIRSTBELL_ENVIRONMENT names no environment file: use make e2e ENV=FILE")
    return load(Path(FILE))


@pytest.fixture
def screens(
    playwright_driver: Playwright, environment: Environment, tmp_path: Path
) -> Iterator[Screens]:
    home = home_that_trusts(environment.ca_file, tmp_path)
    made = Screens(playwright_driver, environment.page_url, tmp_path, home)
    yield made
    made.close()


@pytest.fixture
def teacher(screens: Screens, environment: Environment) -> Teacher:
    user = environment.users[0]
    screen = screens.teacher()
    screen.sign_in(user.username, user.password)
    expect(screen.by("user-name")).to_be_visible()
    return screen


@pytest.fixture
def board(screens: Screens) -> Board:
    return screens.board()
