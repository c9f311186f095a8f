"""The Markdown that decks are written in, as markdown-it rules.

CommonMark with tables and strikethrough, and what lesson writers add to it: fenced divs (Pandoc,
sandpaper, Quarto), attribute lists (Pandoc, kramdown), `Note:` paragraphs (reveal.js). Links are
left exactly as written: whoever renders a slide decides which are safe.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.image import image as image_rule

from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.lessons.deck.kinds import KNOWN

DIV_LINE_LIMIT = 300

_DIV_OPEN = re.compile(
    r"^:{3,}[ \t]*(?:\{(?P<attributes>[^{}]*)\}|(?P<word>[A-Za-z][\w-]*))"
    r"(?P<title>[^:]*(?::(?!:)[^:]*)*?)[ \t]*:*[ \t]*$"
)
_DIV_CLOSE = re.compile(r"^:{3,}[ \t]*$")
_NOTE = re.compile(r"^notes?:(?=\s|$)", re.IGNORECASE)
_NOTE_IN_PARAGRAPH = re.compile(r"^Notes?:(?=\s|$)")
_ITEM = r"""(?:[#.][^\s{}'"=]+|[\w:-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s{}'"]+))"""
_ATTRIBUTES = re.compile(rf"\{{:?[ \t]*{_ITEM}(?:\s+{_ITEM})*[ \t]*\}}")
_PAIR = re.compile(r"""([\w:-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s{}'"]+))""")
_CLASS = re.compile(r"(?:^|\s)\.([^\s{}'\"=]+)")


class DeckTooComplex(ApiError):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            400,
            "too_complex",
            Message(
                "Reading this Markdown took over %(seconds)s seconds: it is too long or nested too "
                "deeply. Split it or make it simpler.",
                seconds=f"{seconds:g}",
            ),
        )


class Deadline:
    """Bounds the time one text may take; whoever loops over it asks from time to time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self.end:
            raise DeckTooComplex(self.seconds)


@dataclass(frozen=True)
class Attributes:
    classes: tuple[str, ...]
    values: dict[str, str]


def read_attributes(text: str) -> Attributes:
    """What an attribute list like `{.callout alt='a tree'}` says."""
    values = {
        name: next((part for part in parts if part), "") for name, *parts in _PAIR.findall(text)
    }
    return Attributes(tuple(_CLASS.findall(_PAIR.sub(" ", text.strip("{}: ")))), values)


def make_parser(deadline: Deadline, front_matter: bool = True) -> MarkdownIt:
    """A parser for one text."""
    from mdit_py_plugins.front_matter import front_matter_plugin

    md = MarkdownIt("commonmark", {"html": True, "store_labels": True})
    md.enable(["table", "strikethrough"])
    md.normalizeLink = str  # type: ignore[method-assign,assignment]
    md.validateLink = _any_link  # type: ignore[method-assign]
    if front_matter:
        front_matter_plugin(md)
    alternatives: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    md.block.ruler.before("fence", "div", _div, alternatives)
    md.block.ruler.before("paragraph", "note", _note, alternatives)
    md.inline.ruler.at("image", _image)
    md.inline.ruler.after("image", "attributes", _attributes)
    # Tried at every position, hence a clock that every parse ticks.
    tick = _ticking(deadline)
    md.block.ruler.before("table", "deadline", tick, alternatives)
    md.inline.ruler.before("text", "deadline", tick)
    return md


def _ticking(deadline: Deadline) -> Callable[..., bool]:
    def rule(*_: object) -> bool:
        deadline.check()
        return False

    return rule


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _div(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """One line `::: callout` or `:::`, as a token of its own; nesting is found later."""
    if state.is_code_block(line):
        return False
    text = _line(state, line)
    if not text.startswith(":::") or len(text) > DIV_LINE_LIMIT:
        return False
    opened = _DIV_OPEN.match(text)
    if not opened and not _DIV_CLOSE.match(text):
        return False
    if silent:
        return True
    token = state.push("div_open_line" if opened else "div_close_line", "", 0)
    token.map = [line, line + 1]
    if opened:
        found = read_attributes(opened["attributes"] or "")
        words = (opened["word"],) if opened["word"] else found.classes
        title = opened["title"].strip() or found.values.get("title", "")
        if title and opened["word"] and opened["word"].lower() not in KNOWN:
            title = f"{opened['word']} {title}"  # More likely a sentence than a kind of box.
        token.meta = {
            "classes": [word.lower() for word in words],
            "title": title,
        }
    state.line = line + 1
    return True


def _note(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """A paragraph that starts with `Note:`; it also ends a paragraph, a list or a quote before it.

    In the middle of a paragraph only the capital counts: prose may say "note:" at a line's start.
    """
    if state.level or state.sCount[line] - max(state.blkIndent, 0) >= 4:
        # A lazy line of a list or quote: at the left margin it ends the list or quote.
        lazy = silent and state.sCount[line] < max(state.blkIndent, 1) and state.sCount[line] == 0
        return bool(lazy and _NOTE_IN_PARAGRAPH.match(_line(state, line)))
    pattern = _NOTE_IN_PARAGRAPH if silent else _NOTE
    if not pattern.match(_line(state, line)):
        return False
    if silent:
        return True
    last = line + 1
    while last < end_line and not state.isEmpty(last):
        last += 1
    token = state.push("note", "", 0)
    token.map = [line, last]
    token.content = state.getLines(line, last, state.blkIndent, False).strip()
    state.line = last
    return True


def _image(state: StateInline, silent: bool) -> bool:
    """markdown-it's image, with its raw text and a following attribute list in `meta`."""
    start = state.pos
    if not image_rule(state, silent):
        return False
    raw_end = state.pos
    found = _ATTRIBUTES.match(state.src, state.pos, state.posMax)
    if found:
        state.pos = found.end()
    if not silent:
        meta = {"raw": state.src[start:raw_end], "attributes": found[0] if found else ""}
        state.tokens[-1].meta.update(meta)
    return True


def _attributes(state: StateInline, silent: bool) -> bool:
    """`{.class}` right behind a link, code or emphasis, kramdown's `{: …}`, a heading's `{#id}`."""
    if state.src[state.pos] != "{":
        return False
    found = _ATTRIBUTES.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    before = state.src[state.pos - 1] if state.pos else ""
    at_end = before in " \t" and found.end() == len(state.src) and state.src[state.pos + 1] in "#."
    if not ((before and before in ")]`*_") or found[0].startswith("{:") or at_end):
        return False
    if not silent:
        token = state.push("attributes", "", 0)
        token.content = found[0]
    state.pos = found.end()
    return True


def _any_link(url: str) -> bool:
    return True
