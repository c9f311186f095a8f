"""Marp's own syntax as plain Markdown, so that a deck made for Marp shows what its author meant.

Only texts whose front matter says `marp: true` are touched. Directives that are comments stay: they
show nothing. Themes and styles are left behind: slides here look alike.
"""

import re

import yaml

from webapp.lessons.deck.grammar import Deadline, make_parser

LIMIT_SECONDS = 5.0

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,65536}?)\n---[ \t]*(?:\n|\Z)", re.S)
_DIVIDER = re.compile(r"^<!--\s*headingDivider\s*:\s*([\d\s,\[\]]{1,40}?)\s*-->", re.M)
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,300})\](?=[(\[])")
_KEYWORD = re.compile(
    r"^(bg|fit|cover|contain|auto|vertical|\d+(\.\d+)?%|(left|right)(:\d+(\.\d+)?%)?|"
    r"(w|width|h|height):\S+|(blur|brightness|contrast|drop-shadow|grayscale|hue-rotate|invert|opacity|"
    r"saturate|sepia)(:\S+)?)$"
)


def to_markdown(text: str) -> str:
    """The text; with slide breaks before headings and pictures without keywords if it is Marp's."""
    matter = _marp_matter(text)
    if matter is None:
        return text
    levels = _levels(matter.get("headingDivider"))
    if divider := _DIVIDER.search(text):
        levels |= _levels([int(level) for level in re.findall(r"\d+", divider[1])[:6]])
        if divider[1].isdigit():
            levels |= _levels(int(divider[1]))
    return _plain_images(_divided(text, levels) if levels else text)


def _marp_matter(text: str) -> dict[str, object] | None:
    found = _FRONT_MATTER.match(text)
    try:
        matter = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return matter if isinstance(matter, dict) and matter.get("marp") is True else None


def _levels(value: object) -> set[int]:
    """The heading levels that begin a slide: up to a number, or those of a list."""
    if isinstance(value, int) and not isinstance(value, bool):
        return set(range(1, min(value, 6) + 1))
    values = value if isinstance(value, list) else []
    return {one for one in values if isinstance(one, int) and 1 <= one <= 6}


def _divided(text: str, levels: set[int]) -> str:
    tokens = make_parser(Deadline(LIMIT_SECONDS)).parse(text)
    lines, added, begun = text.split("\n"), 0, False
    for token in tokens:
        if token.level or token.nesting < 0 or not token.map or token.type == "front_matter":
            continue
        divides = token.type == "heading_open" and int(token.tag[1]) in levels
        if divides and begun:
            at = token.map[0] + added
            lines[at:at] = ["---", ""]
            added += 2
        # What Marp divides already is not divided twice.
        begun = token.type != "hr" and (begun or token.type != "html_block")
    return "\n".join(lines)


def _plain_images(text: str) -> str:
    lines = text.split("\n")
    for token in make_parser(Deadline(LIMIT_SECONDS)).parse(text):
        codes = [one for one in token.children or [] if one.type == "code_inline"]
        if token.type == "inline" and token.map and not any("![" in one.content for one in codes):
            for number in range(*token.map):
                lines[number] = _IMAGE.sub(_plain_image, lines[number])
    return "\n".join(lines)


def _plain_image(found: re.Match[str]) -> str:
    words = found[1].split(" ")
    if not any(_KEYWORD.match(word) for word in words):
        return found[0]
    return f"![{' '.join(word for word in words if word and not _KEYWORD.match(word))}]"
