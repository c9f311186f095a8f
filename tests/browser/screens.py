"""What a teacher and a classroom board are to these tests: a Chromium with a profile of its own.

A screen writes down everything a person could have been troubled by: error notes (however short
their life), uncaught exceptions, reloads nobody asked for. It presses what people press and never
reaches into the pages' code.
"""

import base64
import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    WebSocket,
)
from playwright.sync_api import expect as expect

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = Path(__file__).with_name("watch.js")
LAPTOP_SCREEN = (1366, 768)
PATIENCE_MS = 15_000
"""For what has no figure to keep: two cores may be busy with other tests."""

expect.set_options(timeout=PATIENCE_MS)

FOLLOW_MS = 10_000
"""A board that has not followed after this never will; how fast it does is the drill's matter."""

NETWORK_NOISE = re.compile(
    r"Failed to load resource|WebSocket connection to|Access to (fetch|XMLHttpRequest|image)"
)
"""What Chromium itself writes about hosts that are dead: no page can keep it from that."""

AnyScreen = TypeVar("AnyScreen", bound="Screen")

Place = tuple[int, int]
"""Slide and step, both from 0."""


class Screen:
    """One Chromium, one profile, one page."""

    def __init__(
        self,
        playwright: Playwright,
        profile: Path,
        url: str,
        size: tuple[int, int] = LAPTOP_SCREEN,
        home: Path | None = None,
        locale: str | None = None,
        trusting: bool = False,
    ) -> None:
        self._playwright, self.profile, self.url, self._size = playwright, profile, url, size
        self._home, self.locale, self._trusting = home, locale, trusting
        self._context: BrowserContext | None = None
        self._earlier_errors: list[str] = []
        self._sockets: dict[WebSocket, bool] = {}
        self.exceptions: list[str] = []
        self.loads = 0
        self.asked_loads = 0
        self.requests: list[str] = []
        self._asking: set[Request] = set()
        self._start()

    # ---- the browser

    def _start(self) -> None:
        width, height = self._size
        self._context = self._playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=CHROMIUM,
            headless=True,
            args=ARGUMENTS,
            viewport={"width": width, "height": height},
            locale=self.locale,
            bypass_csp=self._trusting,
            env={**os.environ, **({"HOME": str(self._home)} if self._home else {})},
        )
        self._context.add_init_script(path=WATCH)
        self._context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self._context.pages[0]
        self._sockets.clear()
        self._asking.clear()
        self.page.on("pageerror", lambda error: self.exceptions.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("load", lambda _: self._count_load())
        self.page.on("request", self._watch_request)
        self.page.on("requestfinished", lambda request: self._asking.discard(request))
        self.page.on("requestfailed", lambda request: self._asking.discard(request))
        self.page.on("websocket", self._watch_socket)
        self.asked_loads += 1
        self.page.goto(self.url)

    def restart(self) -> None:
        """The browser is closed and started again with its profile, as after an update."""
        self.url = self.page.url
        self.close()
        self._start()

    def reload(self) -> None:
        self.asked_loads += 1
        self.page.reload()

    def close(self) -> None:
        if self._context is not None:
            self._earlier_errors += self._errors_now()
            self._context.close()
            self._context = None

    def _count_load(self) -> None:
        self.loads += 1

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not NETWORK_NOISE.search(message.text):
            self.exceptions.append(message.text)

    def _watch_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if "/api/" in request.url:
            self._asking.add(request)

    def _watch_socket(self, socket: WebSocket) -> None:
        def heard(_: str | bytes) -> None:
            self._sockets[socket] = True

        def closed(_: WebSocket) -> None:
            self._sockets.pop(socket, None)

        self._sockets[socket] = False
        socket.on("framereceived", heard)
        socket.on("close", closed)

    @property
    def sockets(self) -> set[str]:
        """Addresses of the realtime hosts that have answered this page on a socket still open."""
        return {socket.url for socket, heard in self._sockets.items() if heard}

    # ---- what it may never do

    @property
    def errors(self) -> list[str]:
        """Every error note that was ever on this screen."""
        return self._earlier_errors + self._errors_now()

    def _errors_now(self) -> list[str]:
        return self.page.evaluate("JSON.parse(sessionStorage.getItem('watch.errors') ?? '[]')")

    def assert_untroubled(self) -> None:
        """No error note, no exception, no reload that was not asked for."""
        assert self.errors == []
        assert self.exceptions == []
        assert self.loads == self.asked_loads

    def assert_has_asked(self, origin: str) -> None:
        """The page did send a request there since `requests` was last cleared."""
        assert any(url.startswith(f"{origin}/api/") for url in self.requests), self.requests

    # ---- parts of the page

    def by(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def at(self) -> Place:
        slide = self.by("slide")
        return int(slide.get_attribute("data-slide") or 0), int(
            slide.get_attribute("data-step") or 0
        )

    def expect_at(self, place: Place, timeout: float = FOLLOW_MS) -> None:
        slide, step = place
        shown = self.page.locator(
            f'[data-testid="slide"][data-slide="{slide}"][data-step="{step}"]'
        )
        expect(shown).to_be_visible(timeout=timeout)

    def expect_connection(self, state: str, timeout: float = FOLLOW_MS) -> None:
        expect(self.by("connection-state")).to_have_attribute("data-state", state, timeout=timeout)

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
        """Poll while the page's events go on; the condition's first true value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            self.page.wait_for_timeout(50)
        raise AssertionError(f"waited {seconds} s for {what}")

    def kept(self, key: str) -> Any:
        """What the page keeps under `key` on this device."""
        return self.page.evaluate(
            "key => JSON.parse(localStorage.getItem('firstbell.' + key))", key
        )

    def choose_host(self, name: str) -> None:
        """Make this the host that the page uses for the API, as if chance had chosen it.

        Reloads: a page remembers for 30 s, and not only in storage, which hosts failed it.
        """
        self.wait_until_quiet()
        self.page.evaluate(
            """name => {
                localStorage.setItem('firstbell.hosts.choice', JSON.stringify(name));
                localStorage.removeItem('firstbell.hosts.aside');
            }""",
            name,
        )
        self.reload()
        # What the page asks at its start must not be what finds the host dead.
        self.wait_until_quiet()

    def wait_until_quiet(self) -> None:
        """All that the page asked is answered."""
        self.wait_until(self._is_quiet, "the page's questions to be answered")

    def _is_quiet(self) -> bool:
        """Nothing is being asked, nor was within half a second."""
        before = len(self.requests)
        self.page.wait_for_timeout(500)
        return not self._asking and len(self.requests) == before


class Teacher(Screen):
    """The teacher's page."""

    def sign_in(self, username: str, password: str) -> None:
        self.by("sign-in-username").fill(username)
        self.by("sign-in-password").fill(password)
        self.by("sign-in-submit").click()

    def import_file(self, name: str, content: bytes) -> None:
        """Choose a file in the import dialog; returns when it was read or refused."""
        kind = "application/zip" if name.endswith(".zip") else "text/markdown"
        self.by("import-file").set_input_files({"name": name, "mimeType": kind, "buffer": content})
        outcome = self.by("import-done").or_(self.by("error")).first
        expect(outcome).to_be_visible(timeout=60_000)

    def card(self, title: str) -> Locator:
        return self.by("lesson-card").filter(has_text=title)

    def open_lesson(self, title: str) -> None:
        self.card(title).first.get_by_test_id("lesson-open").click()
        expect(self.by("presenter")).to_be_visible()
        expect(self.by("slide")).to_be_visible()

    def to_lessons(self) -> None:
        self.by("to-lessons").click()
        expect(self.by("lesson-card").first).to_be_visible()

    def type_code(self, code: str) -> None:
        if not self.by("pair-code-input").is_visible():
            self.by("pair-open").click()
        self.by("pair-code-input").fill(code)
        self.by("pair-submit").click()

    def next(self) -> Place:
        """Press next; where this page then is."""
        self.by("next").click()
        return self.at()

    def write(self, text: str) -> None:
        """Replace the whole Markdown in the editor, as somebody who pastes it does."""
        self.by("editor-markdown").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.press("Delete")
        self.paste(text)

    def paste(self, text: str = "", files: dict[str, tuple[str, bytes]] | None = None) -> None:
        """Paste into the editor: text, or files by name with their type and content."""
        self.by("editor-markdown").evaluate(
            """(field, { text, files }) => {
                const data = new DataTransfer();
                if (text) data.setData('text/plain', text);
                for (const [name, type, content] of files) {
                    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
                    data.items.add(new File([bytes], name, { type }));
                }
                const options = { clipboardData: data, bubbles: true, cancelable: true };
                field.dispatchEvent(new ClipboardEvent('paste', options));
            }""",
            {
                "text": text,
                "files": [
                    [name, kind, base64.b64encode(content).decode()]
                    for name, (kind, content) in (files or {}).items()
                ],
            },
        )

    def written(self) -> str:
        """The Markdown in the editor; of a long text only what is near the cursor."""
        return self.by("editor-markdown").evaluate(
            "field => [...field.querySelectorAll('.cm-line')].map((l) => l.textContent).join('\\n')"
        )

    def expect_written(self, text: str) -> None:
        expect(self.by("editor-markdown")).to_be_visible()
        self.wait_until(lambda: self.written() == text, f"{text!r} in the editor")

    @property
    def is_at_end(self) -> bool:
        return self.by("next").is_disabled()

    @property
    def slide_count(self) -> int:
        return self.by("slide-item").count()

    @property
    def session(self) -> str:
        """The teaching session of the one teacher who signed in on this profile."""
        return self.page.evaluate(
            """() => {
                const key = Object.keys(localStorage).find((k) => k.startsWith('firstbell.teaching.'));
                return JSON.parse(localStorage.getItem(key)).id;
            }"""
        )


class Board(Screen):
    """The classroom screen."""

    def code(self) -> str:
        shown = self.by("board-code")
        expect(shown).to_be_visible()
        return shown.get_attribute("data-code") or ""

    def number(self) -> str:
        """What it shows to the teacher who typed its code."""
        shown = self.by("board-number")
        expect(shown).to_be_visible()
        return shown.get_attribute("data-number") or ""

    @property
    def lesson(self) -> str:
        return self.by("slide").get_attribute("data-lesson") or ""


class Screens:
    """Opens screens on one page; `folder` holds their profiles.

    `home` is the browsers' home folder: where Chromium looks for CAs to trust. None: this user's own.
    `locale` is the language that screens opened from then on prefer ("nl-NL"). None: Chromium's own, English.
    `trusting`: from then on the pages' own policy of what may run and be fetched is not kept.
    """

    def __init__(
        self, playwright: Playwright, page_url: str, folder: Path, home: Path | None = None
    ) -> None:
        self._playwright, self._page_url = playwright, page_url
        self._folder, self._home = folder, home
        self.locale: str | None = None
        self.trusting = False
        self.open: list[Screen] = []

    def teacher(self, size: tuple[int, int] = (1366, 768)) -> Teacher:
        return self._add(Teacher, "", size)

    def board(self, size: tuple[int, int] = (1366, 768)) -> Board:
        return self._add(Board, "/board", size)

    def _url(self, path: str) -> str:
        return f"{self._page_url}{path}"

    def _profile(self) -> Path:
        return self._folder / f"profile{len(self.open) + 1}"

    def _add(self, kind: type[AnyScreen], path: str, size: tuple[int, int]) -> AnyScreen:
        screen = kind(
            self._playwright, self._profile(), self._url(path), size, self._home, self.locale, self.trusting
        )  # fmt: skip
        self.open.append(screen)
        return screen

    def close(self) -> None:
        for screen in self.open:
            screen.close()


def pair(teacher: Teacher, board: Board, name: str = "") -> None:
    """By the code and the number on the board; returns when it is paired. `name`: it is remembered so."""
    # Boards that an earlier lesson of this teacher left come with the document, and close the form.
    teacher.expect_connection("online")
    teacher.wait_until_quiet()
    teacher.type_code(board.code())
    expect(teacher.by("pair-symbol")).to_be_visible()
    expect(board.by("board-symbol")).to_be_visible()
    symbol = board.by("board-symbol").get_attribute("data-symbol")
    assert teacher.by("pair-symbol").get_attribute("data-symbol") == symbol
    teacher.by("pair-number").fill(board.number())
    if name:
        teacher.by("pair-name").fill(name)
    teacher.by("pair-confirm").click()
    expect(board.by("board")).to_be_visible()


def ranked(session: str, names: list[str]) -> list[str]:
    """The order in which pages try hosts for a session, best first: realtime/PROTOCOL.md, Hosts."""
    return sorted(
        names,
        key=lambda name: hashlib.sha256(f"{name}:{session}".encode()).digest()[:8],
        reverse=True,
    )
