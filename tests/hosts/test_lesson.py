"""End to end in an environment: a lesson through the hosts' own nginx and TLS, as a school has it."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Error, Locator, Playwright

from cluster.environment import Environment
from tests.browser import decks
from tests.browser.screens import Board, Screens, Teacher, expect, pair
from tests.hosts.trust import home_that_trusts

pytestmark = pytest.mark.timeout(180)

FIGURE_SLIDE = 2
"""First slide of `decks.tides` with a figure, counted from 0."""


def test_a_lesson_is_imported_paired_and_steered_to_its_end(teacher: Teacher, board: Board) -> None:
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    pair(teacher, board)
    teacher.page.keyboard.press("Home")
    board.expect_at((0, 0))
    drawn = 0
    while not teacher.is_at_end:
        board.expect_at(teacher.next())
        for figure in board.by("slide").locator("section.present img").all():
            expect_drawn(board, figure)
            drawn += 1
    assert drawn >= 4
    assert board.at() == teacher.at()
    assert board.at()[0] == teacher.slide_count - 1
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_a_lesson_is_steered_through_each_host_and_found_again_after_reloads(
    environment: Environment, teacher: Teacher, board: Board
) -> None:
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    pair(teacher, board)
    for number, host in enumerate(environment.hosts, 1):
        teacher.choose_host(host.name)
        teacher.requests.clear()
        teacher.to_lessons()
        teacher.open_lesson("The tides")
        teacher.assert_has_asked(host.public_url)
        teacher.page.keyboard.press("Home")
        for _ in range(number):
            board.expect_at(teacher.next())
        place = teacher.at()
        board.reload()
        board.expect_at(place)
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_a_figure_that_one_host_was_given_comes_from_every_host(
    environment: Environment, teacher: Teacher
) -> None:
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    while teacher.at()[0] < FIGURE_SLIDE:
        teacher.next()
    figure = teacher.by("slide").locator("img")
    expect_drawn(teacher, figure)
    path = urlsplit(figure.evaluate("image => image.currentSrc")).path
    trusted = str(environment.ca_file) if environment.ca_file else True
    for host in environment.hosts:
        answer = requests.get(host.public_url + path, verify=trusted, timeout=10)
        assert answer.status_code == 200, f"{host.name}: {answer.status_code}"
        assert answer.content == decks.FIGURE.format(radius=13).encode(), host.name


def test_a_browser_that_does_not_trust_the_environments_ca_gets_no_page(
    environment: Environment, playwright_driver: Playwright, tmp_path: Path
) -> None:
    """That the other tests verify certificates is shown by this one being refused."""
    if environment.ca_file is None:
        pytest.skip("this environment's certificates are publicly trusted")
    home = home_that_trusts(None, tmp_path)
    stranger = Screens(playwright_driver, environment.page_url, tmp_path, home)
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        stranger.teacher()


def expect_drawn(screen: Teacher | Board, figure: Locator) -> None:
    """The figure is there and has a size, not only a place."""
    expect(figure).to_be_visible()
    screen.wait_until(
        lambda: figure.evaluate("image => image.complete && image.naturalWidth > 0"), "a figure"
    )
