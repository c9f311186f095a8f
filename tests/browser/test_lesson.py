"""A whole lesson on two screens, while hosts die and come back: the promise of Firstbell."""

import pytest

from cluster.local.laptop import Laptop
from tests.browser import decks
from tests.browser.chaos import Chaos
from tests.browser.screens import Board, Teacher, expect, pair, ranked
from tests.webapp.support import deck_folder

pytestmark = pytest.mark.timeout(280)

PACE_MS = 120
"""Between two presses of "next": a teacher in a hurry."""


@pytest.fixture
def lessons() -> tuple[bytes, int, str]:
    """A zip, how many lessons are in it, and the title of one: a real deck as its authors keep it, or one of ours
    where there is none."""
    folder = deck_folder() / "shell-novice"
    if not folder.is_dir():
        return decks.tides(), 1, "The tides"
    return decks.folder_zip(folder), len(list(folder.rglob("*.md"))), "Pipes and Filters"


def test_a_lesson_goes_on_while_hosts_die_and_come_back(
    laptop: Laptop, teacher: Teacher, board: Board, lessons: tuple[bytes, int, str]
) -> None:
    deck, count, title = lessons
    teacher.import_file("lessons.zip", deck)
    expect(teacher.by("lesson-card")).to_have_count(count)
    teacher.open_lesson(title)
    pair(teacher, board)
    whole_lesson(laptop, teacher, board, title)


def test_a_reload_amid_a_request_blames_no_host(teacher: Teacher) -> None:
    """The browser ends what is under way; the host it was asked of is as well as before."""
    teacher.import_file("tides.zip", decks.tides())
    for delay_ms in (0, 5, 10, 20, 30):
        expect(teacher.card("The tides")).to_be_visible()
        teacher.wait_until_quiet()
        teacher.page.evaluate("document.querySelector('[data-testid=lesson-open]').click()")
        teacher.page.wait_for_timeout(delay_ms)
        teacher.reload()
        expect(teacher.by("presenter")).to_be_visible()
        assert not teacher.kept("hosts.aside")
        teacher.to_lessons()


def whole_lesson(laptop: Laptop, teacher: Teacher, board: Board, title: str) -> None:
    """Steered from the first slide to the last, hosts dying meanwhile: each press is followed."""
    board.expect_at(teacher.at())
    primary, standby, third = ranked(teacher.session, [h.name for h in laptop.topology.hosts])

    # Each host in turn; the page's API host and the board's primary are two different ones here.
    teacher.choose_host(third)
    board.expect_at(teacher.at())
    mark(teacher, board)
    with Chaos(laptop) as chaos:
        for host in (primary, standby, third):
            chaos.kill(host)
            chaos.revive(host)
        steer(teacher, board, chaos)
    look_for_the_lesson_again(teacher, board, title)
    expect_no_reload(teacher, board)

    # Both hosts that somebody depends on: only one of three is left.
    teacher.choose_host(third)
    mark(teacher)
    with Chaos(laptop) as chaos:
        chaos.kill(primary, third)
        steer(teacher, board, chaos, at_least=8)
        look_for_the_lesson_again(teacher, board, title, dead=laptop.host(third).public_url)
        chaos.revive(primary, third)
        steer(teacher, board, chaos)
    expect_no_reload(teacher, board)

    # One host that is everything to both.
    teacher.choose_host(primary)
    mark(teacher)
    with Chaos(laptop) as chaos:
        chaos.kill(primary)
        steer(teacher, board, chaos, at_least=4)
        look_for_the_lesson_again(teacher, board, title, dead=laptop.host(primary).public_url)
        expect_no_reload(teacher, board)
        reload_both(teacher, board)
        steer(teacher, board, chaos, at_least=4)
        restart(board, other=teacher)
        steer(teacher, board, chaos, at_least=2)
        restart(teacher, other=board)
        steer(teacher, board, chaos, at_least=4)
        chaos.revive(primary)
        steer(teacher, board, chaos)
    walk_to_the_end(teacher, board)

    assert board.at() == teacher.at()
    assert board.lesson == teacher.page.url.rsplit("/", 1)[-1]
    assert teacher.is_at_end
    teacher.assert_untroubled()
    board.assert_untroubled()


def mark(*screens: Teacher | Board) -> None:
    for screen in screens:
        screen.page.evaluate("window.stillTheSamePage = true")


def expect_no_reload(*screens: Teacher | Board) -> None:
    for screen in screens:
        assert screen.page.evaluate("window.stillTheSamePage") is True


def steer(teacher: Teacher, board: Board, chaos: Chaos, at_least: int = 0) -> None:
    """Step by step, until hosts have stopped dying; at the end of the deck from its start again."""
    steps = 0
    while steps < at_least or not chaos.is_over:
        if teacher.is_at_end:
            teacher.page.keyboard.press("Home")
        else:
            teacher.next()
        board.expect_at(teacher.at())
        teacher.page.wait_for_timeout(PACE_MS)
        steps += 1


def walk_to_the_end(teacher: Teacher, board: Board) -> None:
    """The whole episode once, from its first slide, every step of it seen on the board."""
    teacher.page.keyboard.press("Home")
    board.expect_at((0, 0))
    seen = [teacher.at()]
    while not teacher.is_at_end:
        seen.append(teacher.next())
        board.expect_at(seen[-1])
    assert [slide for slide, step in seen if step == 0] == list(range(teacher.slide_count))
    assert len(set(seen)) == len(seen)


def look_for_the_lesson_again(
    teacher: Teacher, board: Board, title: str, dead: str | None = None
) -> None:
    """Uses the API: the list of lessons, then the lesson; the class is where it was.

    `dead`: where the page must have knocked in vain.
    """
    place = teacher.at()
    teacher.requests.clear()
    teacher.to_lessons()
    teacher.open_lesson(title)
    teacher.expect_at(place)
    board.expect_at(place)
    if dead:
        teacher.assert_has_asked(dead)


def reload_both(teacher: Teacher, board: Board) -> None:
    place = teacher.at()
    teacher.reload()
    board.reload()
    teacher.expect_at(place)
    board.expect_at(place)


def restart(one: Board | Teacher, other: Board | Teacher) -> None:
    place = other.at()
    one.restart()
    one.expect_at(place)
    other.expect_at(place)
