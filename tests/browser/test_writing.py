"""Writing a lesson in real Chromium: the editor, figures, copies, sharing, print, crashes, hostile text."""

import base64
import contextlib
import io
import math
import re
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from playwright.sync_api import Page

from cluster.local.laptop import Laptop
from tests.browser import axe, decks, pdf, xss
from tests.browser.conftest import Account
from tests.browser.screens import Board, Screen, Screens, Teacher, expect, pair
from tests.browser.test_pages import expect_keys_reach_everything
from tests.browser.test_pages import look as look
from tests.support.processes import kill_family

pytestmark = pytest.mark.timeout(200)

FIRST_LOAD_BYTES = 200_000
DECK = "# Tides\n\n---\n\n## Low water\n\n* One\n\n---\n\n## High water\n\nNote: ask who\n"


@pytest.fixture
def another(accounts: Iterator[Account]) -> Account:
    return next(accounts)


def png(shade: int = 200) -> bytes:
    """A real picture, as a camera would give it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(b"\0" + bytes([shade] * 32) for _ in range(16))
    head = struct.pack(">IIBBBBB", 32, 16, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tone() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(int(127 + 60 * math.sin(n / 4)) for n in range(800)))
    return out.getvalue()


def edit_new(teacher: Teacher, text: str = DECK) -> None:
    teacher.by("lesson-new").click()
    expect(teacher.by("editor-markdown")).to_be_visible()
    teacher.write(text)
    teacher.expect_written(text)


def save(teacher: Teacher) -> None:
    teacher.by("editor-save").click()
    expect(teacher.by("editor-status")).to_contain_text("Saved")


# ---- the editor


def test_the_first_load_is_small(laptop: Laptop) -> None:
    """Before a lesson is opened: the page and what it asks for, as the edge sends it."""

    def travels(path: str) -> int:
        asked = {"Accept-Encoding": "gzip"}
        with requests.get(url + path, headers=asked, stream=True, timeout=10) as answer:
            assert answer.headers["Content-Encoding"] == "gzip", path
            return len(answer.raw.read(decode_content=False))

    url = laptop.topology.page_url
    page = requests.get(url, timeout=10).text
    assets = set(re.findall(r'(?:src|href)="(/assets/[^"]+\.(?:js|css))"', page))
    assert assets
    sizes = {path: travels(path) for path in ["/", *assets]}
    assert sum(sizes.values()) < FIRST_LOAD_BYTES, sizes


def test_a_slide_is_seen_as_it_is_written_and_undo_takes_it_back(
    teacher: Teacher, look: Callable[[Screen, str], None]
) -> None:
    edit_new(teacher)
    preview = teacher.by("preview")
    expect(preview).to_contain_text("High water")
    expect(teacher.by("preview-name")).to_have_text("Slide 3 of 3")
    expect(preview).not_to_contain_text("ask who")
    teacher.page.keyboard.press("ControlOrMeta+Home")
    expect(preview).to_contain_text("Tides")
    expect(teacher.by("preview-name")).to_have_text("Slide 1 of 3")
    teacher.page.keyboard.press("End")
    teacher.page.keyboard.type(" and moon")
    expect(preview).to_contain_text("Tides and moon")
    teacher.page.keyboard.press("ControlOrMeta+z")
    teacher.expect_written(DECK)
    teacher.by("editor-redo").click()
    teacher.by("editor-undo").click()
    teacher.expect_written(DECK)
    teacher.by("new-slide").click()
    teacher.page.keyboard.type("New one")
    expect(teacher.by("preview-name")).to_have_text("Slide 2 of 4")
    expect(preview).to_contain_text("New one")
    look(teacher, "50-editor")
    expect_keys_reach_everything(teacher)
    teacher.by("editor-markdown").focus()
    teacher.page.keyboard.press("Tab")
    focused = teacher.page.evaluate("document.activeElement.closest('.cm-editor')")
    assert focused is None, "Tab leaves the text field"
    teacher.page.set_viewport_size({"width": 375, "height": 800})
    teacher.by("preview-toggle").click()
    expect(preview).to_have_count(0)
    assert teacher.by("editor-markdown").bounding_box()["height"] > 300  # type: ignore[index]
    teacher.by("preview-toggle").click()
    expect(preview).to_be_visible()
    assert axe.faults(teacher) == []
    teacher.assert_untroubled()


def test_figures_come_by_paste_drop_and_button_and_what_cannot_be_is_told(
    teacher: Teacher, look: Callable[[Screen, str], None], tmp_path: Path
) -> None:
    edit_new(teacher, "# Sea\n")
    teacher.paste(files={"low_tide.png": ("image/png", png())})
    teacher.wait_until(lambda: "![low tide](/media/" in teacher.written(), "the pasted picture")
    picture = teacher.by("preview").locator("img")
    expect(picture).to_be_visible()
    teacher.wait_until(lambda: picture.evaluate("i => i.naturalWidth") == 32, "the picture to load")
    drop(teacher, "bell.wav", "audio/wav", tone())
    teacher.wait_until(lambda: "![bell](/media/" in teacher.written(), "the dropped sound")
    sound = teacher.by("preview").locator("audio")
    expect(sound).to_have_attribute("controls", "")
    teacher.wait_until(lambda: sound.evaluate("a => a.duration") > 0.05, "the sound to load")
    choose(teacher, tmp_path / "scan.pdf", pdf.two_pages())
    teacher.wait_until(
        lambda: "page 2](/media/" in teacher.written(), "the pages of the PDF", seconds=60
    )
    expect(teacher.by("upload-progress")).to_have_count(0)
    first, second = re.findall(r"!\[scan, page \d\]\((\S+)\)", teacher.written())
    assert darkness(teacher, first) == pytest.approx(0.02, abs=0.019), "words in a font of our own"
    assert darkness(teacher, second) > 0.95, "a scan, decoded by WebAssembly in the worker"
    refused = {
        "notes.docx": b"PK\x03\x04 not a figure",
        "IMG_1.heic": b"\0\0\0\x18ftypheic\0\0\0\0",
        "clip.mov": b"\0\0\0\x14ftypqt  \0\0\0\0",
        "empty.png": b"",
        "torn.pdf": b"%PDF-1.7 torn",
        "evil.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
        "long.mp4": b"\0\0\0\x18ftypisom" + bytes(51 * 1024 * 1024),
    }
    before = teacher.written()
    for name, content in refused.items():
        choose(teacher, tmp_path / name, content)
    notes = teacher.by("upload-error")
    expect(notes).to_have_count(len(refused), timeout=30_000)
    told = dict(zip(refused, notes.all_inner_texts(), strict=True))
    words = [
        "Pictures (PNG",
        "as JPEG",
        "as MP4",
        "empty",
        "damaged",
        "contains <script>",
        "at most 50 MB",
    ]
    for (name, text), word in zip(told.items(), words, strict=True):
        assert text.startswith(name)
        assert word in text
    assert teacher.written() == before
    look(teacher, "51-editor-figures")
    for _ in refused:
        notes.first.get_by_role("button").click()
    expect(notes).to_have_count(0)
    save(teacher)
    assert teacher.exceptions == []


def choose(teacher: Teacher, path: Path, content: bytes) -> None:
    path.write_bytes(content)  # Playwright carries large ones no other way
    teacher.by("figure-file").set_input_files(path)


def drop(teacher: Teacher, name: str, kind: str, content: bytes) -> None:
    teacher.by("editor-markdown").evaluate(
        """(field, [name, type, content]) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            data.items.add(new File([bytes], name, { type }));
            const box = field.lastElementChild.getBoundingClientRect();
            const options = { dataTransfer: data, bubbles: true, cancelable: true,
                clientX: box.left + 2, clientY: box.top + 2 };
            field.dispatchEvent(new DragEvent('drop', options));
        }""",
        [name, kind, base64.b64encode(content).decode()],
    )


def darkness(teacher: Teacher, url: str) -> float:
    """The share of a stored picture's points that are dark."""
    return teacher.page.evaluate(
        """async (url) => {
            const shown = document.querySelector(`[data-media]`);
            const host = new URL(shown.src).origin;
            const picture = await createImageBitmap(await (await fetch(host + url)).blob());
            const canvas = new OffscreenCanvas(picture.width, picture.height);
            const context = canvas.getContext('2d');
            context.drawImage(picture, 0, 0);
            const { data } = context.getImageData(0, 0, picture.width, picture.height);
            let dark = 0;
            for (let at = 0; at < data.length; at += 4) dark += data[at] < 128 ? 1 : 0;
            return dark / (data.length / 4);
        }""",
        url,
    )


