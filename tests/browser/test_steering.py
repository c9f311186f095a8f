"""What a teacher does to a slide beside turning it: ink, pointers, zoom, timer; and who may do it at once."""

import itertools
import re

import pytest
from playwright.sync_api import Locator

from cluster.local.laptop import Laptop
from tests.browser import decks
from tests.browser.chaos import Chaos
from tests.browser.conftest import Account
from tests.browser.hands import (
    Point,
    box,
    draw,
    finger,
    on_screen,
    page_of,
    press,
    shapes,
    strokes,
)
from tests.browser.screens import Board, Screen, Screens, Teacher, expect, pair, ranked

pytestmark = pytest.mark.timeout(200)

PHONE = (390, 844)
OLD_BOARD = (1024, 768)
"""Four by three, as many classrooms still have it: ink must lie on the same words there."""


@pytest.fixture
def class_room(teacher: Teacher, board: Board) -> tuple[Teacher, Board]:
    """Paired, on the second slide of a lesson."""
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    pair(teacher, board)
    teacher.page.keyboard.press("PageDown")
    board.expect_at((1, 0))
    return teacher, board


def test_ink_is_seen_on_the_board_undone_and_kept(
    class_room: tuple[Teacher, Board], screens: Screens
) -> None:
    teacher, board = class_room
    board.page.set_viewport_size({"width": OLD_BOARD[0], "height": OLD_BOARD[1]})
    press(teacher, "d")
    draw(teacher, [(0.2, 0.5), (0.4, 0.6), (0.6, 0.5)])
    expect(strokes(board)).to_have_count(1)
    assert_same_place(teacher, board)
    press(teacher, "h")
    draw(teacher, [(0.1, 0.15), (0.5, 0.15)])
    expect(strokes(board)).to_have_count(2)
    press(teacher, "u")
    expect(strokes(board)).to_have_count(1)
    press(teacher, "Control+y")
    expect(strokes(board)).to_have_count(2)

    # A slide's ink is that slide's.
    teacher.page.keyboard.press("PageDown")
    board.expect_at((1, 1))
    press(teacher, "End")
    expect(strokes(board)).to_have_count(0)
    teacher.by("slide-item").nth(1).click()
    expect(strokes(board)).to_have_count(2)

    drawn = shapes(board)
    for screen in (teacher, board):
        screen.reload()
        expect(strokes(screen)).to_have_count(2)
        assert shapes(screen) == drawn
    # One's own strokes are still one's own after a reload.
    press(teacher, "u")
    expect(strokes(board)).to_have_count(1)
    press(teacher, "e")
    draw(teacher, [(0.4, 0.3), (0.4, 0.9)])
    expect(strokes(board)).to_have_count(0)
    press(teacher, "u")
    expect(strokes(board)).to_have_count(1)
    teacher.by("clear").click()
    expect(strokes(board)).to_have_count(0)
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_a_stroke_goes_on_while_its_host_is_killed_and_nothing_is_doubled(
    laptop: Laptop, class_room: tuple[Teacher, Board]
) -> None:
    teacher, board = class_room
    primary = ranked(teacher.session, [host.name for host in laptop.topology.hosts])[0]
    press(teacher, "h")
    mouse = teacher.page.mouse
    start_x, start_y = on_screen(teacher, (0.1, 0.5))
    end_x, _ = on_screen(teacher, (0.9, 0.5))
    mouse.move(start_x, start_y)
    mouse.down()
    with Chaos(laptop) as chaos:
        chaos.kill(primary)
        x = start_x
        while not chaos.is_over or x < start_x + 100:
            x = min(x + 2, end_x - 100)
            mouse.move(x, start_y)
            teacher.page.wait_for_timeout(20)
        chaos.revive(primary)
    mouse.move(end_x, start_y, steps=30)
    mouse.up()
    expect(strokes(board)).to_have_count(1)
    board.wait_until(lambda: shapes(board) == shapes(teacher), "the whole stroke on the board")
    assert_one_line_to_the_right(shapes(board)[0])
    for screen in (board, teacher):
        screen.reload()
        expect(strokes(screen)).to_have_count(1)
        assert_one_line_to_the_right(shapes(screen)[0])
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_laptop_and_phone_steer_two_boards_at_once(
    class_room: tuple[Teacher, Board], screens: Screens, account: Account
) -> None:
    laptop, board = class_room
    second = screens.board()
    pair(laptop, second)
    phone = screens.teacher(PHONE)
    phone.sign_in(account.username, account.password)
    phone.open_lesson("The tides")
    phone.expect_at((1, 0))
    phone.expect_connection("online")
    boards = (board, second)

    press(laptop, "d")
    draw(laptop, [(0.2, 0.4), (0.4, 0.5)])
    expect(strokes(phone)).to_have_count(1)
    phone.by("tools-toggle").click()
    phone.by("pen").click()
    draw(phone, [(0.6, 0.4), (0.8, 0.5)])
    for screen in (laptop, *boards):
        expect(strokes(screen)).to_have_count(2)
    # Undo takes back one's own stroke, also when another was drawn later.
    press(laptop, "u")
    for screen in (phone, *boards):
        expect(strokes(screen)).to_have_count(1)
    assert shapes(board) == shapes(phone)

    # With a pen in hand a finger draws; without, it turns the slide.
    finger(phone, [(0.8, 0.8), (0.5, 0.82), (0.2, 0.8)])
    for screen in (laptop, *boards):
        expect(strokes(screen)).to_have_count(2)
        screen.expect_at((1, 0))
    phone.by("pen").click()
    finger(phone, [(0.8, 0.8), (0.5, 0.82), (0.2, 0.8)])
    for screen in (laptop, *boards):
        screen.expect_at((1, 1))
        expect(strokes(screen)).to_have_count(2)
    laptop.by("blank-white").click()
    for screen in boards:
        expect(screen.by("board-blank")).to_have_attribute("data-blank", "white")
    expect(phone.by("blank-white")).to_have_attribute("aria-pressed", "true")
    phone.by("blank-white").click()
    for screen in boards:
        expect(screen.by("board-blank")).to_have_attribute("data-blank", "")
    for screen in (laptop, phone, *boards):
        screen.assert_untroubled()


