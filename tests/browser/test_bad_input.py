"""What goes wrong in a school's day: each is told in words a teacher can act on, and nothing is lost."""

import random
from collections.abc import Callable

import pytest

from cluster.local.laptop import Laptop
from tests.browser import decks
from tests.browser.conftest import Account
from tests.browser.screens import Board, Screen, Screens, Teacher, expect, pair
from tests.browser.short_codes import codes_live
from tests.browser.test_pages import look as look

pytestmark = pytest.mark.timeout(150)

RECOVERY_MS = 60_000
"""After all hosts were dead: pages wait longer from try to try, up to some 12 s."""

OLD_CODE = "no longer valid"
GOOD_DECK = b"# Reading a map\n\n---\n\n## North is up\n\n* Mostly\n"


def expect_error(teacher: Teacher, *words: str) -> None:
    note = teacher.by("error")
    for word in words:
        expect(note).to_contain_text(word)


# ---- signing in


def test_a_wrong_password_is_told_and_the_user_name_stays(
    screens: Screens, account: Account
) -> None:
    teacher = screens.teacher()
    teacher.sign_in(account.username, "not it")
    expect_error(teacher, "do not match", "check both")
    expect(teacher.by("sign-in-username")).to_have_value(account.username)
    teacher.by("sign-in-password").fill(account.password)
    teacher.by("sign-in-submit").click()
    expect(teacher.by("user-name")).to_have_text(account.name)
    expect(teacher.by("error")).to_have_count(0)
    assert len(teacher.errors) == 1, "the watcher of all other tests sees error notes"


def test_another_teacher_at_the_same_computer_sees_nothing_of_the_first(teacher: Teacher) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    address = teacher.page.url
    teacher.to_lessons()
    teacher.by("sign-out").click()
    expect(teacher.by("sign-in-submit")).to_be_visible()
    teacher.sign_in("grace", "firstbell-demo")
    expect(teacher.by("user-name")).to_have_text("Grace Hopper")
    expect(teacher.card("Reading a map")).to_have_count(0)
    teacher.page.evaluate("watchShown.length = 0")
    teacher.page.goto(address)  # only what follows # differs: the page stays
    expect_error(teacher, "no such lesson for you")
    assert teacher.page.evaluate("watchShown") == [], "not even for a moment"


# ---- pairing


def test_a_wrong_code_is_told_and_the_right_one_still_works(teacher: Teacher, board: Board) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    code = board.code()
    teacher.type_code(f"{(int(code) + 1) % 1_000_000:06d}")
    expect_error(teacher, "No board shows this code", "six digits")
    assert board.code() == code
    pair(teacher, board)
    board.expect_at((0, 0))


def test_a_code_that_was_used_is_told_and_the_paired_board_stays(
    teacher: Teacher, board: Board
) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    used = board.code()
    pair(teacher, board)
    board.expect_at((0, 0))
    expect(teacher.by("pair-done")).to_have_count(0)
    teacher.type_code(used)
    expect_error(teacher, OLD_CODE, "the board shows now")
    expect(teacher.by("paired-board")).to_have_count(1)
    board.expect_at(teacher.next())


def test_a_code_that_is_too_old_is_told_and_the_new_one_works(
    laptop: Laptop, teacher: Teacher, board: Board
) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    with codes_live(laptop, "host2", seconds=8):
        board.choose_host("host2")
        old = board.code()
        expect(board.by("board-code")).not_to_have_attribute("data-code", old, timeout=15_000)
        teacher.type_code(old)
        expect_error(teacher, OLD_CODE, "the board shows now")
        pair(teacher, board)
        board.expect_at((0, 0))


def test_a_teacher_who_sees_another_symbol_says_no_and_the_board_shows_a_new_code(
    teacher: Teacher, board: Board
) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    first = board.code()
    teacher.type_code(first)
    teacher.by("pair-reject").click()
    expect(board.by("board-code")).not_to_have_attribute("data-code", first)
    expect(teacher.by("paired-board")).to_have_count(0)
    pair(teacher, board)


def test_a_board_sent_away_shows_a_code_again(teacher: Teacher, board: Board) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    teacher.open_lesson("Reading a map")
    pair(teacher, board)
    board.expect_at((0, 0))
    teacher.by("board-forget").click()
    teacher.by("board-forget-confirm").click()
    board.code()
    expect(teacher.by("paired-board")).to_have_count(0)
    board.reload()
    board.code()
    board.assert_untroubled()
    teacher.assert_untroubled()


# ---- decks

NOISE = random.Random(2).randbytes(20_000)
BAD_DECKS = {
    "noise.md": (NOISE, ["noise.md", "UTF-8"]),
    "noise.zip": (NOISE, ["noise.zip", "not a zip"]),
    "escape.zip": (decks.zipped({"ok.md": b"# Ok", "../../evil.md": b"# Evil"}), ["../../evil.md"]),
    "bomb.zip": (decks.zipped({"deck.md": b"# A\n" + bytes(60_000_000)}), ["deck.md"]),
    "empty.zip": (decks.zipped({"readme.txt": b"hello"}), ["no Markdown file"]),
    "huge.md": (b"# Long\n\n" + b"word " * 2_400_000, ["huge.md", "MB"]),
}


