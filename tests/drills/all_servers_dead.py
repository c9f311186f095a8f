"""Round "all-servers-dead": in the middle of a lesson every host and the edge die by SIGKILL, at once.

Two Chromium profiles, a teacher and a board, on a whole laptop cluster. The teacher goes on turning slides and drawing, the
board's machine sleeps for a while, both pages are reloaded without any server, the teacher draws on; then everything is
started again. What is kept by the teacher's browser, by the board's and by the hosts must be one document, with every stroke
once. Both browsers run on one machine: what two machines' networks do to WebRTC is not seen here.
"""

import base64
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pycrdt

from bench.report import Figure, Plot, Report, conditions
from cluster.local import ports
from cluster.local.laptop import Laptop
from tests.browser import decks
from tests.browser.hands import draw, press, shapes, strokes
from tests.browser.screens import Board, Screen, Screens, Teacher, expect, pair
from tests.drills.frame import Options

SLIDES, FIGURES = 12, 4
FIGURE_SLIDE, UNSEEN_FIGURE_SLIDE = 2, 11
SLEEP_SECONDS = 12
RECOVERY_MS = 60_000
READY_MS = 30_000

PRESS_NEXT = (
    """() => { document.querySelector('[data-testid="next"]').click(); return watchNow(); }"""
)
SHOWN_AT = "at => watchShown.findLast((one) => one.at === at)?.time ?? null"
IS_KEPT = """async (count) => navigator.serviceWorker.controller !== null
    && (await (await caches.open('firstbell-figures')).keys()).length >= count"""
KEPT_UPDATES = """async (name) => {
    const done = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const db = await done(indexedDB.open(name));
    const updates = await done(db.transaction('updates').objectStore('updates').getAll());
    db.close();
    return updates.map((update) => btoa(Array.from(update, (b) => String.fromCharCode(b)).join('')));
}"""
FIGURE_IS_SEEN = """() => [...document.querySelectorAll('.slide-body img')]
    .some((img) => img.complete && img.naturalWidth > 0 && img.checkVisibility())"""

Document = dict[str, Any]


@dataclass
class Told:
    """What one outage showed. Times in milliseconds, but those named otherwise."""

    steps: list[float] = field(default_factory=list)
    drawn: int = 0
    lost: int = 0
    doubled: int = 0
    direct_seconds: float = 0
    online_seconds: float = 0
    faults: list[str] = field(default_factory=list)


