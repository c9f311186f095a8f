"""webapp/lessons/reveal: reveal.js decks as Markdown, and nothing of them that runs."""

import contextlib
import re

import pytest

from webapp.api.errors import ApiError
from webapp.lessons import reveal
from webapp.lessons.deck import parse_deck


def deck(*sections: str, head: str = "") -> str:
    body = "\n".join(sections)
    return f'<html><head>{head}</head><body><div class="reveal"><div class="slides">{body}</div></div></body></html>'


def convert(
    *sections: str, files: dict[str, str] | None = None, head: str = ""
) -> reveal.Converted:
    return reveal.convert(deck(*sections, head=head), (files or {}).get)


def test_sections_are_slides_and_nested_ones_follow_each_other() -> None:
    found = convert(
        "<section><h1>One</h1></section>",
        "<section><section><h2>Two</h2></section><section><h2>Three</h2></section></section>",
        head="<title>Tides &amp; moon</title>",
    )
    assert [slide.title for slide in parse_deck(found.markdown).slides] == ["One", "Two", "Three"]
    assert found.title == "Tides & moon"


def test_fragments_are_steps_and_asides_are_notes() -> None:
    found = convert(
        '<section><h2>Tides</h2><ul><li class="fragment">low</li><li class="fragment">high</li></ul>'
        '<ul><li>at once</li></ul><p class="fragment">last</p><aside class="notes">Ask <b>who</b>.</aside></section>'
    )
    (slide,) = parse_deck(found.markdown + "\n---\n").slides
    assert "* low\n* high" in slide.markdown
    assert "- at once" in slide.markdown
    assert 'last <!-- .element: class="fragment" -->' in slide.markdown
    assert slide.notes == "Ask **who**."


def test_code_keeps_its_lines_and_language_and_tables_stay_tables() -> None:
    found = convert(
        '<section><pre><code class="language-python" data-trim>\n  def f():\n      return "```"\n</code></pre>'
        "<table><tr><th>A</th></tr><tr><td>1</td></tr></table></section>"
    )
    assert '````python\ndef f():\n    return "```"\n````' in found.markdown
    assert "| A |\n| --- |\n| 1 |" in found.markdown


def test_markdown_inside_and_beside_the_deck_is_taken_as_it_is() -> None:
    found = convert(
        '<section data-markdown><script type="text/template">\n    ## Inside\n\n    * a\n\n    ---\n\n    ## Second\n'
        "</script></section>",
        '<section data-markdown="more.md" data-separator="^\\n\\n\\n" data-separator-notes="^Hint:"></section>',
        '<section data-markdown="gone.md"></section>',
        files={"more.md": "## Beside\n\n---\n\n## Last\n\nHint: breathe\n"},
    )
    slides = parse_deck(found.markdown).slides
    assert [slide.title for slide in slides] == ["Inside", "Second", "Beside", "Last"]
    assert found.warnings == ["The Markdown file gone.md of the deck is missing."]


def test_backgrounds_are_left_out_and_told() -> None:
    found = convert(
        "<section><h2>A</h2></section>",
        '<section data-background-image="x.png"><h2>B</h2></section>',
    )
    assert found.warnings == ["The background of slide 2 is left out."]


def test_what_is_written_as_text_stays_text() -> None:
    found = convert(
        "<section><p>&lt;img src=x onerror=alert(1)&gt; and *stars* and `ticks`</p></section>"
    )
    assert "<img" not in re.sub(r"\\.", "", found.markdown)
    assert "\\*stars\\*" in found.markdown


ACTIVE = [
    "<script>alert(1)</script>",
    "<p onclick=alert(1)>x</p>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="java&#10;script:alert(1)">x</a>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<template><img src=x onerror=alert(1)></template>",
    "<noscript><img src=x onerror=alert(1)></noscript>",
]


@pytest.mark.parametrize("html", ACTIVE)
def test_nothing_that_runs_is_left(html: str) -> None:
    markdown = convert(f"<section><h2>A</h2>{html}</section>").markdown
    assert "alert" not in markdown


HOSTILE = {
    "nested sections": '<div class="slides">' + "<section>" * 3000,
    "very many tags": "<a " * 300_000,
    "entities": '<div class="slides"><section>' + "&amp;" * 200_000,
    "bold in bold": '<div class="slides"><section>' + "<b>" * 5000,
    "comments": "<!--" * 100_000,
    "declarations": "<![CDATA[" * 50_000,
    "stars": '<div class="slides"><section>' + "*_[" * 300_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_is_refused_or_read_in_bounded_time(name: str) -> None:
    with contextlib.suppress(ApiError):
        reveal.convert(HOSTILE[name], lambda _: None)


def test_a_page_that_is_no_deck_is_told_from_one_that_is() -> None:
    assert reveal.is_deck(deck("<section>x</section>"))
    assert not reveal.is_deck("<html><body><h1>Hello</h1></body></html>")
    with pytest.raises(ApiError, match="no slide"):
        reveal.convert("<h1>Hello</h1>", lambda _: None)
