"""webapp/lessons/marp: what Marp's own syntax means, as plain Markdown."""

import pytest

from webapp.lessons import marp
from webapp.lessons.deck import parse_deck

HEAD = "---\nmarp: true\ntheme: gaia\n"


def slides(text: str) -> list[str]:
    return [slide.title for slide in parse_deck(marp.to_markdown(text)).slides]


@pytest.mark.parametrize(
    ("level", "found"),
    [
        ("2", ["One", "Two", "Four"]),
        ("[1, 3]", ["One", "Three", "Four"]),
        ("1", ["One", "Four"]),
        ("true", ["One"]),
        ("x", ["One"]),
    ],
)
def test_headings_divide_slides_as_the_deck_says(level: str, found: list[str]) -> None:
    text = f"{HEAD}headingDivider: {level}\n---\n\n# One\n\n## Two\n\n### Three\n\n# Four\n\n---\n"
    divided = marp.to_markdown(text)
    titles = [slide.title for slide in parse_deck(divided).slides]
    assert titles == found


def test_a_divider_may_be_a_comment_and_lines_that_divide_already_stay() -> None:
    text = f"{HEAD}---\n\n<!-- headingDivider: 2 -->\n\n# One\n\n---\n\n## Two\n\n```\n# code\n```\n\n## Three\n"
    assert slides(text) == ["One", "Two", "Three"]


def test_keywords_of_pictures_are_not_read_out_to_anybody() -> None:
    text = f"{HEAD}---\n\n![bg right:40% blur:3px](sea.jpg)\n![w:300px A tree](tree.png) `![bg](x)`\n\n![bg](a.png)\n"
    shown = marp.to_markdown(text)
    assert "![](a.png)" in shown
    assert "`![bg](x)`" in shown
    alone = marp.to_markdown(f"{HEAD}---\n\n![w:300px A tree](tree.png)\n")
    assert "![A tree](tree.png)" in alone


@pytest.mark.parametrize(
    "text",
    [
        "# No front matter\n\n![bg](x.png)\n",
        "---\ntitle: Mine\n---\n\n![bg](x.png)\n",
        "---\nmarp: [\n---\n\n![bg](x.png)\n",
        "---\nmarp: false\n---\n\n![bg](x.png)\n",
    ],
)
def test_decks_that_are_not_marps_stay_byte_for_byte(text: str) -> None:
    assert marp.to_markdown(text) == text
