"""Figures and links of a Markdown text: which there are, and the text with some replaced."""

import re
from html import unescape
from urllib.parse import unquote

from markdown_it.token import Token

from webapp.lessons.deck.grammar import Deadline, make_parser

TARGETS_LIMIT_SECONDS = 5.0

_SCHEME = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*:|//)")
_IMAGE_TAG = re.compile(r"<img\b[^<>]*", re.IGNORECASE)
_SOURCE = re.compile(r"""\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


def is_relative(target: str) -> bool:
    """Whether a target means a file beside the Markdown; `/media/…` and `#here` do not."""
    return bool(target) and not _SCHEME.match(target) and not target.startswith(("#", "/media/"))


def html_images(html: str) -> list[str]:
    """The `src` of each <img> in a piece of HTML; one pass, whatever the HTML."""
    sources = (_SOURCE.search(tag[0]) for tag in _IMAGE_TAG.finditer(html))
    return [unescape(found[1] or found[2] or found[3]) for found in sources if found]


def images(tokens: list[Token]) -> list[str]:
    """Targets of all figures in these tokens, in order."""
    found: list[str] = []
    for token in tokens:
        if token.type == "image":
            found.append(str(token.attrs.get("src", "")))
        elif token.type in ("html_block", "html_inline"):
            found += html_images(token.content)
        if token.type != "image":
            found += images(token.children or [])
    return found


def links(tokens: list[Token]) -> list[str]:
    """Targets of all links in these tokens, in order."""
    found: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            found.append(str(token.attrs.get("href", "")))
        found += links(token.children or [])
    return found


def figure_targets(text: str) -> list[str]:
    """The relative figure targets of a Markdown text, each once."""
    targets = images(make_parser(Deadline(TARGETS_LIMIT_SECONDS)).parse(text))
    return [one for one in dict.fromkeys(targets) if is_relative(one)]


def rewrite_targets(text: str, urls: dict[str, str]) -> str:
    """The text with each figure target that is in `urls` replaced; all else byte for byte."""
    if not urls:
        return text
    lines = text.split("\n")
    env: dict[str, dict[str, dict[str, object]]] = {}
    for token in make_parser(Deadline(TARGETS_LIMIT_SECONDS)).parse(text, env):
        if token.map and (token.type in ("inline", "html_block")):
            _rewrite_lines(lines, token, urls)
    for reference in env.get("references", {}).values():
        href, where = str(reference.get("href")), reference.get("map")
        if href in urls and isinstance(where, list):
            _replace(lines, where, [(href, urls[href])])
    return "\n".join(lines)


def _rewrite_lines(lines: list[str], token: Token, urls: dict[str, str]) -> None:
    wanted = [(one, urls[one]) for one in images([token]) if one in urls]
    if wanted and token.map:
        _replace(lines, token.map, wanted)


def _replace(lines: list[str], where: list[int], wanted: list[tuple[str, str]]) -> None:
    first, last = where
    text, parts, position = "\n".join(lines[first:last]), list[str](), 0
    for target, url in wanted:
        if found := re.compile(_spelled(target)).search(text, position):
            parts += [text[position : found.start()], url]
            position = found.end()
    parts.append(text[position:])
    lines[first:last] = "".join(parts).split("\n")


def _spelled(target: str) -> str:
    """A pattern for the target as written: in `](…)`, `<…>`, `src="…"` or a reference.

    Backslashes before punctuation were dropped by the parser, so each may be there.
    """
    body = "".join((r"\\?" if not char.isalnum() else "") + re.escape(char) for char in target)
    return r"(?<=[(<\s\"'=:])" + body + r"(?=[)>\s\"']|$)"


def shown(target: str) -> str:
    """A target as a message names it."""
    return unquote(target)[:120]