# ---- whole lessons


def test_a_lesson_is_copied_kept_as_a_file_brought_back_and_printed(
    teacher: Teacher, look: Callable[[Screen, str], None], tmp_path: Path
) -> None:
    teacher.import_file("tides.zip", decks.tides(slides=5))
    teacher.card("The tides").get_by_test_id("lesson-more").click()
    expect(teacher.by("lesson-menu")).to_be_visible()
    look(teacher, "52-lesson-menu")
    with teacher.page.expect_download() as download:
        teacher.by("lesson-download").click()
    path = tmp_path / "kept.zip"
    download.value.save_as(path)
    assert download.value.suggested_filename == "The tides.zip"
    with zipfile.ZipFile(path) as archive:
        assert "firstbell.json" in archive.namelist()
    expect(teacher.by("lesson-menu")).to_have_count(0)
    teacher.card("The tides").get_by_test_id("lesson-more").click()
    with teacher.page.expect_download() as download:
        teacher.by("lesson-download-reveal").click()
    assert download.value.suggested_filename == "The tides (reveal).zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.read("index.html").count(b"<section") == 5
    teacher.card("The tides").get_by_test_id("lesson-more").click()
    teacher.by("lesson-copy").click()
    expect(teacher.card("The tides (copy)")).to_be_visible()
    teacher.import_file("kept.zip", path.read_bytes())
    expect(teacher.by("lesson-card")).to_have_count(3)
    teacher.card("The tides (copy)").get_by_test_id("lesson-more").click()
    teacher.by("lesson-read").click()
    expect(teacher.by("reading-slide")).to_have_count(5)
    look(teacher, "53-reading")
    expect_keys_reach_everything(teacher)
    teacher.page.evaluate("window.print = () => { window.printed = true; }")
    teacher.by("reading-print").click()
    teacher.wait_until(lambda: teacher.page.evaluate("window.printed"), "the print dialog")
    paper = teacher.page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 5, "one slide a page"
    teacher.assert_untroubled()