class Outage:
    """A lesson on two screens, in which everything else dies and comes back."""

    def __init__(self, laptop: Laptop, teacher: Teacher, board: Board) -> None:
        self.laptop, self.teacher, self.board = laptop, teacher, board
        self.told = Told()

    def begin(self) -> None:
        """The lesson, paired; returns when both pages could do without servers."""
        self.teacher.import_file("tides.zip", decks.tides(SLIDES))
        self.teacher.open_lesson("The tides")
        pair(self.teacher, self.board)
        self.wait_ready()

    def wait_ready(self) -> None:
        for screen in (self.teacher, self.board):
            screen.expect_connection("online", timeout=RECOVERY_MS)
            expect(screen.by("connection-state")).not_to_have_attribute(
                "data-direct", "0", timeout=READY_MS
            )
            screen.wait_until(
                lambda screen=screen: screen.page.evaluate(IS_KEPT, FIGURES),  # type: ignore[misc]
                "shell and figures to be kept",
            )

    def run(self, steps: int, lines: int, sleep_seconds: float = 0) -> Told:
        """One outage. What was not as it must be stands in `faults`, in words."""
        try:
            with self._everything_dead():
                self._go_on_directly(steps, lines)
                if sleep_seconds:
                    self._sleep(sleep_seconds)
                self._reload_without_servers()
            self._come_back()
            self._compare()
        except AssertionError as error:
            self.told.faults.append(" ".join(str(error).split())[:400])
        for screen in (self.teacher, self.board):
            try:
                screen.assert_untroubled()
            except AssertionError:
                self.told.faults += [*screen.errors, *screen.exceptions]
        return self.told

    @contextmanager
    def _everything_dead(self) -> Iterator[None]:
        units = [*(host.name for host in self.laptop.topology.hosts), "edge"]
        with ThreadPoolExecutor(max_workers=len(units)) as pool:
            list(pool.map(self.laptop.kill, units))
        try:
            yield
        finally:
            self.began_again = time.monotonic()
            for unit in units:
                self.laptop.revive(unit, wait=False)

    def _go_on_directly(self, steps: int, lines: int) -> None:
        began = time.monotonic()
        for screen in (self.teacher, self.board):
            screen.expect_connection("direct")
        self.told.direct_seconds = time.monotonic() - began
        expect(self.teacher.by("direct-hint")).to_be_visible()
        expect(self.teacher.by("paired-board").first).to_have_attribute("data-here", "true")
        press(self.teacher, "Home")
        self.board.expect_at((0, 0))
        for _ in range(steps):
            if self.teacher.is_at_end:
                press(self.teacher, "Home")
                self.board.expect_at((0, 0))
            self._step()
        self.teacher.by("slide-item").nth(FIGURE_SLIDE).click()
        self.board.expect_at((FIGURE_SLIDE, 0))
        self._draw(lines)
        self.board.wait_until(self._same_ink, "the same ink on the board")

    def _step(self) -> None:
        pressed = self.teacher.page.evaluate(PRESS_NEXT)
        place = self.teacher.at()
        self.board.expect_at(place)
        shown = self.board.wait_until(
            lambda: self.board.page.evaluate(SHOWN_AT, f"{place[0]}/{place[1]}"), "the slide"
        )
        self.told.steps.append(shown - pressed)

    def _draw(self, lines: int) -> None:
        before = strokes(self.teacher).count()
        press(self.teacher, "d")
        for number in range(lines):
            height = 0.3 + 0.5 * (number + before) / 40
            draw(self.teacher, [(0.2, height), (0.5, height + 0.05), (0.8, height)])
        press(self.teacher, "Escape")
        self.told.drawn += lines
        expect(strokes(self.teacher)).to_have_count(before + lines)

    def _same_ink(self) -> bool:
        return shapes(self.teacher) == shapes(self.board)

    def _sleep(self, seconds: float) -> None:
        """The board's machine: nothing of its browser runs, and no host is there to call it again."""
        with stopped(self.board):
            self._draw(1)
            time.sleep(seconds)
        self.board.wait_until(self._same_ink, "what was drawn while the board slept")

    def _reload_without_servers(self) -> None:
        for screen in (self.board, self.teacher):
            drawn = shapes(screen)
            screen.reload()
            screen.expect_at((FIGURE_SLIDE, 0))
            screen.wait_until(lambda d=drawn, s=screen: shapes(s) == d, "the same ink")  # type: ignore[misc]
            screen.wait_until(
                lambda s=screen: s.page.evaluate(FIGURE_IS_SEEN),  # type: ignore[misc]
                "the slide's figure",
            )
        expect(self.teacher.by("connection-state")).not_to_have_attribute("data-state", "online")
        self.teacher.by("slide-item").nth(UNSEEN_FIGURE_SLIDE).click()
        self.teacher.wait_until(
            lambda: self.teacher.page.evaluate(FIGURE_IS_SEEN), "a figure of a slide never shown"
        )
        self.teacher.by("slide-item").nth(FIGURE_SLIDE).click()
        self._draw(1)

    def _come_back(self) -> None:
        for host in self.laptop.topology.hosts:
            self.laptop.wait_ready(host.name)
        self.laptop.revive("edge")
        for screen in (self.teacher, self.board):
            screen.expect_connection("online", timeout=RECOVERY_MS)
        self.told.online_seconds = time.monotonic() - self.began_again
        self.board.expect_at(self.teacher.at(), timeout=RECOVERY_MS)
        self.board.wait_until(self._same_ink, "the same ink on the board")
        self.board.expect_at(self.teacher.next())

    def _compare(self) -> None:
        session = self.teacher.session
        last: dict[str, Document] = {}

        def equal() -> bool:
            last.update(
                teacher=kept_document(self.teacher, "teacher", session),
                board=kept_document(self.board, "board", session),
                hosts=hosts_document(self.laptop, session),
            )
            return last["teacher"] == last["board"] == last["hosts"]

        try:
            self.teacher.wait_until(equal, "one document everywhere", seconds=20)
        finally:
            ink = [stroke[1:] for stroke in last["hosts"]["ink"].values()]
            different = {tuple(points) for points in ink}
            self.told.lost = self.told.drawn - len(different)
            self.told.doubled = len(ink) - len(different)
        assert self.told.lost == 0, f"{self.told.lost} strokes are lost"
        assert self.told.doubled == 0, f"{self.told.doubled} strokes are doubled"


def kept_document(screen: Screen, role: str, session: str) -> Document:
    """What a browser would begin with after a reload."""
    updates = screen.page.evaluate(KEPT_UPDATES, f"firstbell.doc.{role}.{session}")
    return _document([base64.b64decode(update) for update in updates])