def test_the_board_draws_while_the_teacher_lets_it(
    class_room: tuple[Teacher, Board],
) -> None:
    teacher, board = class_room
    expect(board.by("board-pens")).to_have_count(0)
    teacher.by("boards-draw").check()
    board.by("color-green").click()
    draw(board, [(0.2, 0.4), (0.5, 0.6), (0.7, 0.3)])
    finger(board, [(0.2, 0.8), (0.4, 0.8), (0.7, 0.8)])  # boards are touched
    expect(strokes(teacher)).to_have_count(2)
    board.wait_until(lambda: shapes(board) == shapes(teacher), "the same strokes")
    press(teacher, "d")
    draw(teacher, [(0.8, 0.2), (0.8, 0.7)])
    expect(strokes(board)).to_have_count(3)
    # The class erases what it drew itself, the teacher everything.
    board.by("eraser").click()
    draw(board, [(0.6, 0.7), (0.6, 0.9)])
    draw(board, [(0.7, 0.5), (0.9, 0.5)])
    for screen in (teacher, board):
        expect(strokes(screen)).to_have_count(2)
    for screen in (teacher, board):
        screen.reload()
        expect(strokes(screen)).to_have_count(2)
    teacher.by("boards-draw").uncheck()
    expect(board.by("board-pens")).to_have_count(0)
    draw(board, [(0.1, 0.1), (0.3, 0.3)])
    teacher.by("clear").click()
    for screen in (teacher, board):
        expect(strokes(screen)).to_have_count(0)
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_pointers_zoom_and_timer_are_followed_by_the_board(
    class_room: tuple[Teacher, Board],
) -> None:
    teacher, board = class_room
    for key, pointer in (("l", "pointer-laser"), ("s", "pointer-spotlight")):
        press(teacher, key)
        teacher.page.mouse.move(*on_screen(teacher, (0.25, 0.25)))
        teacher.page.mouse.move(*on_screen(teacher, (0.5, 0.5)))
        expect(board.by(pointer)).to_have_count(1)
        wait_until_near(board, board.by(pointer), (0.5, 0.5))
        press(teacher, "Escape")
        expect(board.by(pointer)).to_have_count(0)

    teacher.by("slide-item").nth(2).click()
    board.expect_at((2, 0))
    figure = board.page.locator(".present .slide-body img")
    before = box(figure)[2]
    press(teacher, "z")
    board.wait_until(lambda: box(figure)[2] > before * 1.2, "the figure to be enlarged")
    press(teacher, "Escape")
    board.wait_until(lambda: abs(box(figure)[2] - before) < 2, "the whole slide")

    press(teacher, "t")
    teacher.by("timer-5").click()
    expect(board.by("timer-face")).to_contain_text(re.compile(r"[45]:\d\d"))
    board.reload()
    expect(board.by("timer-face")).to_contain_text(re.compile(r"4:\d\d"))
    teacher.by("timer-pause").click()
    expect(board.by("timer-face")).to_have_attribute("data-state", "paused")
    teacher.by("timer-remove").click()
    expect(board.by("timer-face")).to_have_count(0)
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_a_clicker_steers_blanks_and_fills_the_teachers_screen(
    class_room: tuple[Teacher, Board],
) -> None:
    """The keys that clickers send: page keys, b or a dot, F5 for the show, Esc."""
    teacher, board = class_room
    press(teacher, "PageDown")
    board.expect_at((1, 1))
    press(teacher, "PageUp")
    board.expect_at((1, 0))
    for key in ("b", "."):
        press(teacher, key)
        expect(board.by("board-blank")).to_have_attribute("data-blank", "black")
        press(teacher, key)
        expect(board.by("board-blank")).to_have_attribute("data-blank", "")
    fullscreen = teacher.by("fullscreen")
    for key, state in (("F5", "true"), ("Shift+F5", "false")):
        press(teacher, key)
        expect(fullscreen).to_have_attribute("aria-pressed", state)
        assert teacher.page.evaluate("document.fullscreenElement !== null") is (state == "true")
    board.expect_at((1, 0))
    teacher.assert_untroubled()  # F5 loaded nothing
    board.assert_untroubled()


