"""A reveal.js deck (HTML) as Markdown: sections become slides, fragments steps, asides notes.

The HTML is cleaned by nh3 before anything looks at it: no script, style, handler or foreign frame is
left. What Markdown can't say is left out and told. Deliberately no layout: backgrounds, transitions and
classes of a theme are the old deck's looks.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import nh3
from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter

from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.lessons.text import printable

DEPTH_LIMIT = 100
TAG_LIMIT = 40_000

_TEXT_TAGS = (
    "a abbr aside b blockquote br caption cite code dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s section small span strong sub sup table tbody td tfoot th thead "
    "tr u ul var audio video source"
)
# `script` and `textarea` hold Markdown (reveal.js' plugin); only their text is read.
_TAGS = {*_TEXT_TAGS.split(), "script", "textarea", "title"}
_ATTRIBUTES = {
    "*": {"class", "data-fragment-index"},
    "a": {"href"},
    "img": {"src", "data-src", "alt", "title"},
    "audio": {"src", "data-src"},
    "video": {"src", "data-src"},
    "source": {"src", "data-src"},
    "section": {
        "data-markdown", "data-separator", "data-separator-vertical", "data-separator-notes", "data-notes",
        "data-background", "data-background-image", "data-background-video", "data-background-iframe",
    },
    "script": {"type"},
}  # fmt: skip
_TEMPLATE = re.compile(r"text/(template|x-markdown|markdown)$", re.I)
_ELEMENT = re.compile(r"<(?:script|textarea)\b.*?</(?:script|textarea)>|<(/?)([a-z0-9]+)", re.S)
_VOID = {"br", "hr", "img", "source"}
_BACKGROUNDS = ("data-background-image", "data-background-video", "data-background-iframe")
_IS_REVEAL = re.compile(r"""class\s*=\s*["']?[^"'>]{0,200}\bslides\b""", re.I)
# HTML in a section of Markdown.
_PLAYER = re.compile(
    r"""<(video|audio)\b[^<>]{0,300}?\s(?:data-)?src=["']([^"'<>]{1,2000})["'][^<>]{0,300}>\s*</\1>"""
)
# The usual ways to write "a line of three dashes"; others are patterns, which nobody else's text may bring.
_PATTERN_MARKS = re.compile(r"\\r|\\n|\?|\^|\$|\r|\n")


@dataclass
class Converted:
    title: str
    markdown: str
    warnings: list[Message] = field(default_factory=list)


def _too_complex() -> ApiError:
    message = Message(
        "This HTML has more than %(tags)s tags and entities, or is nested deeper than %(depth)s elements: "
        "divide the deck, or import it as Markdown.",
        tags=TAG_LIMIT,
        depth=DEPTH_LIMIT,
    )
    return ApiError(400, "too_complex", message)


def is_deck(html: str) -> bool:
    """Whether this HTML is a reveal.js deck; a page with a slide show of its own is none."""
    return bool(_IS_REVEAL.search(html)) and "<section" in html.lower()


def convert(html: str, read: Callable[[str], str | None]) -> Converted:
    """The deck as Markdown. `read` gives the text of a file beside it (external Markdown), or None.

    Raises ApiError 400 `no_slides` or `too_complex`.
    """
    tree = _clean(html)
    slides_box = tree.select_one(".slides")
    found = Converted(_words(tree.title), "")
    slides: list[str] = []
    try:
        for section in _children(slides_box, "section") if slides_box else []:
            slides += _section(section, read, found, len(slides))
    except RecursionError as error:
        raise _too_complex() from error
    slides = [slide for slide in slides if slide.strip()]
    if not slides:
        message = Message("There is no slide (<section>) in this reveal.js deck.")
        raise ApiError(400, "no_slides", message)
    found.markdown = printable("\n\n---\n\n".join(slides)) + "\n"
    return found


def _clean(html: str) -> BeautifulSoup:
    """The deck's HTML without anything that runs, as a tree no deeper or larger than slides are."""
    # Both parsers take time by the square of the nesting, which nobody knows before.
    if html.count("<") + html.count("&") > TAG_LIMIT:
        raise _too_complex()
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags={"style", "noscript", "template", "iframe", "svg", "math"},
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
        strip_comments=True,
    )
    if _depth(clean) > DEPTH_LIMIT:
        raise _too_complex()
    tree = BeautifulSoup(clean, "html.parser")
    for script in tree.find_all("script"):
        if isinstance(script, Tag) and not _TEMPLATE.match(str(script.get("type") or "")):
            script.decompose()
    return tree


def _depth(clean: str) -> int:
    """How deep the elements of cleaned HTML are nested; what scripts and text areas hold is text."""
    depth = deepest = 0
    for found in _ELEMENT.finditer(clean):
        if name := found[2]:
            depth += 0 if name in _VOID else -1 if found[1] else 1
            deepest = max(deepest, depth)
    return deepest


def _section(
    section: Tag, read: Callable[[str], str | None], found: Converted, before: int
) -> Iterator[str]:
    """The slides of a section: its own, or those that stand one below the other in it."""
    inner = _children(section, "section")
    for child in inner:
        for slide in _section(child, read, found, before):
            before += 1
            yield slide
    if not inner:
        for name in _BACKGROUNDS:
            if section.get(name):
                left = Message("The background of slide %(number)s is left out.", number=before + 1)
                found.warnings.append(left)
        yield from (
            _markdown(section, read, found)
            if section.has_attr("data-markdown")
            else [_slide(section)]
        )


