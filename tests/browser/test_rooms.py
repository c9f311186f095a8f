"""Boards that are remembered for a room, the picture's long code, and forgetting from either screen."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Account
from tests.browser.screens import Board, Screen, Screens, Teacher, expect, pair
from tests.browser.test_bad_input import GOOD_DECK, expect_error
from tests.browser.test_pages import expect_keys_reach_everything
from tests.browser.test_pages import look as look  # a fixture

pytestmark = pytest.mark.timeout(150)

HOURS_AGO = (
    "localStorage.setItem('firstbell.board-teacher-at', JSON.stringify(Date.now() - 5 * 3600e3))"
)


def test_a_board_that_was_named_needs_no_code_tomorrow_and_may_refuse_and_forget(
    teacher: Teacher, board: Board, account: Account, look: Callable[[Screen, str], None]
) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    pair(teacher, board, name="Room 12")
    board.expect_at((0, 0))
    expect(teacher.by("paired-board")).to_contain_text("Room 12")
    expect(teacher.by("room")).to_have_count(0)  # it is in the list of paired boards

    # the teacher goes home; next morning the board is switched on
    lesson = teacher.page.url
    teacher.page.goto("about:blank")
    board.page.evaluate(HOURS_AGO)
    board.reload()
    expect(board.by("remembered-teacher")).to_contain_text(account.name)
    expect(board.by("remembered-teacher")).to_contain_text("Room 12")
    look(board, "40-board-remembered")
    expect_keys_reach_everything(board)
    teacher.page.goto(lesson)
    expect(teacher.by("room")).to_have_attribute("data-waiting", "true")
    look(teacher, "41-presenter-room-waits")
    expect_keys_reach_everything(teacher)

    teacher.by("room-start").click()
    expect(teacher.by("pair-starting")).to_contain_text("Room 12")
    expect(board.by("board-teacher")).to_have_text(account.name)
    board.by("board-refuse").click()
    board.code()
    expect_error(teacher, "refused")
    teacher.by("room-start").click()
    expect(board.by("board-offer")).to_contain_text("Room 12")
    board.expect_at(teacher.at())
    expect(board.by("board-whose")).to_have_text(account.name)
    board.expect_at(teacher.next())

    # the teacher ends it, not forgetting the room
    expect(teacher.by("board-forget")).to_have_count(
        1
    )  # yesterday's pairing is gone: nodes look every 2 s
    teacher.by("board-forget").click()
    look(teacher, "42-presenter-forget-board")
    teacher.by("board-end").click()
    board.code()
    expect(teacher.by("room")).to_have_attribute("data-waiting", "true")
    teacher.by("room-start").click()
    board.expect_at(teacher.at())

    # whoever stands at the board ends it and has it forget the teacher
    board.by("board-leave").click()
    board.by("board-leave-confirm").click()
    board.by("remembered-forget").click()
    board.by("remembered-forget-confirm").click()
    expect(board.by("remembered")).to_have_count(0)
    expect(teacher.by("room")).to_have_attribute("data-waiting", "false")
    teacher.reload()
    teacher.expect_connection("online")
    expect(teacher.by("room")).to_have_count(0)
    board.reload()
    board.code()
    expect(board.by("remembered")).to_have_count(0)
    board.assert_untroubled()


def test_the_boards_picture_pairs_without_a_number_and_all_boards_are_forgotten_at_once(
    screens: Screens, account: Account, board: Board, look: Callable[[Screen, str], None]
) -> None:
    code = board.code()
    long = board.by("board-long-code").get_attribute("data-code") or ""
    link = board.by("board-qr").get_attribute("data-text") or ""
    assert link.endswith(f"/#code={long}")  # no server sees what stands after #
    assert code not in link
    phone = screens.teacher((375, 800))
    phone.page.goto(link)
    phone.sign_in(account.username, account.password)
    expect(phone.by("scanned-code")).to_contain_text(f"{long[:4]} {long[4:8]} {long[8:]}")
    phone.import_file("map.md", GOOD_DECK)
    phone.open_lesson("Reading a map")
    phone.expect_connection("online")
    phone.by("pair-submit").click()
    expect(phone.by("pair-symbol")).to_be_visible()
    expect(phone.by("pair-number")).to_have_count(0)
    symbol = board.by("board-symbol").get_attribute("data-symbol")
    assert phone.by("pair-symbol").get_attribute("data-symbol") == symbol
    phone.by("pair-confirm").click()
    board.expect_at((0, 0))

    phone.by("forget-all").click()
    expect(phone.by("forget-all-dialog")).to_be_visible()
    look(phone, "43-forget-all-dialog")
    phone.by("forget-all-confirm").click()
    assert board.code() != code
    expect(phone.by("paired-board")).to_have_count(0)
    board.reload()
    board.code()
    assert board.exceptions == []
    assert phone.exceptions == []
