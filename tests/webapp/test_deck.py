"""webapp/lessons/deck: Markdown in, slides out. Pure, no database."""

import contextlib
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.webapp.support import deck_folder
from webapp.lessons.deck import Deck, DeckTooComplex, parse_deck
from webapp.lessons.deck.targets import figure_targets, rewrite_targets

EPISODES = deck_folder() / "shell-novice" / "episodes"
SECONDS = 10.0  # what any text may take, on a slow and busy machine


def titles(text: str) -> list[str]:
    return [slide.title for slide in parse_deck(text).slides]


def shown(text: str) -> list[str]:
    return [slide.markdown for slide in parse_deck(text).slides]


def everything(deck: Deck) -> str:
    return "\n".join(f"{slide.markdown}\n{slide.notes}" for slide in deck.slides)


# --- where slides begin


def test_a_line_of_dashes_begins_a_slide() -> None:
    assert titles("# One\n\ntext\n\n---\n\n# Two\n\n---\n\nno heading here\n") == [
        "One",
        "Two",
        "no heading here",
    ]


def test_dashes_in_code_under_a_heading_in_lists_and_in_tables_do_not() -> None:
    text = (
        "Setext\n---\n\n```yaml\n---\na: 1\n---\n```\n\n    ---\n\n- item\n\n  ---\n\n> quote\n>\n> ---\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    assert titles(text) == ["Setext (1/2)", "Setext (2/2)"]  # divided for its height only
    assert titles("# One\n\n~~~\n---\n~~~\n\n---\n\n# Two\n") == ["One", "Two"]


def test_stars_and_underscores_do_not_begin_a_slide() -> None:
    assert titles("# One\n\n***\n\ntext\n\n___\n\nmore\n") == ["One"]


def test_without_dashes_headings_begin_slides_down_to_the_third_level() -> None:
    text = "# One\n\na\n\n## Two\n\nb\n\n### Three\n\nc\n\n#### Four\n\nd\n"
    assert titles(text) == ["One", "Two", "Three"]
    assert "#### Four" in shown(text)[2]


def test_a_heading_in_code_or_in_a_box_begins_no_slide() -> None:
    text = "# One\n\n```bash\n# comment\n```\n\n::: tip\n\n## Inside\n\nyes\n\n:::\n"
    assert titles(text) == ["One"]


def test_closing_hashes_and_heading_attributes_are_not_part_of_the_title() -> None:
    assert titles("## One ##\n\na\n\n## C# {#sharp .wide}\n\nb\n") == ["One", "C#"]


def test_empty_texts_have_no_slides_and_no_error() -> None:
    for text in ("", "\n\n", "---\n", "---\n---\n", "---\ntitle:\n---\n", ":::\n", "\ufeff"):
        deck = parse_deck(text)
        assert all(slide.markdown.strip() for slide in deck.slides), text


# --- front matter


def test_front_matter_gives_the_title_and_is_not_shown() -> None:
    deck = parse_deck("---\ntitle: Bells\nteaching: 5\n---\n\n## One\n\ntext\n")
    assert deck.title == "Bells"
    assert [slide.title for slide in deck.slides] == ["Bells", "One"]
    assert "teaching" not in everything(deck)


def test_a_deck_that_starts_with_a_separator_loses_nothing() -> None:
    deck = parse_deck("---\n\n# One\n\ntext\n\n---\n\n# Two\n")
    assert [slide.title for slide in deck.slides] == ["One", "Two"]
    deck = parse_deck("---\n- one\n- two\n---\n\nrest\n")
    assert "- two" in everything(deck)


def test_without_front_matter_the_biggest_heading_is_the_title() -> None:
    assert parse_deck("text\n\n## Small\n\n# Big\n").title == "Big"
    assert parse_deck("only text\n").title == "only text"


def test_front_matter_that_is_a_yaml_bomb_is_harmless() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
    )
    start = time.monotonic()
    assert parse_deck(f"---\ntitle: T\n{bomb}---\n\ntext\n").title == "T"
    assert time.monotonic() - start < SECONDS


