"""A lesson goes on without servers: directly, over reloads, over sleep and wrong clocks, and over new releases."""

import base64
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright

from cluster.local.laptop import DIST, Laptop
from tests.browser import decks
from tests.browser.conftest import Account
from tests.browser.hands import draw, press, shapes, strokes
from tests.browser.screens import Board, Place, Screen, Screens, Teacher, expect, pair
from tests.drills.all_servers_dead import Outage, stopped

pytestmark = pytest.mark.timeout(200)

WITHOUT_INTERNET_MS = 11_000
"""Longer than any heartbeat is waited for."""


@pytest.fixture
def whole_laptop(laptop: Laptop) -> Iterator[Laptop]:
    """The edge is alive again afterwards too."""
    yield laptop
    if not laptop.unit("edge").is_up():
        laptop.revive("edge")


def test_with_every_server_dead_the_lesson_goes_on_and_nothing_is_lost_or_doubled(
    whole_laptop: Laptop, teacher: Teacher, board: Board
) -> None:
    outage = Outage(whole_laptop, teacher, board)
    outage.begin()
    told = outage.run(steps=5, lines=2)
    assert told.faults == []
    assert len(told.steps) == 5


def test_a_sleeping_board_and_a_clock_that_is_set_are_caught_up_with_and_two_tabs_agree(
    teacher: Teacher, board: Board
) -> None:
    begin_lesson(teacher, board)
    other_tab = teacher.page.context.new_page()
    other_tab.goto(teacher.page.url)
    expect(other_tab.get_by_test_id("slide")).to_be_visible()
    press(teacher, "d")
    with stopped(board):
        draw(teacher, [(0.2, 0.4), (0.6, 0.5)])
        first = teacher.next()
        expect_tab_at(other_tab, first)
        other_tab.get_by_test_id("next").click()
        teacher.page.wait_for_timeout(4_000)  # longer than any heartbeat is waited for
    place = teacher.at()
    assert place != first, "it follows the other tab"
    expect_tab_at(other_tab, place)
    board.page.evaluate("const real = Date.now; Date.now = () => real() + 3_600_000; undefined")
    board.expect_at(place)
    board.expect_connection("online")
    press(teacher, "Home")
    board.expect_at((0, 0))
    expect(strokes(board)).to_have_count(1)
    board.wait_until(lambda: shapes(board) == shapes(teacher), "the same ink")
    teacher.next()
    teacher.next()
    assert teacher.at() == place, "each tab's press counted once"
    expect_direct(teacher, board)
    teacher.assert_untroubled()
    board.assert_untroubled()


def test_a_school_without_internet_goes_on_directly_and_is_online_when_it_is_back(
    teacher: Teacher, board: Board
) -> None:
    """The line to the servers is gone; laptop and board still have each other."""
    begin_lesson(teacher, board)
    for screen in (teacher, board):
        screen.page.context.set_offline(True)
    for screen in (teacher, board):
        screen.expect_connection("direct", timeout=30_000)
    for _ in range(3):
        board.expect_at(teacher.next())
    press(teacher, "d")
    draw(teacher, [(0.2, 0.4), (0.6, 0.5)])
    expect(strokes(board)).to_have_count(1)
    teacher.page.wait_for_timeout(WITHOUT_INTERNET_MS)
    for screen in (teacher, board):
        screen.page.context.set_offline(False)
    for screen in (teacher, board):
        screen.expect_connection("online")
    board.expect_at(teacher.next())
    assert shapes(board) == shapes(teacher)
    teacher.assert_untroubled()
    board.assert_untroubled()


def begin_lesson(teacher: Teacher, board: Board) -> None:
    """Paired, and in touch without a host between them."""
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    pair(teacher, board)
    expect_direct(teacher, board)


def expect_tab_at(tab: Page, place: Place) -> None:
    for attribute, number in zip(("data-slide", "data-step"), place, strict=True):
        expect(tab.get_by_test_id("slide")).to_have_attribute(attribute, str(number))


def expect_direct(*screens: Screen) -> None:
    for screen in screens:
        state = screen.by("connection-state")
        expect(state).not_to_have_attribute("data-direct", "0", timeout=30_000)