def test_notes_and_the_time_that_has_passed_are_the_teachers_a_stopwatch_is_everybodys(
    class_room: tuple[Teacher, Board],
) -> None:
    teacher, board = class_room
    expect(teacher.by("notes")).to_have_text("Question 2?")
    assert "Question 2?" not in board.page.content()
    teacher.wait_until(lambda: passed(teacher) >= 2, "two seconds to have passed")
    since = began(teacher)
    teacher.reload()
    expect(teacher.by("elapsed")).to_be_visible()
    assert began(teacher) == since, "it goes on over a reload"
    teacher.by("elapsed").click()
    assert began(teacher) > since
    assert passed(teacher) < 60
    assert board.by("elapsed").count() == 0

    press(teacher, "t")
    teacher.by("stopwatch").click()
    for screen in (teacher, board):
        expect(screen.by("timer-face")).to_contain_text(re.compile(r"0:0[6-9]|0:[1-5]\d"))
    press(teacher, "t")  # pauses it
    expect(board.by("timer-face")).to_have_attribute("data-state", "paused")
    paused = seconds_left(board)
    assert seconds_left(teacher) == paused
    teacher.by("timer-again").click()
    expect(board.by("timer-face")).to_have_attribute("data-state", "running")
    assert seconds_left(board) < paused
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_a_board_whose_clock_is_wrong_shows_the_same_timer(
    class_room: tuple[Teacher, Board],
) -> None:
    teacher, board = class_room
    board.page.add_init_script("const real = Date.now; Date.now = () => real() + 95_000")
    board.reload()
    board.expect_connection("online")
    press(teacher, "t")
    teacher.by("timer-minutes").fill("3")
    teacher.by("timer-start").click()
    expect(board.by("timer-face")).to_be_visible()
    board.wait_until(lambda: abs(seconds_left(teacher) - seconds_left(board)) <= 1, "the same time")


