"""Every page on a phone, a laptop and a large board, in Dutch, whose words are the longer ones: nothing sticks out, keys
reach everything, axe finds nothing in light or dark, no English word was left.

Pictures of each go to reports/screenshots/, for people to look at.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser import axe, decks, tongue
from tests.browser.conftest import Account
from tests.browser.hands import draw, press, strokes
from tests.browser.screens import Board, Screen, Screens, Teacher, expect

pytestmark = pytest.mark.timeout(200)

SIZES = {"phone": (375, 800), "laptop": (1366, 768), "wall": (3840, 2160)}

LONG = (
    b"""# Een les met een ongewoon lange titel die geen enkele kop van welke pagina ook ooit op een regel houdt

---

## Brede code

```bash
cut -d , -f 2 dieren.csv | sort | uniq -c | sort -rn | head -n 3 | tee de-drie-meest-voorkomende-dieren-van-allemaal.txt
```

---

## Een tabel

| Dier | Gezien | Waar | Door wie | Opmerkingen van de waarnemer |
| --- | ---: | --- | --- | --- |
| ree | 4 | aan de rand van het bos | de klas van meneer Holmgren | schuw |
| konijn | 22 | overal | iedereen | niet schuw |

---

## Meer dan een dia kan bevatten

"""
    + b"\n\n".join(
        b"Alinea %d gaat maar door over niets in het bijzonder, zoals teksten van leeslessen dat doen, zodat"
        b" alles kleiner moet worden om helemaal te worden gezien." % number
        for number in range(1, 13)
    )
    + b"""

---

## Formules en een citaat

> Wat zonder moeite geschreven wordt, wordt meestal zonder genoegen gelezen.

Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft

Note: Notities met een lijst:

* een
* twee
"""
)

STICKING_OUT = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = (element) => {
        for (let at = element.parentElement; at; at = at.parentElement) {
            if (getComputedStyle(at).overflowX !== 'visible') return true;
        }
        return false;
    };
    const out = [...document.body.querySelectorAll('*')].filter((element) => {
        const box = element.getBoundingClientRect();
        if (box.width === 0 || box.height === 0) return false;
        return (box.right > width + 1 || box.left < -1) && !scrolls(element);
    });
    const shown = (element) => element.getClientRects().length > 0
        && !element.closest('.visually-hidden');
    const squeezed = [...document.querySelectorAll('button, .connection')].filter(
        (element) => shown(element) && element.scrollWidth > element.clientWidth + 2);
    const onTop = [...document.querySelectorAll('header')].flatMap((header) => {
        const parts = [...header.children].filter(shown).map((e) => [e, e.getBoundingClientRect()]);
        const overlaps = (one, other) => one.left < other.right - 1 && one.top < other.bottom - 1;
        return parts.slice(1).filter(([, box], index) => overlaps(box, parts[index][1]))
            .map(([element]) => element);
    });
    out.push(...squeezed, ...onTop);
    return {
        page: document.documentElement.scrollWidth - width,
        elements: out.map((e) => `${e.tagName}.${e.className} ${e.dataset?.testid ?? ''}`),
    };
}"""

MOVING = """() => [...document.querySelectorAll('*')].filter((element) => {
    const style = getComputedStyle(element);
    const fades = style.transitionProperty !== 'none' && parseFloat(style.transitionDuration) > 0;
    return fades || style.animationName !== 'none' || style.scrollBehavior === 'smooth';
}).map((element) => element.outerHTML.slice(0, 120))"""

CONTROLS = """() => {
    const all = [...document.querySelectorAll('button, a[href], input, textarea, select, summary')];
    return all.filter((e) => !e.disabled && e.tabIndex >= 0 && e.checkVisibility())
        .map((e, index) => { e.dataset.control = index; return {
            control: String(index),
            name: (e.ariaLabel || e.innerText || e.labels?.[0]?.innerText || e.title || '').trim(),
            html: e.outerHTML.slice(0, 120),
        }; });
}"""


@pytest.fixture
def look(screenshot: Callable[[Screen, str], Path]) -> Iterator[Callable[[Screen, str], None]]:
    """Checks a page in all sizes and takes its pictures; tells at the end all that is wrong with any."""
    faults = []

    def look_at(screen: Screen, name: str) -> None:
        screen.page.emulate_media(reduced_motion="reduce")
        for size, (width, height) in SIZES.items():
            screen.page.set_viewport_size({"width": width, "height": height})
            screen.page.evaluate("document.fonts.ready")
            screen.page.wait_for_timeout(100)  # pages are fitted anew when a frame was drawn
            screenshot(screen, f"{name}-{size}")
            found = screen.page.evaluate(STICKING_OUT)
            if found != {"page": 0, "elements": []}:
                faults.append(f"{name} at {width}x{height}: {found}")
        width, height = SIZES["laptop"]
        screen.page.set_viewport_size({"width": width, "height": height})
        moving = screen.page.evaluate(MOVING)
        if moving:
            faults.append(f"{name} moves though motion is to be reduced: {moving[:3]}")
        faults.extend(f"{name}: {fault}" for fault in axe.faults(screen) + tongue.faults(screen))

    yield look_at
    assert not faults, "\n".join(faults)