def hosts_document(laptop: Laptop, session: str) -> Document:
    """What the hosts have written down, all nodes' rows merged, as a node does it that opens the session."""
    states: list[bytes] = []
    for host in laptop.topology.hosts:
        connection = psycopg2.connect(laptop.dsn(host.name))
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT state FROM realtime_snapshot WHERE session = %s", (session,))
            states += [bytes(state) for (state,) in cursor.fetchall()]
        connection.close()
    return _document(states)


def _document(updates: list[bytes]) -> Document:
    doc: pycrdt.Doc = pycrdt.Doc()
    maps = {name: doc.get(name, type=pycrdt.Map) for name in ("show", "ink", "boards")}
    for update in updates:
        doc.apply_update(update)
    return {name: value.to_py() or {} for name, value in maps.items()}


@contextmanager
def stopped(screen: Screen) -> Iterator[None]:
    """SIGSTOP to all of this screen's browser, then SIGCONT: to its page it is a lid that was shut."""
    family = browser_of(screen)
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(family):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def browser_of(screen: Screen) -> list[psutil.Process]:
    """The processes of the Chromium that has this screen's profile, parents first."""
    sign = f"--user-data-dir={screen.profile}"
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if sign in process.cmdline():
                return [process, *process.children(recursive=True)]
    raise AssertionError(f"no browser has the profile {screen.profile}")


def all_servers_dead(options: Options) -> Report:
    rounds = 1 if options.short else min(options.times, 5)
    told: list[Told] = []
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="firstbell-drill-") as folder,
        sync_playwright() as driver,
    ):
        Path(folder).chmod(0o755)
        base = ports.free_base(14000)
        laptop = Laptop(state_path=Path(folder) / "run", hosts=3, port_base=base)
        screens: Screens | None = None
        try:
            laptop.up()
            screens = Screens(driver, laptop.topology.page_url, Path(folder))
            teacher, board = screens.teacher(), screens.board()
            teacher.sign_in("ada", "firstbell-demo")
            expect(teacher.by("user-name")).to_be_visible()
            outage = Outage(laptop, teacher, board)
            outage.begin()
            for number in range(1, rounds + 1):
                outage.told = Told(drawn=sum(one.drawn for one in told))
                one = outage.run(10 if options.short else 40, 2 if options.short else 6, SLEEP_SECONDS)  # fmt: skip
                one.drawn -= sum(earlier.drawn for earlier in told)
                told.append(one)
                print(f"all-servers-dead: {number} of {rounds}: {one}", flush=True)
                if one.faults:
                    break
                outage.wait_ready()
        finally:
            if screens:
                screens.close()
            laptop.down()
    return _report(told, options)


def _report(told: list[Told], options: Options) -> Report:
    steps = [step for one in told for step in one.steps]
    faults = [fault for one in told for fault in one.faults]
    lost, doubled = sum(one.lost for one in told), sum(one.doubled for one in told)
    names = [str(number) for number in range(1, len(told) + 1)]
    return Report(
        "all-servers-dead",
        "All servers dead: a lesson goes on without any",
        "All hosts and the edge die by SIGKILL; teacher and board go on directly, are reloaded without servers, and meet the hosts again.",
        figures=[
            Figure("outages", len(told)),
            Figure("slides turned without servers", len(steps)),
            Figure("strokes drawn without servers", sum(one.drawn for one in told)),
            Figure("strokes lost", lost, "", "0", lost == 0),
            Figure("strokes doubled", doubled, "", "0", doubled == 0),
            Figure("what was not as it must be", len(faults), "", "0", not faults),
            Figure("slide turned until the board shows it, median", round(statistics.median(steps), 1) if steps else None, "ms"),
            Figure("slide turned until the board shows it, slowest", round(max(steps), 1) if steps else None, "ms"),
            Figure("first host started again until both pages are online, slowest", round(max(one.online_seconds for one in told), 1), "s"),
        ],
        plots=[
            Plot("Slide turned until the board shows it", "ms", names, {
                "median": [round(statistics.median(one.steps), 1) if one.steps else None for one in told],
                "slowest": [round(max(one.steps), 1) if one.steps else None for one in told],
            }),
        ],
        conditions=conditions(hosts=3, browsers="2 Chromium profiles on this machine", short=options.short,
                              board_sleeps_seconds=SLEEP_SECONDS),
        details={"outages": [vars(one) for one in told]},
    )  # fmt: skip
