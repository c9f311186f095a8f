"""Fixtures of the browser tests.

- `laptop` (from tests/conftest.py): three hosts and the edge, all alive at the start of each test.
- `screens`: makes teachers and boards, each a Chromium with a profile of its own, and closes them.
- `account` (from `accounts`): a teacher nobody else has, so that tests share no lessons, sessions or boards.
- `teacher`, `board`: the two screens of that account: signed in, and waiting with a code.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from cluster.local.laptop import Laptop
from tests.browser.screens import Board, Screen, Screens, Teacher, expect

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a chalk-dust password"
ACCOUNTS = 48
"""Made at once, since each start of `manage.py` takes seconds."""

ADD_TEACHERS = """
from webapp.accounts.models import School, User
school = School.objects.get(name="Firstbell Demo School")
for last in {names}:
    User.objects.create_user(
        last.lower(), f"{{last.lower()}}@school.example", "{password}", school=school, first_name="Tess", last_name=last
    )
"""


@dataclass(frozen=True)
class Account:
    username: str
    password: str
    name: str


@pytest.fixture
def screens(playwright_driver: Playwright, laptop: Laptop, tmp_path: Path) -> Iterator[Screens]:
    made = Screens(playwright_driver, laptop.topology.page_url, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def accounts(_laptop: Laptop) -> Iterator[Account]:
    """Teachers of the demo school, each for one test. A host that is dead is alive again first."""
    if len(_laptop.alive()) < len(_laptop.topology.hosts):
        _laptop.up()
    run = uuid.uuid4().hex[:6]
    names = [f"Toner-{run}-{number}" for number in range(ACCOUNTS)]
    code = ADD_TEACHERS.format(names=names, password=PASSWORD)
    _laptop.manage(1, "shell", "-c", code)
    return iter([Account(name.lower(), PASSWORD, f"Tess {name}") for name in names])


@pytest.fixture
def account(laptop: Laptop, accounts: Iterator[Account]) -> Account:
    return next(accounts)


@pytest.fixture
def teacher(screens: Screens, account: Account) -> Teacher:
    screen = screens.teacher()
    screen.sign_in(account.username, account.password)
    expect(screen.by("user-name")).to_be_visible()
    return screen


@pytest.fixture
def board(screens: Screens) -> Board:
    return screens.board()


@pytest.fixture
def screenshot() -> Callable[[Screen, str], Path]:
    """Saves what a screen shows under reports/screenshots/."""
    folder = ROOT / "reports/screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def save(screen: Screen, name: str) -> Path:
        path = folder / f"{name}.jpg"  # of a wall it is made in a third of a PNG's time
        screen.page.screenshot(path=path, type="jpeg", quality=85)
        return path

    return save