def test_signing_out_leaves_nothing_of_the_teacher_on_the_computer(
    teacher: Teacher, account: Account
) -> None:
    teacher.import_file("tides.zip", decks.tides())
    teacher.open_lesson("The tides")
    teacher.expect_connection("online")
    teacher.wait_until(lambda: "firstbell-figures" in kept(teacher)["caches"], "figures to be kept")
    assert any(name.startswith("firstbell.doc.teacher.") for name in kept(teacher)["databases"])
    teacher.to_lessons()
    teacher.by("sign-out").click()
    expect(teacher.by("sign-in-submit")).to_be_visible()
    teacher.wait_until(lambda: not leftovers(teacher), f"nothing, has {kept(teacher)}")
    # What the worker keeps are files of the release, and no answer of the API.
    assert not [url for url in kept(teacher)["urls"] if "/api/" in url]


def kept(screen: Screen) -> dict[str, list[str]]:
    return screen.page.evaluate(
        """async () => {
            const names = await caches.keys();
            const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
            return {
                databases: (await indexedDB.databases()).map(({ name }) => name),
                caches: names,
                urls: all.flat().map((request) => request.url),
            };
        }"""
    )


def leftovers(screen: Screen) -> list[str]:
    found = kept(screen)
    return [
        name
        for name in (*found["databases"], *found["caches"])
        if name.startswith("firstbell.doc.teacher.") or name == "firstbell-figures"
    ]


# ---- a new release


class Pages:
    """The built pages on a server of their own, which can be given a new release and be stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(DIST, folder)
        hosts = [{"name": "h", "api": "http://localhost:9", "realtime": "ws://localhost:9/x"}]
        (folder / "config.json").write_text(json.dumps({"hosts": hosts}))
        handler = partial(Quiet, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def release(self, name: str, pages: bool = True) -> None:
        """The board's script gets another name and content. `pages`: a CDN hands out the new pages already."""
        page = self.folder / "board.html"
        old = re.search(r"/assets/(board-[\w-]+\.js)", page.read_text())
        assert old is not None
        new = f"board-{name}.js"
        script = (self.folder / "assets" / old[1]).read_text()
        (self.folder / "assets" / new).write_text(f"window.release = {name!r};\n{script}")
        text = page.read_text().replace(old[1], new)
        worker = (self.folder / "sw.js").read_text().replace(old[1], new)
        sums = re.findall(r"/board\.html[^}]*?sha256-([\w+/=]+)", worker)
        assert len(sums) == 1
        worker = worker.replace(sums[0], _sum(text.encode()))
        (self.folder / "sw.js").write_text(worker)
        if pages:
            page.write_text(text)
        self.text = text

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/board":
            self.path = "/board.html"
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _sum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path / "dist")
    yield made
    made.stop()


WORKERS = """async () => {
    const { waiting, active } = await navigator.serviceWorker.getRegistration();
    return { waiting: waiting !== null, active: active?.state ?? '' };
}"""
SHELL = """async () => {
    const names = (await caches.keys()).filter((name) => name.includes('precache'));
    const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return all.flat().map(({ url }) => new URL(url).pathname);
}"""


def boards_scripts(page: Page) -> list[str]:
    return [name for name in page.evaluate(SHELL) if re.match(r"/assets/board-.*\.js", name)]


def test_a_new_release_is_there_at_the_next_load_and_disturbs_no_running_page(
    pages: Pages, playwright_driver: Playwright, tmp_path: Path
) -> None:
    screens = Screens(playwright_driver, pages.url, tmp_path)
    board = screens.board()
    page = board.page
    try:
        page.wait_for_function("navigator.serviceWorker.controller !== null")
        pages.release("two", pages=False)
        # The CDN still has the old page: it must not be kept as if it were the new one.
        page.evaluate("navigator.serviceWorker.getRegistration().then((r) => r.update())")
        page.wait_for_timeout(1_000)
        assert page.evaluate(WORKERS) == {"waiting": False, "active": "activated"}
        (pages.folder / "board.html").write_text(pages.text)
        page.evaluate("navigator.serviceWorker.getRegistration().then((r) => r.update())")
        board.wait_until(lambda: page.evaluate(WORKERS)["waiting"], "the new worker")
        page.wait_for_timeout(500)
        assert page.evaluate(WORKERS)["waiting"], "it waits as long as only old pages run"
        assert page.evaluate("window.release ?? ''") == ""
        assert "/assets/board-two.js" in page.evaluate(SHELL)

        board.reload()
        assert page.evaluate("window.release") == "two"
        board.wait_until(lambda: not page.evaluate(WORKERS)["waiting"], "the new worker's turn")
        board.wait_until(
            lambda: boards_scripts(page) == ["/assets/board-two.js"], "the old shell to go"
        )
        pages.stop()
        board.reload()
        assert page.evaluate("window.release") == "two"
        expect(board.by("board-waiting")).to_be_visible()
    finally:
        screens.close()
