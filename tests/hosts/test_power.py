"""The host that a lesson depends on loses its power: no browser shows it, and the host catches up."""

import time

import pytest

from cluster.environment import Environment
from tests.browser import decks
from tests.browser.screens import Board, Teacher, expect, pair, ranked
from tests.hosts.local_hosts import hosts

pytestmark = pytest.mark.timeout(240)

CLUSTERCTL = "/opt/firstbell/current/venv/bin/clusterctl --config /etc/firstbell/cluster.toml"
LATER = "# Written meanwhile\n\n---\n\n## While a host was off\n"


def test_the_host_in_use_loses_its_power_and_the_lesson_goes_on(
    environment: Environment, teacher: Teacher, board: Board
) -> None:
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    pair(teacher, board)
    victim = ranked(teacher.session, [host.name for host in environment.hosts])[0]
    teacher.choose_host(victim)
    teacher.page.keyboard.press("Home")
    board.expect_at((0, 0))
    teacher.wait_until(lambda: len(teacher.sockets) > 1, "both lines of the teacher")
    board.wait_until(lambda: len(board.sockets) > 1, "both lines of the board")
    teacher.requests.clear()

    hosts("power-off", environment.name, victim)
    off = time.monotonic()
    for _ in range(4):
        board.expect_at(teacher.next())
    print(f"four slides shown {time.monotonic() - off:.2f} s after {victim} lost its power")
    asked = time.monotonic()
    teacher.to_lessons()
    print(f"lessons listed {time.monotonic() - asked:.2f} s after the click")
    teacher.assert_has_asked(next(h.public_url for h in environment.hosts if h.name == victim))
    asked = time.monotonic()
    teacher.import_file("later.md", LATER.encode())
    print(f"a deck was stored {time.monotonic() - asked:.2f} s after it was chosen")
    teacher.assert_untroubled()
    board.assert_untroubled()

    hosts("power-on", environment.name, victim)
    wait_until_well(environment, victim)
    teacher.choose_host(victim)
    expect(teacher.card("Written meanwhile").first).to_be_visible()
    teacher.assert_has_asked(next(h.public_url for h in environment.hosts if h.name == victim))
    teacher.open_lesson("The tides")
    board.expect_at(teacher.at())
    teacher.assert_untroubled()
    board.assert_untroubled()


def wait_until_well(environment: Environment, host: str) -> None:
    """`clusterctl status` on that host finds nothing to complain of."""
    start = time.monotonic()
    while True:
        said = hosts("ssh", environment.name, host, f"{CLUSTERCTL} status", check=False)
        if said.returncode == 0:
            print(f"{host} has caught up {time.monotonic() - start:.1f} s after it answers SSH")
            return
        assert time.monotonic() - start < 60, said.stdout + said.stderr
        time.sleep(0.5)