# --- notes


@pytest.mark.parametrize("word", ["Note:", "Notes:", "notes:"])
def test_notes_begin_at_their_word_and_go_to_the_end_of_the_slide(word: str) -> None:
    deck = parse_deck(f"# One\n\ntext\n\n{word} say hello\n\n- and more\n\n---\n\n# Two\n")
    assert deck.slides[0].markdown == "# One\n\ntext"
    assert deck.slides[0].notes == "say hello\n\n- and more"
    assert deck.slides[1].notes == ""


def test_notes_before_the_first_slide_belong_to_it() -> None:
    deck = parse_deck("<!-- first -->\n\n# One\n\ntext\n")
    assert [(slide.title, slide.notes) for slide in deck.slides] == [("One", "first")]
    assert parse_deck("Note: alone\n").slides[0].notes == "alone"


def test_notes_directly_below_text_or_a_list_are_notes() -> None:
    for before in ("text", "- item", "> quote", "1. one\n2. two"):
        deck = parse_deck(f"# One\n\n{before}\nNote: hidden\n\n---\n\n# Two\n")
        assert "hidden" not in deck.slides[0].markdown, before
        assert deck.slides[0].notes == "hidden"


def test_the_word_note_inside_prose_or_code_stays_on_the_slide() -> None:
    text = "# One\n\nPlease note: this stays\nnote: this too\n\n```\nNote: code\n```\n"
    deck = parse_deck(text)
    assert deck.slides[0].notes == ""
    assert "Note: code" in deck.slides[0].markdown


def test_a_note_in_a_long_document_takes_only_its_paragraph() -> None:
    text = "# One\n\n" + "words " * 300 + "\n\nNote: hidden\n\n" + "still shown " * 200 + "\n"
    deck = parse_deck(text)
    assert "still shown" in "".join(slide.markdown for slide in deck.slides)
    assert "hidden" in "".join(slide.notes for slide in deck.slides)


def test_comments_are_notes_and_directives_stay() -> None:
    text = (
        "# One <!-- in heading -->\n\n<!-- a\nlong one -->\n\ntext <!-- inline --> more\n\n"
        '* step <!-- .element: class="fragment" -->\n\n<!-- _class: lead -->\n'
    )
    slide = parse_deck(text).slides[0]
    assert slide.notes.split() == ["in", "heading", "a", "long", "one", "inline"]
    assert '<!-- .element: class="fragment" -->' in slide.markdown
    assert "<!-- _class: lead -->" in slide.markdown
    assert "text  more" in slide.markdown
    assert slide.title == "One"


def test_comments_in_code_are_shown() -> None:
    slide = parse_deck("# One\n\n```html\n<!-- shown -->\n```\n\n`<!-- too -->`\n").slides[0]
    assert slide.notes == ""
    assert slide.markdown.count("<!--") == 2


# --- steps


def test_lists_of_steps_keep_their_star() -> None:
    assert "* one\n* two" in shown("# One\n\n* one\n* two\n")[0]
    assert "- one\n- two" in shown("# One\n\n- one\n- two\n")[0]


def test_an_incremental_box_becomes_steps() -> None:
    assert "* one\n* two" in shown("# One\n\n::: incremental\n\n- one\n- two\n\n:::\n")[0]


# --- boxes of lesson writers


def test_a_callout_becomes_a_quote_with_a_bold_title() -> None:
    text = "# One\n\n:::::: callout\n\n## Mind the gap\n\ntext\n\n```bash\nls\n```\n\n:::::::::\n"
    assert shown(text) == [
        "# One\n\n> **Mind the gap**\n>\n> text\n>\n> ```bash\n> ls\n> ```",
    ]