def test_colleagues_read_and_copy_what_is_shared_and_see_nothing_else(
    teacher: Teacher,
    screens: Screens,
    another: Account,
    account: Account,
    look: Callable[[Screen, str], None],
) -> None:
    title = f"Shared by {account.username}"
    teacher.import_file("a.md", f"---\ntitle: {title}\n---\n\n{DECK}".encode())
    teacher.import_file(
        "b.md", f"---\ntitle: Private of {account.username}\n---\n\n{DECK}".encode()
    )
    teacher.card(title).get_by_test_id("lesson-more").click()
    teacher.by("lesson-share").click()
    expect(teacher.card(title).get_by_test_id("lesson-shared")).to_be_visible()
    colleague = screens.teacher()
    colleague.sign_in(another.username, another.password)
    card = colleague.by("school-lesson").filter(has_text=title)
    expect(card).to_contain_text(account.name)
    expect(colleague.by("school-lesson").filter(has_text="Private of")).to_have_count(0)
    look(colleague, "54-lessons-of-colleagues")
    expect_keys_reach_everything(colleague)
    card.get_by_test_id("school-lesson-read").click()
    expect(colleague.by("reading-author")).to_contain_text(account.name)
    address = colleague.page.url
    colleague.page.goto(address.replace("/read/", "/edit/"))
    expect(colleague.by("reading-author")).to_be_visible()
    colleague.by("reading-copy").click()
    expect(colleague.by("editor-title")).to_have_value(title)
    colleague.write("# Mine now\n")
    save(colleague)
    teacher.card(title).get_by_test_id("lesson-more").click()
    teacher.by("lesson-share").click()
    expect(teacher.card(title).get_by_test_id("lesson-shared")).to_have_count(0)
    colleague.page.goto(address)
    expect(colleague.by("error")).to_contain_text("no such lesson for you")
    teacher.assert_untroubled()


# ---- what was typed last


def test_a_draft_survives_a_crash_of_the_browser_up_to_the_last_words(
    teacher: Teacher, account: Account
) -> None:
    edit_new(teacher)
    save(teacher)
    teacher.page.keyboard.press("ControlOrMeta+End")
    teacher.by("editor-markdown").press_sequentially("typed just before the crash")
    expect(teacher.by("editor-status")).to_contain_text("kept on this device")
    teacher.page.wait_for_timeout(300)  # the disk
    crash(teacher)
    # What the browser itself keeps of the last seconds is gone: who is signed in, all of localStorage.
    if (
        teacher.by("sign-in-submit").or_(teacher.by("editor-markdown")).first.inner_text()
        == "Sign in"
    ):
        teacher.sign_in(account.username, account.password)
    expect(teacher.by("editor-markdown")).to_be_visible()
    assert "typed just before the crash" in teacher.written()
    expect(teacher.by("editor-status")).to_contain_text("Not saved yet")
    save(teacher)
    teacher.to_lessons()
    expect(teacher.page.get_by_text("unsaved draft")).to_have_count(0)
    teacher.reload()
    expect(teacher.by("lesson-card")).to_have_count(1)
    expect(teacher.page.get_by_text("unsaved draft")).to_have_count(0)