def test_every_slide_is_a_thumbnail_and_every_command_is_in_the_help(
    class_room: tuple[Teacher, Board],
) -> None:
    teacher, board = class_room
    press(teacher, "o")
    expect(teacher.by("thumbnail")).to_have_count(teacher.slide_count)
    pictures = teacher.page.locator(".thumbnail .slide-page")
    expect(pictures.nth(5)).to_be_visible()
    for number in range(6):
        _, _, width, height = box(pictures.nth(number))
        assert width < 400
        assert width / height == pytest.approx(16 / 9, abs=0.01)
    expect(teacher.by("thumbnail").nth(1)).to_be_focused()
    teacher.by("thumbnail").nth(4).click()
    expect(teacher.by("overview-dialog")).to_have_count(0)
    board.expect_at((4, 0))
    press(teacher, "?")
    expect(teacher.by("help-dialog")).to_be_visible()
    named = teacher.by("help-command").all_inner_texts()
    for button in teacher.page.locator(".controls button[aria-keyshortcuts]").all():
        name = button.get_attribute("aria-label") or button.inner_text().strip()
        assert any(name in text for text in named), name
    teacher.by("keys-letters").uncheck()
    press(teacher, "Escape")
    press(teacher, "b")
    press(teacher, "PageDown")
    board.expect_at((4, 1))
    expect(board.by("board-blank")).to_have_attribute("data-blank", "")


# ---- what must be so


def assert_one_line_to_the_right(path: str) -> None:
    """A marker's path has just the points drawn: none is missing, none comes twice."""
    points = [float(x) for x in re.findall(r"[ML](\S+) ", path)]
    gaps = [after - before for before, after in itertools.pairwise(points)]
    assert points[0] == pytest.approx(0.1 * 5120, abs=10)
    assert points[-1] == pytest.approx(0.9 * 5120, abs=10)
    assert min(gaps) > 0
    assert max(gaps) < 200


def assert_same_place(one: Screen, other: Screen) -> None:
    """The newest stroke lies on the same part of the slide's page, and on the same words."""
    for screen in (one, other):
        screen.page.wait_for_timeout(300)  # reveal.js fades
    places = []
    for screen in (one, other):
        x, y, width, height = box(page_of(screen))
        stroke_x, stroke_y, stroke_width, _ = box(strokes(screen).last)
        title_y = box(page_of(screen).locator("h2"))[1]
        places.append(
            [
                (stroke_x - x) / width,
                (stroke_y - y) / height,
                stroke_width / width,
                (title_y - y) / height,
            ]
        )
    assert places[0] == pytest.approx(places[1], abs=0.01)


def wait_until_near(screen: Screen, pointer: Locator, point: Point) -> None:
    def is_near() -> bool:
        x, y, *_ = box(pointer)
        wanted_x, wanted_y = on_screen(screen, point)
        return abs(x - wanted_x) < 10 and abs(y - wanted_y) < 10

    screen.wait_until(is_near, "the pointer")


def seconds_left(screen: Screen) -> int:
    return seconds_of(screen.page.locator(".timer-time").inner_text())


def passed(teacher: Teacher) -> int:
    return seconds_of(teacher.by("elapsed").inner_text().split()[-1])


def began(teacher: Teacher) -> int:
    """When this lesson was begun, as the page keeps it."""
    return teacher.page.evaluate(
        """() => {
            const key = Object.keys(localStorage).find((k) => k.startsWith('firstbell.started.'));
            return JSON.parse(localStorage.getItem(key));
        }"""
    )


def seconds_of(clock: str) -> int:
    minutes, seconds = clock.split(":")
    return int(minutes) * 60 + int(seconds)