def test_a_solution_has_its_own_slide_after_the_exercise() -> None:
    text = (
        "# One\n\nbefore\n\n:::: challenge\n\n## Count\n\nHow many?\n\n::: solution\n\n## Solution\n\n"
        "Three.\n\n:::\n\n::::\n\nafter\n"
    )
    deck = parse_deck(text)
    assert [slide.title for slide in deck.slides] == [
        "One (1/2)",
        "Exercise: Count",
        "Solution: Count",
        "One (2/2)",
    ]
    assert "Three" not in deck.slides[1].markdown
    assert "Three" in deck.slides[2].markdown


def test_an_instructors_box_is_for_the_teacher_only() -> None:
    deck = parse_deck("# One\n\ntext\n\n::: instructor\n\n- slowly!\n\n:::\n\nmore\n")
    assert deck.slides[0].notes == "- slowly!"
    assert "slowly" not in deck.slides[0].markdown


def test_boxes_end_where_the_innermost_one_ends_whatever_the_colons() -> None:
    text = "# A\n\n::: callout\n\none\n\n:::::::: tip\n\ntwo\n\n:::\n\nthree\n\n::::\n\nfour\n"
    (slide,) = parse_deck(text).slides
    assert "> one" in slide.markdown
    assert "> three" in slide.markdown
    assert "\nfour" in slide.markdown
    assert ":::" not in slide.markdown


def test_boxes_that_are_never_closed_or_opened_are_warned_about() -> None:
    assert "never closed" in parse_deck("# A\n\n::: tip\n\ntext\n").warnings[0].message
    assert "never opened" in parse_deck("# A\n\ntext\n\n:::\n").warnings[0].message


def test_colons_in_code_are_code() -> None:
    text = "# A\n\n```\n::: callout\n```\n"
    assert "::: callout" in shown(text)[0]
    assert parse_deck(text).warnings == ()


def test_unknown_boxes_show_their_content_plainly() -> None:
    text = "# A\n\n::::: {.columns}\n:::: {.column width=50%}\n\nleft\n\n::::\n:::::\n"
    assert shown(text) == ["# A\n\nleft"]


@pytest.mark.parametrize(
    ("written", "alt"),
    [
        ("![](a.png){alt='A tree'}", "![A tree](a.png)"),
        ('![](a.png){alt="It\'s a tree" width=50%}', "![It's a tree](a.png)"),
        ("![](a.png){alt='with ] bracket'}", "![with \\] bracket](a.png)"),
        ("![mine](a.png){.wide alt='other'}", "![mine](a.png)"),
        ("![](a.png){#fig .wide}", "![](a.png)"),
    ],
)
def test_attributes_of_figures_become_their_text(written: str, alt: str) -> None:
    assert alt in shown(f"# A\n\n{written}\n")[0]
    assert "{" not in shown(f"# A\n\n{written}\n")[0]


def test_kramdown_attributes_are_not_shown() -> None:
    text = (
        "# A\n\n~~~\nls\n~~~\n{: .language-bash}\n\n> ## Title\n> text\n{: .callout}\n\n"
        '[link](http://x.example){:target="_blank"} and `code`{.bash}\n'
    )
    (markdown,) = shown(text)
    assert "{" not in markdown
    assert "~~~bash" in markdown


def test_braces_in_prose_and_code_stay() -> None:
    text = "# A\n\nA set {1, 2}, a dict {'a': 1}, `{alt='x'}` and {curly}.\n"
    assert text.strip() in shown(text)[0]


def test_link_definitions_follow_the_slides_that_use_them() -> None:
    text = (
        "# A\n\n[one][x] ![two][y]\n\n---\n\n# B\n\n[X]\n\n[x]: http://x.example 'T'\n[y]: y.png\n"
    )
    first, second = shown(text)
    for markdown in (first, second):
        assert '[x]: http://x.example "T"' in markdown
    assert "y.png" in first
    assert "y.png" not in second
    assert 'href="http://x.example"' in MarkdownIt().render(second)


# --- long sections


def test_a_long_section_fills_several_slides_with_a_counter() -> None:
    text = "# Long\n\n" + "\n\n".join(["A paragraph of words. " * 8] * 9) + "\n"
    found = titles(text)
    assert len(found) >= 3
    assert found == [f"Long ({n}/{len(found)})" for n in range(1, len(found) + 1)]