def _slide(section: Tag) -> str:
    notes = [str(section["data-notes"])] if section.get("data-notes") else []
    for aside in section.select("aside.notes"):
        notes.append(_to_markdown(aside))
        aside.decompose()
    for holder in section.find_all(["script", "textarea"]):
        holder.decompose()
    body = _to_markdown(section)
    said = "\n\n".join(note.strip() for note in notes if note.strip())
    # reveal.js' own mark: all that follows it on the slide is for who teaches.
    return f"{body}\n\nNote: {said}" if said else body


def _markdown(section: Tag, read: Callable[[str], str | None], found: Converted) -> Iterator[str]:
    """Slides of a section that is written in Markdown, here or in a file."""
    where = str(section["data-markdown"]).strip()
    if where:
        text = read(where)
        if text is None:
            missing = Message(
                "The Markdown file %(file)s of the deck is missing.", file=where[:120]
            )
            found.warnings.append(missing)
            return
    else:
        holder = section.find(["textarea", "script"])
        text = _dedented((holder or section).get_text())
    pattern = _separator(section, "data-separator", r"---", found)
    vertical = _separator(section, "data-separator-vertical", "", found)
    notes = str(section.get("data-separator-notes") or "")
    lines, fenced = [""], False
    for line in text.replace("\r\n", "\n").split("\n"):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        if not fenced and line.strip() in {pattern, vertical} - {""}:
            lines.append("")
            continue
        if notes and not fenced and line.lstrip().startswith(notes):
            line = "Note:" + line.lstrip().removeprefix(notes)
        if not fenced:
            line = _PLAYER.sub(lambda player: _figure("", player[2]), line)
        lines[-1] += line + "\n"
    yield from (slide.strip("\n") for slide in lines)


def _separator(section: Tag, name: str, usual: str, found: Converted) -> str:
    """The line that parts slides; a pattern that is more than such a line is not run, but told."""
    asked = str(section.get(name) or "")
    line = _PATTERN_MARKS.sub("", asked).strip()
    if re.search(r"[\\\[\](){}*+|.]", line):
        told = Message(
            "The deck's %(name)s is not understood; “%(usual)s” is used.",
            name=name,
            usual=usual or Message("none"),
        )
        found.warnings.append(told)
        return usual
    return line or usual


def _dedented(text: str) -> str:
    """The text without the indentation that it has as a part of the HTML, as reveal.js does it."""
    lines = text.expandtabs(4).split("\n")
    widths = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(widths, default=0)
    return "\n".join(line[least:].rstrip() for line in lines).strip("\n")


def _children(tag: Tag, name: str) -> list[Tag]:
    return [one for one in tag.find_all(name, recursive=False) if isinstance(one, Tag)]


def _words(tag: Tag | None) -> str:
    return re.sub(r"\s+", " ", tag.get_text()).strip() if tag else ""


def _to_markdown(tag: Tag) -> str:
    text = _Converter(heading_style=ATX, bullets="-", escape_misc=True).convert_soup(tag)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _is_fragment(tag: Tag) -> bool:
    return "fragment" in (tag.get("class") or [])


class _Converter(MarkdownConverter):
    """markdownify, with what slides have beyond documents."""

    def convert_li(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        item = super().convert_li(el, text, parent_tags)  # type: ignore[misc]
        # A list written with `*` appears one by one; an ordered list says it by reveal.js' comment.
        if not _is_fragment(el):
            return item
        if item.startswith("- "):
            return "*" + item[1:]
        return item.rstrip("\n") + ' <!-- .element: class="fragment" -->\n'

    def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if _is_fragment(el) and text.strip():
            text = text.rstrip() + ' <!-- .element: class="fragment" -->'
        return super().convert_p(el, text, parent_tags)  # type: ignore[misc]

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        code = el.find("code")
        classes = [*(el.get("class") or []), *((code.get("class") or []) if code else [])]
        language = next((one.removeprefix("language-") for one in classes if _names_code(one)), "")
        body = el.get_text().strip("\n")
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", body)), default=0))
        return f"\n\n{fence}{language}\n{_dedented(body)}\n{fence}\n\n"

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        target = str(el.get("src") or el.get("data-src") or "")
        return _figure(str(el.get("alt") or el.get("title") or ""), target) if target else ""

    def convert_video(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        sources = [el, *el.find_all("source")]
        targets = [str(one.get("src") or one.get("data-src") or "") for one in sources]
        found = next((one for one in targets if one), "")
        return f"\n\n{_figure('', found)}\n\n" if found else ""

    convert_audio = convert_video


def _names_code(name: str) -> bool:
    return bool(re.fullmatch(r"(language-)?[\w+#-]{1,30}", name)) and name not in (
        "fragment", "hljs", "stretch", "r-stretch", "code-wrapper", "no-highlight", "nohighlight",
    )  # fmt: skip


def _figure(alt: str, target: str) -> str:
    words = re.sub(r"([\\\[\]<>`*_])", r"\\\1", re.sub(r"\s+", " ", alt).strip())
    where = f"<{target}>" if re.search(r"[\s()]", target) else target
    return f"![{words}]({where})"