def expect_keys_reach_everything(screen: Screen) -> None:
    """Tab comes by every control, shows where it is, and each control has a name to be read out."""
    controls = screen.page.evaluate(CONTROLS)
    assert [c["html"] for c in controls if not c["name"]] == []
    screen.page.evaluate("document.activeElement?.blur()")
    missing = {control["control"]: control["html"] for control in controls}
    unmarked = []
    for _ in range(len(controls) + 10):
        screen.page.keyboard.press("Tab")
        focused = screen.page.evaluate(
            """() => { const e = document.activeElement; const style = getComputedStyle(e);
                return { control: e?.dataset?.control ?? null, html: e.outerHTML.slice(0, 120),
                    marked: style.outlineStyle !== 'none' || style.boxShadow !== 'none' }; }"""
        )
        missing.pop(focused["control"], None)
        if focused["control"] is not None and not focused["marked"]:
            unmarked.append(focused["html"])
    assert list(missing.values()) == []
    assert unmarked == []


def test_every_page_fits_a_phone_a_laptop_and_a_wall(
    screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    screens.locale = "nl-NL"
    teacher, board = screens.teacher(), screens.board()
    look(teacher, "01-sign-in")
    expect_keys_reach_everything(teacher)
    teacher.sign_in(account.username, "wrong")
    expect(teacher.by("error")).to_be_visible()
    look(teacher, "02-sign-in-refused")
    teacher.sign_in(account.username, account.password)
    expect(teacher.by("lesson-new")).to_be_visible()
    look(teacher, "03-no-lessons-yet")
    teacher.import_file("long.md", LONG + b"\n\n---\n\n## Weg\n\n![weg](fig/weg.png)\n")
    teacher.import_file("tides.zip", decks.tides(title="De getijden"))
    teacher.import_file("long.md", LONG + b"\n\n---\n\n## Weg\n\n![weg](fig/weg.png)\n")
    look(teacher, "04-lessons")
    expect_keys_reach_everything(teacher)
    edit(teacher, look)
    teach(teacher, board, look)


def edit(teacher: Teacher, look: Callable[[Screen, str], None]) -> None:
    teacher.card("De getijden").get_by_test_id("lesson-edit").click()
    expect(teacher.by("editor-markdown")).to_be_visible()
    look(teacher, "05-editor")
    expect_keys_reach_everything(teacher)
    teacher.by("editor-markdown").press("Control+f")
    look(teacher, "05-editor-search")
    teacher.page.keyboard.press("Escape")
    teacher.by("lesson-delete").click()
    expect(teacher.by("delete-dialog")).to_be_visible()
    look(teacher, "06-delete-dialog")
    teacher.page.keyboard.press("Escape")
    expect(teacher.by("delete-dialog")).to_have_count(0)
    teacher.to_lessons()


def teach(teacher: Teacher, board: Board, look: Callable[[Screen, str], None]) -> None:
    teacher.open_lesson("De getijden")
    teacher.expect_connection("online")
    look(teacher, "10-presenter-without-board")
    code = board.code()
    look(board, "20-board-code")
    expect_keys_reach_everything(board)
    teacher.type_code(code)
    expect(teacher.by("pair-symbol")).to_be_visible()
    look(teacher, "11-presenter-compare")
    look(board, "21-board-offer")
    teacher.by("pair-number").fill(board.number())
    teacher.by("pair-confirm").click()
    board.expect_at((0, 0))
    show_slides(teacher, board, look)


def show_slides(teacher: Teacher, board: Board, look: Callable[[Screen, str], None]) -> None:
    look(board, "22-board-title")
    teacher.by("slide-item").nth(2).click()
    teacher.next()
    teacher.next()
    board.expect_at((2, 2))
    look(board, "23-board-figure-and-steps")
    look(teacher, "12-presenter")
    expect_keys_reach_everything(teacher)
    teacher.by("blank-black").click()
    expect(board.by("board-blank")).to_have_attribute("data-blank", "black")
    look(board, "24-board-black")
    look(teacher, "13-presenter-black")
    teacher.by("blank-black").click()
    with_all_tools(teacher, board, look)
    teacher.to_lessons()
    teacher.open_lesson("ongewoon lange titel")
    for slide, name in enumerate(["long-title", "code", "table", "much-text", "quote", "gone"]):
        teacher.by("slide-item").nth(slide).click()
        board.expect_at((slide, 0))
        look(board, f"3{slide}-board-{name}")
    look(teacher, "14-presenter-long")
    assert len(teacher.errors) == 1
    assert teacher.exceptions == []
    board.assert_untroubled()


def with_all_tools(teacher: Teacher, board: Board, look: Callable[[Screen, str], None]) -> None:
    """A lesson with pen, timer and a board that may draw; then what is opened beside it."""
    teacher.by("timer").click()
    look(teacher, "15-presenter-timer-choice")
    teacher.by("timer-5").click()
    teacher.by("pen").click()
    draw(teacher, [(0.2, 0.4), (0.6, 0.5)])
    teacher.by("boards-draw").check()
    expect(board.by("board-pens")).to_be_visible()
    expect(strokes(board)).to_have_count(1)
    look(teacher, "16-presenter-tools")
    look(board, "25-board-pens-and-timer")
    expect_keys_reach_everything(board)
    for key, dialog in (("o", "overview"), ("?", "help")):
        press(teacher, key)
        expect(teacher.by(f"{dialog}-dialog")).to_be_visible()
        look(teacher, f"17-{dialog}")
        teacher.page.keyboard.press("Escape")
    board.page.mouse.move(300, 200)  # wakes the buttons
    board.by("board-leave").click()
    expect(board.by("leave-dialog")).to_be_visible()
    look(board, "26-board-leave")
    board.page.keyboard.press("Escape")
    teacher.by("boards-draw").uncheck()
    teacher.by("timer-remove").click()
    teacher.by("pen").click()