def test_the_writers_own_slides_are_divided_only_when_far_too_long() -> None:
    items = "".join(f"- item {n}\n" for n in range(18))
    assert len(titles(f"# A\n\n{items}\n---\n\n# B\n")) == 2
    assert len(titles(f"# A\n\n{items * 3}\n---\n\n# B\n")) > 3


def test_a_long_ordered_list_goes_on_counting() -> None:
    text = "# A\n\n" + "".join(f"1. item {'x' * 50}\n" for _ in range(30)) + "\n"
    numbers = re.findall(r"^(\d+)\.", "\n".join(shown(text)), re.MULTILINE)
    starts = [re.search(r"^(\d+)\.", one, re.MULTILINE) for one in shown(text)]
    assert [int(found[1]) for found in starts if found][:2] == [1, int(starts[1][1])]  # type: ignore[index]
    assert int(starts[1][1]) > 1  # type: ignore[index]
    assert len(numbers) == 30


def test_long_code_is_divided_into_whole_fences() -> None:
    code = "".join(f"line {n}\n" for n in range(60))
    for markdown in shown(f"# A\n\n````python\n{code}````\n"):
        assert markdown.count("````") == 2
        assert "````python" in markdown
        assert len(markdown.splitlines()) < 22


def test_a_lead_in_stays_with_what_it_leads_to() -> None:
    block = "Some words here to fill the space.\n\n" * 4 + "Now type:\n\n```bash\n$ ls\n```\n\n"
    block += "```output\na\n```\n\n"
    for markdown in shown("# A\n\n" + block * 6):
        assert not markdown.endswith(":")
        assert not re.search(r"\A# A[^\n]*\n\n```output", markdown)


def test_a_long_paragraph_is_divided_between_sentences_and_never_inside_emphasis() -> None:
    text = "# A\n\n" + "One. Two is **longer. And bold** here. Three! " * 60 + "\n"
    pages = shown(text)
    assert len(pages) > 1
    for markdown in pages:
        assert markdown.count("**") % 2 == 0
        assert markdown.rstrip()[-1] in ".!"


# --- warnings and figures


def test_each_missing_figure_and_link_is_named_with_its_slide() -> None:
    text = (
        "# A\n\n![](a.png)\n\n---\n\n# B\n\n[x](b.md) [y](#here) [z](https://z.example)\n"
        '<img src="c.png">\n\n![](/media/ab/x.png)\n'
    )
    found = [(one.slide, one.message) for one in parse_deck(text).warnings]
    assert [slide for slide, _ in found] == [1, 2, 2]
    for name, (_, message) in zip(("a.png", "c.png", "b.md"), found, strict=True):
        assert name in message


def test_rewriting_targets_changes_nothing_else() -> None:
    text = (
        'a.png ![a.png](a.png "a.png")  \r\n`![](a.png)`\n\n> ![two\n> lines](a.png)\n\n'
        "```\n![](a.png)\n```\n\n- ![](<b c.png>){width=3} ![][r]\n\n[r]: a.png\n"
    )
    assert figure_targets(text) == ["a.png", "b c.png"]
    changed = rewrite_targets(text, {"a.png": "/media/1", "b c.png": "/media/2"})
    assert figure_targets(changed) == []
    assert changed.count("/media/") == 4
    assert '![a.png](/media/1 "a.png")' in changed
    assert "`![](a.png)`" in changed
    assert "```\n![](a.png)\n```" in changed
    back = changed.replace("/media/1", "a.png").replace("/media/2", "b c.png")
    assert back == text


# --- nothing is lost

WORD = re.compile(r"[a-z]{4,}\d+")
counter = st.shared(st.builds(lambda: iter(range(10**9))), key="words")


def words(count: int = 3) -> st.SearchStrategy[str]:
    """Words that appear nowhere else, so that each can be looked for."""
    return counter.map(lambda numbers: " ".join(f"word{next(numbers)}" for _ in range(count)))


