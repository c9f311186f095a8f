"""A deck's Markdown as lines and top-level blocks, after the writer's extra syntax is resolved.

Blocks are found by the parser's tokens; their text stays the writer's own lines, so that a slide
is Markdown again and nothing is lost. Deliberately knows nothing of slides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from markdown_it.token import Token

from webapp.lessons.deck.grammar import Deadline, make_parser, read_attributes

_FRONT_MATTER_LIMIT = 64 * 1024
# Comments that steer reveal.js or Marp stay where they are; all others are speaker notes.
_DIRECTIVE = re.compile(
    r"^<!--\s*(?:\.element|\.slide|fit\b|_?(?:class|paginate|header|footer|backgroundColor|"
    r"backgroundImage|backgroundPosition|backgroundRepeat|backgroundSize|color|theme|style|size|"
    r"math|headingDivider|marp)\s*:)"
)


@dataclass
class Block:
    """A top-level block: its lines as they will be shown, and the tokens it was read from."""

    kind: str
    lines: list[str]
    # Each line's number in the source: lines may have been taken out between them.
    numbers: list[int]
    tokens: list[Token] = field(repr=False)
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass
class Source:
    title: str
    blocks: list[Block]
    references: dict[str, dict[str, Any]]


def read(text: str, deadline: Deadline) -> Source:
    """Raises DeckTooComplex, nothing else, whatever the text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    env: dict[str, Any] = {}
    tokens = make_parser(deadline).parse(text, env)
    title = ""
    if tokens and tokens[0].type == "front_matter":
        matter = _front_matter(tokens[0].content)
        if matter is None:
            # `---` was the first slide's line and not the start of front matter.
            env = {}
            tokens = make_parser(deadline, front_matter=False).parse(text, env)
        else:
            title = str(matter.get("title") or "").strip()
            tokens = tokens[1:]
    # The parser counts lines like this; splitlines would also split at other characters.
    lines: list[str | None] = [*text.split("\n")]
    blocks = _blocks(tokens, lines)
    return Source(title, blocks, env.get("references", {}))


def _front_matter(content: str) -> dict[str, Any] | None:
    """The mapping, or None if this is no front matter after all."""
    if len(content) > _FRONT_MATTER_LIMIT:
        return None
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if found is None and not content.strip():
        return {}
    return found if isinstance(found, dict) else None


def _blocks(tokens: list[Token], lines: list[str | None]) -> list[Block]:
    blocks = []
    for group in _groups(tokens):
        first, last = group[0].map or [0, 0]
        notes = _resolve(group, lines)
        shown = [(n, line) for n in range(first, last) if (line := lines[n]) is not None]
        while shown and not shown[-1][1].strip():
            shown.pop()
        kind = group[0].type.removesuffix("_open")
        texts, numbers = [line for _, line in shown], [n for n, _ in shown]
        blocks.append(Block(kind, texts, numbers, group, notes))
    return _name_languages(blocks)


def _groups(tokens: list[Token]) -> Iterator[list[Token]]:
    """Each top-level block's tokens."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting != 1:
            yield group
            group = []


def _resolve(group: list[Token], lines: list[str | None]) -> list[str]:
    """Takes comments and attribute lists out of the lines; returns the comments."""
    notes: list[str] = []
    around = group[0].map or [0, 0]
    for token in group:
        if token.type in ("div_open_line", "div_close_line") and token.level and token.map:
            # A div inside a list or quote has no meaning here; its title and content stay.
            before = (lines[token.map[0]] or "").partition(":::")[0]
            title = token.meta.get("title", "")
            lines[token.map[0]] = f"{before}{title}" if title else None
        elif token.type == "html_block" and token.map:
            edits = [(one, "") for one in _comments(token.content, notes)]
            _edit(lines, token.map, edits)
        elif token.type == "inline":
            _edit(lines, token.map or around, list(_inline_edits(token, notes)))
    return notes


def _comments(html: str, notes: list[str]) -> Iterator[str]:
    """The comments that are speaker notes; their text joins `notes`."""
    start = html.find("<!--")
    while start >= 0 and (end := html.find("-->", start + 4)) >= 0:
        comment = html[start : end + 3]
        if not _DIRECTIVE.match(comment):
            if text := comment[4:-3].strip():
                notes.append(text)
            yield comment
        start = html.find("<!--", end + 3)


def _inline_edits(inline: Token, notes: list[str]) -> Iterator[tuple[str, str]]:
    """What is to be replaced in this inline's lines, in order."""
    for token in inline.children or []:
        if token.type == "image" and token.meta.get("attributes"):
            raw, attributes = token.meta["raw"], token.meta["attributes"]
            yield raw + attributes, _with_alt(raw, token, attributes)
        elif token.type == "attributes":
            yield token.content, ""
        elif token.type == "html_inline":
            for found in _comments(token.content, notes):
                yield found, ""


def _with_alt(raw: str, image: Token, attributes: str) -> str:
    """The image with the alternative text of its attribute list, if it has none of its own."""
    values = read_attributes(attributes).values
    alt = values.get("alt") or values.get("fig-alt") or ""
    if image.content or not alt or not raw.startswith("![]"):
        return raw
    plain = re.sub(r"\s+", " ", alt)
    return "![" + re.sub(r"(?<!\\)([\[\]])", r"\\\1", plain) + raw[2:]


def _edit(lines: list[str | None], where: list[int], edits: list[tuple[str, str]]) -> None:
    """Replaces each piece within the lines; lines that become empty are dropped (None)."""
    if not edits:
        return
    first, last = where
    text = "\n".join(line or "" for line in lines[first:last])
    parts, position = [], 0
    for piece, replacement in edits:
        if found := find_piece(text, piece, position):
            start, end = found
            # The line count must stay: later blocks are found by it.
            parts += [text[position:start], replacement, "\n" * text.count("\n", start, end)]
            position = end
    parts.append(text[position:])
    for offset, line in enumerate("".join(parts).split("\n")):
        if line != lines[first + offset]:
            lines[first + offset] = line.rstrip() if line.strip(" \t>") else None


def find_piece(text: str, piece: str, position: int) -> tuple[int, int] | None:
    """Where the piece stands; inside a quote its line ends carry the quote's marks."""
    if "\n" not in piece:
        start = text.find(piece, position)
        return (start, start + len(piece)) if start >= 0 else None
    pattern = r"[ \t]*\n[ \t>]*".join(re.escape(part.strip()) for part in piece.split("\n"))
    found = re.compile(pattern).search(text, position)
    return found.span() if found else None


def _name_languages(blocks: list[Block]) -> list[Block]:
    """Drops paragraphs that only held an attribute list; kramdown's name the code's language."""
    kept: list[Block] = []
    for block in blocks:
        if block.lines or block.kind.startswith("div") or block.notes:
            kept.append(block)
        elif kept and kept[-1].kind == "fence" and not kept[-1].tokens[0].info.strip():
            kept[-1].lines[0] += _language(block)
    return kept


def _language(block: Block) -> str:
    for token in block.tokens[1].children or []:
        for name in read_attributes(token.content).classes:
            return name.removeprefix("language-")
    return ""
