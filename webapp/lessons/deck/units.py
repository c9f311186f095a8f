"""Units: the smallest pieces that are put on slides, each with its height in lines of a board.

A board shows about 14 lines of 60 characters. Heights are estimates by counting; the browser
scales what is still too high. Blocks too high for one slide are divided here where a reader would
pause: between items, rows, sentences, lines of code.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from markdown_it.token import Token

from webapp.lessons.deck.source import Block
from webapp.lessons.deck.targets import html_images

BOARD_LINES = 14.0
BOARD_CHARACTERS = 60
TITLE_LINES = 2.0
PAGE_LINES = BOARD_LINES - TITLE_LINES
GAP_LINES = 0.6
FIGURE_LINES = 7.0
CODE_LINE = 0.8  # code is set smaller
ROW_LINE = 1.3
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
_ITEM_NUMBER = re.compile(r"^(\s*)\d{1,9}(?=[.)])")


@dataclass
class Unit:
    lines: list[str]
    height: float
    tokens: list[Token] = field(default_factory=list, repr=False)
    notes: list[str] = field(default_factory=list)
    # The callout this belongs to: its number on the slide is drawn once, with its title.
    quote: tuple[int, str] | None = None
    continued: bool = False  # not the first of its callout
    # Parts of one block on one slide are joined again by this line end instead of a gap.
    part_of: int = 0
    joiner: str = "\n"
    # How bad a slide's end after this unit is: a lead-in and what it leads to stay together.
    glue: int = 0

    @property
    def visible(self) -> bool:
        return bool(self.lines)


def note_unit(text: str) -> Unit:
    return Unit([], 0.0, notes=[text])


def units_of(block: Block) -> list[Unit]:
    """A block as one unit, or as several if it is too high for one slide."""
    whole = Unit(block.lines, height(block.tokens), block.tokens, block.notes)
    if whole.height <= PAGE_LINES or not block.lines:
        return [whole]
    parts = list(_divide(block, whole))
    if len(parts) < 2:
        return [whole]
    parts[0].notes = block.notes
    return parts


def height(tokens: list[Token]) -> float:
    """Lines on a board that these tokens need, gap below included."""
    lines, depth = GAP_LINES, 0
    for token in tokens:
        if token.type in ("list_item_open", "blockquote_open"):
            depth += 1
            lines += 0.2
        elif token.type in ("list_item_close", "blockquote_close"):
            depth -= 1
        elif token.type == "inline":
            lines += _inline_height(token, BOARD_CHARACTERS - 3 * min(depth, 8))
        elif token.type in ("fence", "code_block"):
            lines += (token.content.count("\n") + 1) * CODE_LINE
        elif token.type == "html_block":
            lines += _html_height(token.content)
        elif token.type == "tr_close":
            lines += ROW_LINE
        elif token.type == "td_open" or token.type == "th_open":
            # Cells stand side by side; the row counts.
            lines -= 1
    return max(lines, GAP_LINES)


def _inline_height(token: Token, width: int) -> float:
    characters, lines = 0, 0.0
    for child in token.children or []:
        if child.type == "image":
            lines += FIGURE_LINES
        elif child.type == "hardbreak":
            lines += max(1, math.ceil(characters / width))
            characters = 0
        elif child.type == "softbreak":
            characters += 1
        elif child.type != "html_inline":
            characters += len(child.content)
    return lines + math.ceil(characters / width)


def _html_height(html: str) -> float:
    text = re.sub(r"<[^<>]*>", "", html)
    return len(html_images(html)) * FIGURE_LINES + sum(
        math.ceil(len(line) / BOARD_CHARACTERS) for line in text.split("\n") if line.strip()
    )


def _divide(block: Block, whole: Unit) -> Iterator[Unit]:
    if block.kind == "fence":
        return _divide_code(block, whole)
    if block.kind in ("bullet_list", "ordered_list"):
        return _divide_list(block)
    if block.kind == "paragraph":
        return _divide_paragraph(block, whole)
    if block.kind == "blockquote":
        return _divide_quote(block)
    if block.kind == "table":
        return _divide_table(block)
    return iter([whole])


def _divide_code(block: Block, whole: Unit) -> Iterator[Unit]:
    """Equal parts, each a fence of its own, cut at an empty line where one is near."""
    opening, body, closing = block.lines[0], block.lines[1:-1], block.lines[-1]
    token = block.tokens[0]
    if closing.strip(" \t") != token.markup and not closing.strip().startswith(token.markup):
        body, closing = block.lines[1:], token.markup
    room = int((PAGE_LINES - GAP_LINES) / CODE_LINE) - 1
    size = math.ceil(len(body) / math.ceil(len(body) / room)) if body else 1
    start = 0
    while start < len(body):
        end = min(start + size, len(body))
        blank = [i for i in range(start + size // 2, end) if not body[i].strip()]
        if end < len(body) and blank:
            end = blank[-1] + 1
        part = body[start:end]
        tokens = [token.copy(content="\n".join(part))]
        yield Unit([opening, *part, closing], (len(part) + 1) * CODE_LINE + GAP_LINES, tokens)
        start = end


def _divide_list(block: Block) -> Iterator[Unit]:
    """One unit per item; the number of an ordered list goes on where it stopped."""
    starts = [
        t.map[0] for t in block.tokens if t.type == "list_item_open" and t.level == 1 and t.map
    ]
    first = block.tokens[0]
    number = int(first.attrs.get("start", 1)) if first.type == "ordered_list_open" else None
    for index, unit in enumerate(_pieces(block, starts)):
        if number is not None:
            unit.lines[0] = _ITEM_NUMBER.sub(rf"\g<1>{number + index}", unit.lines[0], count=1)
        yield replace(unit, height=max(unit.height - GAP_LINES, 0.2), glue=5)


def _divide_quote(block: Block) -> Iterator[Unit]:
    """One unit per block inside the quote."""
    starts = {t.map[0] for t in block.tokens if t.level == 1 and t.map and t.nesting >= 0}
    for unit in _pieces(block, sorted(starts)):
        yield replace(unit, joiner="\n>\n", glue=5)


def _divide_table(block: Block) -> Iterator[Unit]:
    """Equal parts, the heading row repeated on each."""
    starts = [t.map[0] for t in block.tokens if t.type == "tr_open" and t.map]
    head, *rows = _pieces(block, starts)
    room = int((PAGE_LINES - GAP_LINES) / ROW_LINE) - 1
    size = math.ceil(len(rows) / math.ceil(len(rows) / room)) if rows else 1
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        lines = [*head.lines, *(line for row in part for line in row.lines)]
        tokens = [*head.tokens, *(token for row in part for token in row.tokens)]
        yield Unit(lines, (len(part) + 1) * ROW_LINE + GAP_LINES, tokens)


def _pieces(block: Block, starts: list[int]) -> Iterator[Unit]:
    """The block's lines cut before each start; each with the tokens that lie in it."""
    end = (block.tokens[0].map or [0, 0])[1]
    bounds = [*starts[1:], end]
    tokens: list[list[Token]] = [[] for _ in bounds]
    lines: list[list[str]] = [[] for _ in bounds]
    index = 0
    for token in block.tokens[1:-1]:
        if token.map and token.nesting >= 0:
            while index < len(bounds) - 1 and token.map[0] >= bounds[index]:
                index += 1
        tokens[index].append(token)
    index = 0
    for number, line in zip(block.numbers, block.lines, strict=True):
        while index < len(bounds) - 1 and number >= bounds[index]:
            index += 1
        lines[index].append(line)
    for own_lines, own_tokens in zip(lines, tokens, strict=True):
        while own_lines and not own_lines[-1].strip(" >\t"):
            own_lines.pop()
        if own_lines:
            yield Unit(own_lines, height(own_tokens), own_tokens, part_of=id(block))


def _divide_paragraph(block: Block, whole: Unit) -> Iterator[Unit]:
    """One unit per sentence, cut only where no emphasis, link or code is open."""
    text, start = block.text, 0
    for end in [*_sentence_ends(block, text), len(text)]:
        lines = text[start:end].strip().split("\n")
        if any(lines):
            share = (whole.height - GAP_LINES) * (end - start) / len(text)
            yield Unit(lines, share, block.tokens if not start else [], part_of=id(block), glue=5)
        start = end


def _sentence_ends(block: Block, text: str) -> Iterator[int]:
    position = 0
    children = block.tokens[1].children or []
    for child, following in zip(children, [*children[1:], None], strict=True):
        if child.level or child.type != "text":
            continue
        snippets = [
            child.content[max(0, found.start() - 20) : found.end()]
            for found in _SENTENCE_END.finditer(child.content)
        ]
        at_line_end = following is not None and following.type == "softbreak"
        if at_line_end and child.content.rstrip().endswith((".", "!", "?")):
            snippets.append(child.content[-20:] + "\n")
        for snippet in snippets:
            at = text.find(snippet, position, position + 20_000)
            if at >= 0:
                position = at + len(snippet)
                yield position