inline = st.one_of(
    words(),
    words().map("**{}**".format),
    words().map("[{}](http://x.example)".format),
    words().map("![{}](x.png)".format),
    words(1).map("`{}`".format),
    words().map("<b>{}</b>".format),
    words().map("<!-- {} -->".format),
    words().map("![](y.png){{alt='{}'}}".format),
    words().map("{}: ".format),
    st.sampled_from(["*", "_", "`", "[", "](", "<", "{", "\\", ":::", "|", "---", "Note:"]),
)
sentence = st.lists(inline, min_size=1, max_size=12).map(" ".join)
paragraph = st.lists(sentence, min_size=1, max_size=12).map("\n".join)
code_text = st.lists(words(), min_size=1, max_size=40).map("\n".join)
leaf = st.one_of(
    paragraph,
    st.tuples(st.integers(1, 6), sentence).map(lambda pair: "#" * pair[0] + " " + pair[1]),
    sentence.map("{}\n---".format),
    code_text.map("```bash\n{}\n```".format),
    code_text.map("~~~\n{}\n~~~\n{{: .output}}".format),
    code_text.map(lambda text: "\n".join("    " + line for line in text.split("\n"))),
    st.lists(sentence, min_size=1, max_size=20).map(lambda rows: "\n".join("* " + r for r in rows)),
    st.lists(words(), min_size=1, max_size=30).map(lambda rows: "\n".join("1. " + r for r in rows)),
    st.lists(words(1), min_size=1, max_size=30).map(
        lambda rows: "| a | b |\n|---|---|\n" + "\n".join(f"| {r} | x |" for r in rows)
    ),
    words().map("<div>\n{}\n</div>".format),
    words().map("<!--\n{}\n-->".format),
    paragraph.map("Note: {}".format),
    st.sampled_from(["---", "***", "- - -", ":::", "{: .callout}"]),
)


def nested(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    many = st.lists(children, min_size=1, max_size=4).map("\n\n".join)
    kinds = st.sampled_from(
        [
            "callout",
            "challenge",
            "solution",
            "objectives",
            "instructor",
            "tip",
            "spoiler",
            "columns",
            "incremental",
        ]
    )
    return st.one_of(
        st.tuples(kinds, many).map(lambda pair: f"::: {pair[0]}\n\n{pair[1]}\n\n:::"),
        many.map(lambda text: "\n".join("> " + line for line in text.split("\n"))),
        many.map(lambda text: "- " + text.replace("\n", "\n  ")),
    )


blocks = st.recursive(leaf, nested, max_leaves=12)
documents = st.lists(blocks, min_size=1, max_size=10).map("\n\n".join)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(text=documents, front=st.booleans())
def test_every_word_of_the_source_is_on_a_slide_or_in_the_notes(text: str, front: bool) -> None:
    deck = parse_deck("---\ntitle: T\n---\n\n" + text if front else text)
    found = set(WORD.findall(everything(deck)))
    # The name of a box, alone on its line, is markup.
    source = re.sub(r"(?m)^[> -]*:{3,} *\S+ *$", "", text)
    assert set(WORD.findall(source)) - found == set()
    assert all(slide.markdown.strip() for slide in deck.slides)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text(alphabet="#-*_>`~:![](){}|\\<&. \n\tab1", max_size=400))
def test_any_text_at_all_is_taken(text: str) -> None:
    deck = parse_deck(text)
    assert all(slide.markdown.strip() for slide in deck.slides)
    source = set(re.findall(r"[ab1]+", text))
    seen = everything(deck)
    assert {one for one in source if len(one) > 3 and one not in seen} == set()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(text=documents)
def test_rewriting_figures_leaves_the_other_text_alone(text: str) -> None:
    changed = rewrite_targets(text, {"x.png": "/media/XX", "y.png": "/media/YY"})
    assert changed.replace("/media/XX", "x.png").replace("/media/YY", "y.png") == text


# --- time is bounded

