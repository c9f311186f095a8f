"""Export and import of whole lessons through the API: what comes back is the same lesson."""

import hashlib
import html
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webapp.support import Client, error_of, make_zip, new_lesson, uuid7
from webapp import lessons

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>'


def put_figure(client: Client, content: bytes, extension: str) -> str:
    name = f"{hashlib.sha256(content).hexdigest()}.{extension}"
    answer = client.ask("PUT", f"media/{name}", data=content)
    assert answer.ok, answer.text
    return str(answer.json()["url"])


def come_back(client: Client, lesson_id: str) -> dict[str, Any]:
    packed = client.get(f"lessons/{lesson_id}/archive")
    assert packed.status_code == 200, packed.text
    assert packed.headers["Content-Type"] == "application/zip"
    answer = client.import_(packed.content)
    assert answer.status_code == 200, answer.text
    (lesson,) = answer.json()["lessons"]
    return dict(client.get(f"lessons/{lesson['id']}").json())


def essence(lesson: dict[str, Any]) -> dict[str, Any]:
    return {name: lesson[name] for name in ("title", "markdown", "slides", "warnings")}


BLOCKS = st.sampled_from(
    [
        "# A heading",
        "---",
        "* one\n* two",
        "Note: ask who",
        "![bell](FIGURE0)",
        '`FIGURE1` ![x](<FIGURE1> "t")',
        '<img src="FIGURE1">',
        "![ref][a]\n\n[a]: FIGURE0",
        "![gone](figures/none.png)",
        "![gone](/media/ab/ab.png)",
        "```\nfigures/\n---\n```",
        "::: challenge\n\n### Try\n\n:::",
        "---\ntitle: Front\n---",
        "marp: true",
    ]
) | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    title=st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=60
    ),
    blocks=st.lists(BLOCKS, max_size=12),
)
def test_any_lesson_comes_back_the_same(teacher: Client, title: str, blocks: list[str]) -> None:
    figures = [put_figure(teacher, SVG, "svg"), put_figure(teacher, b"ID3 a bell", "mp3")]
    markdown = "\n\n".join(blocks)
    for number, url in enumerate(figures):
        markdown = markdown.replace(f"FIGURE{number}", url)
    body = {"title": title, "markdown": markdown, "version": uuid7(), "base_version": None}
    answer = teacher.put(f"lessons/{uuid7()}", body)
    if answer.status_code == 400:
        return  # A title of blanks.
    assert essence(come_back(teacher, answer.json()["id"])) == essence(answer.json())


def test_the_zip_holds_the_figures_under_names_that_other_programs_find(teacher: Client) -> None:
    url = put_figure(teacher, SVG, "svg")
    lesson = new_lesson(teacher, f"# A\n\n![a square]({url})\n", "Squares & co")
    packed = teacher.get(f"lessons/{lesson['id']}/archive")
    assert 'filename="Squares-co.zip"' in packed.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        name = url.rsplit("/", 1)[-1]
        assert archive.read(f"figures/{name}") == SVG
        assert f"(figures/{name})" in archive.read("Squares-co.md").decode()


def test_a_zip_that_was_unpacked_and_packed_again_in_a_folder_still_comes_back(
    teacher: Client,
) -> None:
    lesson = new_lesson(teacher, f"![]({put_figure(teacher, SVG, 'svg')})\n", "Title of its own")
    packed = teacher.get(f"lessons/{lesson['id']}/archive").content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        files: dict[str, bytes | str] = {
            f"My lesson/{n}": archive.read(n) for n in archive.namelist()
        }
    (back,) = teacher.import_(make_zip(files)).json()["lessons"]
    assert essence(teacher.get(f"lessons/{back['id']}").json()) == essence(lesson)


def test_a_host_that_lacks_a_figure_sends_the_browser_to_another(
    teacher: Client, media_root: Path
) -> None:
    content = SVG.replace(b"1", b"7")
    url = put_figure(teacher, content, "svg")
    lesson = new_lesson(teacher, f"![]({url})\n")
    (media_root / url.removeprefix("/media/")).unlink()
    answer = teacher.get(f"lessons/{lesson['id']}/archive")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "figure_absent"
    put_figure(teacher, content, "svg")
    assert teacher.get(f"lessons/{lesson['id']}/archive").status_code == 200


def test_control_characters_are_refused_before_they_are_stored(teacher: Client) -> None:
    body = {"title": "A", "markdown": "# A\n\nx\u0002", "version": uuid7(), "base_version": None}
    answer = teacher.put(f"lessons/{uuid7()}", body)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "not_text"
    assert "line 3" in error_of(answer)["message"]


# ---- reveal.js and Marp

REVEAL = """<!doctype html><html><head><title>Moon</title></head><body><div class="reveal"><div class="slides">
<section><h1>Moon</h1><img src="fig/moon.svg" alt="full moon"><aside class="notes">Look up</aside></section>
<section data-markdown="more.md"></section>
<section><h2>Dot</h2><img src="data:image/svg+xml;base64,DATA" alt="dot"></section>
</div></div></body></html>"""


def reveal_zip() -> bytes:
    import base64

    deck = REVEAL.replace("DATA", base64.b64encode(SVG.replace(b"1", b"2")).decode())
    files: dict[str, bytes | str] = {"deck/index.html": deck, "deck/more.md": "## More\n\n* a\n"}
    return make_zip({**files, "deck/fig/moon.svg": SVG, "deck/about.html": "<h1>About</h1>"})