def test_decks_that_cannot_be_read_are_told_one_by_one_and_good_ones_still_come_in(
    teacher: Teacher,
) -> None:
    teacher.import_file("map.md", GOOD_DECK)
    for name, (content, words) in BAD_DECKS.items():
        teacher.import_file(name, content)
        expect(teacher.by("import-done")).to_have_count(0)
        expect_error(teacher, *words)
        expect(teacher.by("import-progress")).to_have_count(0)
    teacher.import_file("tides.zip", decks.tides())
    expect(teacher.by("lesson-title")).to_have_text(["The tides", "Reading a map"])
    assert teacher.exceptions == []


def test_missing_figures_and_broken_links_are_pointed_at_and_the_lesson_comes_in(
    teacher: Teacher,
) -> None:
    deck = b"# Map\n\n---\n\n## Sheet\n\n![A sheet](fig/none.png)\n\n[Key](key.html)\n"
    teacher.import_file("map.zip", decks.zipped({"map.md": deck}))
    expect(teacher.by("import-done")).to_contain_text("1 lesson imported")
    expect(teacher.by("import-warning").filter(has_text="fig/none.png")).to_contain_text("slide 2")
    teacher.open_lesson("Map")
    teacher.assert_untroubled()


# ---- two laptops


def test_a_lesson_saved_on_two_laptops_tells_the_second_and_keeps_both_texts(
    teacher: Teacher, screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    other = screens.teacher()
    other.sign_in(account.username, account.password)
    teacher.import_file("map.md", GOOD_DECK)
    teacher.card("Reading a map").get_by_test_id("lesson-edit").click()
    expect(teacher.by("editor-markdown")).to_be_visible()
    other.page.goto(teacher.page.url)
    other.expect_written(GOOD_DECK.decode())

    teacher.write("# Reading a map\n\nWritten on the first laptop\n")
    teacher.by("editor-save").click()
    expect(teacher.by("editor-status")).to_contain_text("Saved")
    mine = "# Reading a map\n\nWritten on the second laptop\n"
    other.write(mine)
    other.by("editor-save").click()
    expect(other.by("conflict-dialog")).to_contain_text("changed on another laptop")
    difference = other.by("conflict-difference")
    expect(difference.locator(".cm-deletedChunk")).to_contain_text("first laptop")
    expect(difference.locator(".cm-changedLine")).to_contain_text("second laptop")
    look(other, "55-conflict")

    other.by("conflict-later").click()
    other.expect_written(mine)
    other.reload()
    other.expect_written(mine)
    other.by("editor-save").click()
    other.by("conflict-copy").click()
    expect(other.by("editor-title")).to_have_value("Reading a map (my copy)")
    other.expect_written(mine)

    teacher.reload()
    teacher.expect_written("# Reading a map\n\nWritten on the first laptop\n")
    teacher.to_lessons()
    expect(teacher.by("lesson-card")).to_have_count(2)


# ---- no server at all


def test_with_all_hosts_dead_teaching_and_writing_go_on_and_catch_up_afterwards(
    laptop: Laptop, teacher: Teacher, board: Board, screens: Screens, account: Account
) -> None:
    author = screens.teacher()
    author.sign_in(account.username, account.password)
    author.by("lesson-new").click()
    expect(author.by("editor-markdown")).to_be_visible()
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    pair(teacher, board)
    # Networks that keep their devices apart let no page reach another one: as if there were no WebRTC.
    board.page.add_init_script("delete window.RTCPeerConnection")
    board.reload()
    board.expect_at(teacher.next())
    seen = board.at()

    for host in (1, 2, 3):
        laptop.kill(host)
    teacher.expect_connection("offline", timeout=20_000)
    board.expect_connection("offline", timeout=20_000)
    expect(teacher.by("offline-hint")).to_be_visible()
    for _ in range(4):
        teacher.next()
    assert teacher.at() > seen
    board.expect_at(seen)
    teacher.to_lessons()
    teacher.open_lesson("The tides")
    reload_without_servers(board, teacher)
    text = "# Typed in the dark\n"
    author.write(text)
    author.by("editor-save").click()
    expect_error(author, "can’t be reached", "kept on this device")
    author.expect_written(text)

    laptop.up()  # all at once: one after the other the first would wait half a minute for its peers
    board.expect_at(teacher.at(), timeout=RECOVERY_MS)
    board.expect_at(teacher.next())
    teacher.expect_connection("online", timeout=RECOVERY_MS)
    author.by("editor-save").click()
    expect(author.by("editor-status")).to_contain_text("Saved")
    teacher.assert_untroubled()
    board.assert_untroubled()


def reload_without_servers(board: Board, teacher: Teacher) -> None:
    """The pages come from the CDN, the lesson and the place from the device."""
    seen, place = board.at(), teacher.at()
    board.reload()
    teacher.reload()
    board.expect_at(seen)
    teacher.expect_at(place)