def crash(teacher: Teacher) -> None:
    """SIGKILL to all processes of this profile's browser, then the browser is started again."""
    teacher.url = teacher.page.url
    profile = f"--user-data-dir={teacher.profile}"
    mine = [
        process
        for process in psutil.process_iter(["cmdline"])
        if profile in (process.info["cmdline"] or [])
    ]
    assert mine
    for process in mine:
        with contextlib.suppress(psutil.NoSuchProcess):  # it went with its parent
            kill_family(process.pid)
    psutil.wait_procs(mine, timeout=10)
    teacher._context = None
    teacher._start()


# ---- hostile text


def test_nothing_of_the_xss_corpus_runs_or_fetches_anything(
    screens: Screens, account: Account
) -> None:
    """With the page's policy for scripts switched off: it would hide what the sanitiser lets through."""
    screens.trusting = True
    teacher, board = screens.teacher(), screens.board()
    for screen in (teacher, board):
        screen.page.context.add_init_script(xss.INIT)
        screen.reload()
    teacher.sign_in(account.username, account.password)
    html = "".join(f"<section><h2>n</h2>{one}</section>" for one in [*xss.CLOSED, *xss.NOT_CLOSED])
    slides = [f"## Slide {n}\n\n{one}\n\nNote:\n{one}" for n, one in enumerate(xss.CLOSED)]
    files = {
        "closed.md": "\n\n---\n\n".join(slides).encode(),
        "reveal.html": f'<div class="reveal"><div class="slides">{html}</div></div>'.encode(),
        **{
            f"open{n:02}.md": f"# Open {n}\n\n{one}\n\n---\n".encode()
            for n, one in enumerate(xss.NOT_CLOSED)
        },
    }
    page = teacher.page
    chosen = {"name": "x.zip", "mimeType": "application/zip", "buffer": decks.zipped(files)}
    teacher.by("import-file").set_input_files(chosen)  # type: ignore[arg-type]
    expect(teacher.by("import-done")).to_be_visible(timeout=60_000)
    cards = teacher.by("lesson-card")
    expect(cards).to_have_count(len(files))
    lessons = [card.get_attribute("data-lesson") for card in cards.all()]
    shown = {}
    start = page.url.split("#")[0]
    for lesson in lessons:
        page.goto(f"{start}#/read/{lesson}")
        expect(teacher.by("reading-slide").first).to_be_attached()
        expect(teacher.by("reading-title")).not_to_be_empty()
        shown[lesson] = teacher.by("reading-slide").count()
        provoke(page)
        page.goto(f"{start}#/")
        expect(cards.first).to_be_visible()
    assert sum(shown.values()) > len(xss.CLOSED) + len(xss.NOT_CLOSED)
    (closed,) = [lesson for lesson, count in shown.items() if count == len(xss.CLOSED)]
    teach(teacher, board, closed)
    preview(page, start, lessons)
    for screen in (teacher, board):
        assert [url for url in screen.requests if "evil" in url] == []
    # The trap itself works.
    for screen in (teacher, board):
        trap = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=xss()>')"
        screen.page.evaluate(trap)
        screen.page.wait_for_function("window.executed > 0")


def teach(teacher: Teacher, board: Board, lesson: str | None) -> None:
    """The presenter with its notes and thumbnails, and the board, which has a renderer of its own."""
    teacher.page.locator(f'[data-lesson="{lesson}"]').get_by_test_id("lesson-open").click()
    expect(teacher.by("slide")).to_be_visible()
    pair(teacher, board)
    expect(teacher.by("notes")).to_be_attached()
    for _ in range(2 * len(xss.CLOSED)):  # some slides have a step
        place = teacher.next()
        board.expect_at(place)
        provoke(board.page)
        assert teacher.page.evaluate(xss.LEFTOVERS) == []
        if place[0] == len(xss.CLOSED) - 1:
            break
    provoke(teacher.page)
    assert place[0] == len(xss.CLOSED) - 1, "the last slide was shown"
    teacher.to_lessons()


def provoke(page: Page) -> None:
    page.evaluate(xss.PROVOKE)
    assert page.evaluate(xss.LEFTOVERS) == []
    assert page.evaluate("window.executed") == 0
    assert len(page.frames) == 1


def preview(page: Page, start: str, lessons: list[str | None]) -> None:
    """The preview renders what was never seen by the API: pieces of text, as they are typed."""
    page.goto(f"{start}#/edit/{lessons[0]}")
    field = page.get_by_test_id("editor-markdown")
    expect(field).to_be_visible()
    for one in xss.NOT_CLOSED[:3] + xss.MUTATIONS[:3] + xss.MARKDOWN_TRICKS[-3:]:
        field.click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(f"## Now {one}\n\n{one}")
        page.wait_for_timeout(250)
        provoke(page)