SIZE = 1_000_000
NASTY: dict[str, Callable[[], str]] = {
    "quotes": lambda: ">" * SIZE,
    "quotes in lines": lambda: "> " * 1000 + "a\n" + "> a\n" * 100_000,
    "open brackets": lambda: "[" * SIZE,
    "open images": lambda: "![" * (SIZE // 2),
    "half links": lambda: "[a](" * (SIZE // 4),
    "emphasis": lambda: "*a_ " * (SIZE // 4),
    "stars": lambda: "*" * SIZE,
    "backticks": lambda: "".join("`" * n + " " for n in range(1, 1400)),
    "comments": lambda: "<!--" * (SIZE // 4),
    "comment lines": lambda: "<!-- a -->\n" * (SIZE // 11),
    "inline comments": lambda: "a <!-- b --> " * (SIZE // 13),
    "image tags": lambda: "<img src=" * (SIZE // 9),
    "lists": lambda: "".join(" " * (2 * n) + "* a\n" for n in range(900)),
    "flat list": lambda: "* a\n" * (SIZE // 4),
    "headings": lambda: "# a\n" * (SIZE // 4),
    "rules": lambda: "a\n\n---\n\n" * (SIZE // 8),
    "divs": lambda: "::: a\n" * (SIZE // 6),
    "div line": lambda: ":::" + " : " * (SIZE // 3) + "x",
    "attributes": lambda: "{.a " * (SIZE // 4),
    "attribute values": lambda: "![](a){a='" * (SIZE // 10),
    "figures with attributes": lambda: "![](a){alt='b'} " * (SIZE // 16),
    "one paragraph": lambda: "A short sentence here. " * (SIZE // 23),
    "one line": lambda: "a" * SIZE,
    "table": lambda: "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "|a\n" * 100_000,
    "references": lambda: "".join(f"[a{n}]: b\n" for n in range(SIZE // 12)) + "[a1] " * 1000,
    "entities": lambda: "&amp;" * (SIZE // 5),
    "code": lambda: "```\n" + "a\n" * (SIZE // 2),
    "notes": lambda: "Note: a\n\n" * (SIZE // 9),
}


def test_a_text_that_takes_too_long_is_refused_with_a_reason() -> None:
    with pytest.raises(DeckTooComplex) as refused:
        parse_deck("[" * SIZE, limit_seconds=0.2)
    assert refused.value.body["code"] == "too_complex"
    assert "0.2 seconds" in refused.value.body["message"]


@pytest.mark.parametrize("name", NASTY)
def test_reading_takes_a_bounded_time_whatever_the_text(name: str) -> None:
    text, start = NASTY[name](), time.monotonic()
    with contextlib.suppress(DeckTooComplex):
        parse_deck(text, limit_seconds=1.0)
    assert time.monotonic() - start < SECONDS


# --- real decks


needs_decks = pytest.mark.skipif(
    not EPISODES.is_dir(), reason=f"{EPISODES} is not there (FIRSTBELL_DECKS names its folder)"
)


@needs_decks
@pytest.mark.parametrize("name", ["01-intro", "02-filedir", "03-create", "04-pipefilter"])
def test_slides_of_a_real_course_can_be_taught(name: str) -> None:
    text = (EPISODES / f"{name}.md").read_text(encoding="utf-8")
    deck = parse_deck(text)
    for number, slide in enumerate(deck.slides, 1):
        assert not re.search(r":::|\{alt|\{:", slide.markdown + slide.notes), number
        assert slide.title, number
        lines = [line for line in slide.markdown.splitlines() if line.strip()]
        assert len(lines) <= 24, number
        if len(lines) == 1:
            assert number == 1, (number, slide.markdown)
        assert slide.markdown.count("```") % 2 == 0, number
    seen = everything(deck)
    for figure in re.findall(r"\]\((fig/[^)]+)\)", text):
        assert figure in seen
    prose = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"(?m)^:{3,}.*$|^---$|^\w+: .*$", "", text)))
    unseen = {word for word in prose if word not in seen}
    # Words of the markup itself, and headings that only said "Solution".
    assert unseen <= {"alt"}, unseen