def test_a_reveal_deck_with_its_files_is_one_lesson(teacher: Client) -> None:
    answer = teacher.import_(reveal_zip())
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["lessons"]
    assert answer.json()["warnings"] == []
    lesson = teacher.get(f"lessons/{row['id']}").json()
    assert [slide["title"] for slide in lesson["slides"]] == ["Moon", "More", "Dot"]
    assert lesson["slides"][0]["notes"] == "Look up"
    assert lesson["markdown"].count("/media/") == 2
    assert "data:" not in lesson["markdown"]


def test_a_reveal_deck_by_itself_names_the_figures_that_it_lacks(teacher: Client) -> None:
    answer = teacher.import_(REVEAL.encode(), "text/html", "moon.html")
    assert answer.status_code == 200, answer.text
    messages = " ".join(one["message"] for one in answer.json()["warnings"])
    assert "fig/moon.svg is missing" in messages
    assert "more.md of the deck is missing" in messages


def test_html_that_is_no_deck_is_refused_in_words(teacher: Client) -> None:
    answer = teacher.import_(b"<h1>Hello</h1>", "text/html", "page.html")
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "no_slides"
    assert error_of(answer)["message"].startswith("page.html: ")


def test_a_marp_deck_is_divided_as_marp_does_it(teacher: Client) -> None:
    deck = "---\nmarp: true\nheadingDivider: 2\n---\n\n# A\n\n## B\n\n![bg right](x.png)\n"
    (row,) = teacher.import_(deck.encode(), "text/markdown", "a.md").json()["lessons"]
    assert row["slide_count"] == 2


# ---- decks for other programs

DEMO = Path(lessons.__file__).parent / "demo" / "first-bell.md"


def slides_of(lesson: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Without what says in either syntax that an item comes by itself."""
    return [
        (
            slide["title"],
            slide["markdown"].replace(' <!-- .element: class="fragment" -->', ""),
            slide["notes"],
        )
        for slide in lesson["slides"]
    ]


def exported(client: Client, lesson_id: str, program: str) -> dict[str, bytes]:
    packed = client.get(f"lessons/{lesson_id}/archive?for={program}")
    assert packed.status_code == 200, packed.text
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("program", ["marp", "reveal"])
def test_a_deck_for_another_program_comes_back_with_the_same_slides_and_notes(
    teacher: Client, program: str
) -> None:
    """Imported as the other program's deck: nothing of ours is in the zip that would say more."""
    markdown = DEMO.read_text().replace("fig/bell.svg", put_figure(teacher, SVG, "svg"))
    markdown += (
        '\n---\n\n## "Quotes" & <tags>\n\n```html\n* <b>no step</b>\n***\n---\n```\n\nNote: a --> b'
    )
    lesson = new_lesson(teacher, markdown, 'Bells: "loud" & <clear>')
    files = exported(teacher, lesson["id"], program)
    assert "firstbell.json" not in files
    (row,) = teacher.import_(make_zip(files)).json()["lessons"]
    assert row["title"] == lesson["title"]
    back = slides_of(teacher.get(f"lessons/{row['id']}").json())
    wanted = slides_of(lesson)
    if program == "reveal":
        page = files["index.html"].decode()
        assert page.count("data-separator=") == 1, "where code has a line of dashes"
    if program == "marp":  # An arrow would end the comment that a note is.
        wanted[-1] = (*wanted[-1][:2], "a --&gt; b")
    assert back == wanted


def test_items_that_come_one_by_one_do_so_in_reveal(teacher: Client) -> None:
    lesson = new_lesson(teacher, "# A\n\n* one\n- at once\n\n---\n\n# B\n", "Steps")
    page = exported(teacher, lesson["id"], "reveal")["index.html"].decode()
    text = html.unescape(page)
    assert '* one <!-- .element: class="fragment" -->\n\n- at once\n' in text


def test_a_film_is_played_by_reveal_and_is_a_link_for_marp(teacher: Client) -> None:
    url = put_figure(teacher, b"ID3 a bell that rings", "mp3")
    lesson = new_lesson(teacher, f"# A\n\n![the *bell*]({url})\n", "Sound")
    where = f"figures/{url.rsplit('/', 1)[-1]}"
    files = exported(teacher, lesson["id"], "marp")
    assert where in files
    assert f"\n[the *bell*]({where})\n" in files["Sound.md"].decode()
    files = exported(teacher, lesson["id"], "reveal")
    assert f'<audio controls src="{where}"></audio>' in html.unescape(files["index.html"].decode())
    (row,) = teacher.import_(make_zip(files)).json()["lessons"]
    assert url in teacher.get(f"lessons/{row['id']}").json()["markdown"]


def test_what_would_end_a_slide_for_marp_or_leave_the_page_of_reveal_does_not(
    teacher: Client,
) -> None:
    lesson = new_lesson(
        teacher,
        '# A\n\nup ![](x"onload="y.mp4)\n\n***\n\n'
        "down </textarea><script>x</script>\n\nNote: class: lead\n\n---\n\nB\n",
        "</title>",
    )
    marp = exported(teacher, lesson["id"], "marp")["title.md"].decode()
    assert marp.count("\n***\n") == 0
    assert marp.count("\n---\n") == 2, "the front matter's end and between two slides"
    assert "<!--\n> class: lead\n-->" in marp, "a note, not a setting"
    page = exported(teacher, lesson["id"], "reveal")["index.html"].decode()
    assert page.count("</textarea>") == 2
    assert page.count("<script>") == 1, "ours"
    assert page.count("</title>") == 1
    assert 'src="x%22onload=%22y.mp4"' in html.unescape(page)


def test_a_program_that_nobody_knows_is_refused_with_those_that_are_known(teacher: Client) -> None:
    lesson = new_lesson(teacher, "# A\n", "A")
    answer = teacher.get(f"lessons/{lesson['id']}/archive?for=powerpoint")
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "unknown_program"
    assert "marp, reveal" in error_of(answer)["message"]
