"""From Markdown to slides: where slides begin, what is shown, what are notes.

A text with `---` lines is a deck whose slides the writer chose: they are kept, and divided only
when far too long. Any other text is a document: each heading (h1 to h3) begins a section, boxes and
exercises have slides of their own, and a long section fills as many slides as it needs.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it.token import Token

from webapp.api.messages import Message
from webapp.lessons.deck.grammar import Deadline
from webapp.lessons.deck.pages import paginate
from webapp.lessons.deck.source import Block, Source, read
from webapp.lessons.deck.targets import images, is_relative, links, shown
from webapp.lessons.deck.tree import Div, Node, build
from webapp.lessons.deck.units import BOARD_LINES, PAGE_LINES, Unit, note_unit, units_of

SECTION_TAGS = ("h1", "h2", "h3")
# A writer's own slide is divided only if it would need twice the board.
DECK_LINES = 2 * BOARD_LINES
_LEADS = {"paragraph_open", "bullet_list_open", "ordered_list_open"}
_OUTPUT = {"output", "error", "text", "source"}
_KEEP_WITH_NEXT = 150
_HEADING_GLUE = 400
_CALLOUT_GLUE = 80
_MARKER = re.compile(r"^(\s*(?:>\s*)*)[-+](?=\s)")
_CLOSING_HASHES = re.compile(r"(?:^|\s+)#+\s*$")


@dataclass(frozen=True)
class Slide:
    title: str
    markdown: str
    notes: str


@dataclass(frozen=True)
class Warning:
    slide: int | None  # counted from 1
    message: Message


@dataclass(frozen=True)
class Deck:
    title: str
    slides: tuple[Slide, ...]
    warnings: tuple[Warning, ...]


@dataclass
class Heading:
    markdown: str
    plain: str
    level: int
    tokens: list[Token] = field(default_factory=list, repr=False)
    notes: list[str] = field(default_factory=list)

    def line(self, counter: str = "") -> str:
        return f"{'#' * self.level} {self.markdown}{counter}"


@dataclass
class Draft:
    """A slide before references and warnings."""

    heading: Heading | None
    counter: str
    units: list[Unit]


def parse(text: str, problems: dict[str, Message], deadline: Deadline) -> Deck:
    """All slides of a Markdown text. `problems` says why a figure was not stored, by target."""
    source = read(text, deadline)
    nodes, tree_warnings = build(source.blocks)
    breaks = any(isinstance(node, Block) and _is_break(node) for node in nodes)
    maker = _Maker(source, deadline)
    drafts = maker.deck(nodes) if breaks else maker.document(nodes)
    _place_leading_notes(drafts)
    slides = []
    for draft in drafts:
        deadline.check()
        slides.append(_render(draft, source))
    warnings = [Warning(None, message) for message in tree_warnings]
    for number, draft in enumerate(drafts, 1):
        warnings += [Warning(number, message) for message in _problems(draft, problems)]
    return Deck(_deck_title(source), tuple(slides), tuple(warnings))


def _place_leading_notes(drafts: list[Draft]) -> None:
    """Notes before anything is shown belong to the first slide; a text of notes alone has one."""
    first = drafts[0] if drafts else None
    if first is None or first.heading or any(unit.visible for unit in first.units):
        return
    if len(drafts) > 1:
        drafts[1].units = first.units + drafts[1].units
        del drafts[0]
    else:
        first.heading = Heading("…", "…", 2)


def _is_break(block: Block) -> bool:
    return block.kind == "hr" and block.tokens[0].markup.startswith("-")


def _deck_title(source: Source) -> str:
    if source.title:
        return source.title
    headings = [block for block in source.blocks if block.kind == "heading"]
    if headings:
        return plain_text(min(headings[:50], key=lambda block: block.tokens[0].tag).tokens)
    texts = (plain_text(block.tokens) for block in source.blocks)
    return next((text for text in texts if text), "")[:80]


@dataclass
class Part:
    """A run of ordinary content, or finished slides that stand between two such runs."""

    units: list[Unit] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


class _Maker:
    """Turns nodes into drafts; numbers the callouts of one deck."""

    def __init__(self, source: Source, deadline: Deadline) -> None:
        self.source = source
        self.deadline = deadline
        self.callouts = 0

    # --- decks with `---`

    def deck(self, nodes: list[Node]) -> list[Draft]:
        drafts: list[Draft] = []
        for section in _split(nodes, _is_break):
            body = section[1:] if section and _is(section[0], _is_break) else section
            heading = None
            if body and isinstance(body[0], Block) and body[0].kind == "heading":
                heading, body = _heading(body[0]), body[1:]
            self._section(drafts, heading, body, DECK_LINES, notes_to_end=True)
        return drafts

    # --- documents

    def document(self, nodes: list[Node]) -> list[Draft]:
        drafts: list[Draft] = []
        title = self.source.title
        sections = list(_split(nodes, _begins_section))
        first = sections[0] if sections else []
        if title and not (first and _is(first[0], lambda b: _titled(b, title))):
            drafts.append(Draft(Heading(title, title, 1), "", []))
        for section in sections:
            heading = Heading(title, title, 2) if title else None
            if isinstance(section[0], Block) and _begins_section(section[0]):
                heading, section = _heading(section[0]), section[1:]
            short = sum(_rough_height(node) for node in section) <= DECK_LINES
            self._section(drafts, heading, section, PAGE_LINES, notes_to_end=short)
        return drafts

    def _section(
        self,
        drafts: list[Draft],
        heading: Heading | None,
        nodes: list[Node],
        room: float,
        notes_to_end: bool,
    ) -> None:
        """Adds a section's slides: runs of ordinary content, between them slides of their own."""
        self.deadline.check()
        parts: list[Part] = []
        run = [note_unit(text) for text in heading.notes] if heading else []
        if heading and not heading.markdown:
            heading = None
        for node in _with_notes(nodes, notes_to_end):
            if isinstance(node, Div) and node.kind() in ("box", "exercise", "answer"):
                parts += [Part(units=run), Part(drafts=self._own_slides(node, heading))]
                run = []
            else:
                run += self._units(node)
        parts.append(Part(units=run))
        self._lay_out(drafts, heading, parts, room)

    def _lay_out(
        self,
        drafts: list[Draft],
        heading: Heading | None,
        parts: list[Part],
        room: float,
    ) -> None:
        flow: list[Draft] = []
        alone = bool(heading and heading.tokens)
        for index, part in enumerate(parts):
            drafts += part.drafts
            if any(unit.visible for unit in part.units):
                pages = [Draft(heading, "", page) for page in _pages(part.units, room)]
            elif index == 0 and alone:
                pages = [Draft(heading, "", part.units)]
            else:
                _append_notes(drafts, part.units, heading)
                continue
            drafts += pages
            flow += pages
        for number, draft in enumerate(flow, 1):
            draft.counter = f" ({number}/{len(flow)})" if len(flow) > 1 and heading else ""

    def _own_slides(self, div: Div, around: Heading | None) -> list[Draft]:
        """A box, exercise or answer: slides with its own title, then those of its answers."""
        heading, body = self._own_heading(div, around)
        drafts: list[Draft] = []
        self._section(drafts, heading, body, PAGE_LINES, notes_to_end=False)
        return drafts

    def _own_heading(self, div: Div, around: Heading | None) -> tuple[Heading, list[Node]]:
        own, body = _title_of(div)
        label = div.label()
        name = own.markdown if own else div.title
        if div.kind() == "answer" and around and (not name or name.lower() == label.lower()):
            # "Solution" says nothing; the exercise's name does.
            name = around.markdown.partition(": ")[2] or around.markdown
        text = label if not name or name.lower() == label.lower() else f"{label}: {name}"
        return Heading(text, text, 3, *((own.tokens, own.notes) if own else ([], []))), body

    # --- content

    def _units(self, node: Node, quoted: bool = False) -> list[Unit]:
        self.deadline.check()
        if isinstance(node, Block):
            return self._block_units(node)
        kind = node.kind()
        if kind == "notes":
            return [note_unit(text) for text in _texts(node)]
        if kind == "callout":
            return self._callout(node, quoted)
        units = self._title_units(node) + _glued(
            [unit for child in node.children for unit in self._units(child, quoted)]
        )
        if kind == "incremental":
            for unit in units:
                unit.lines = [_MARKER.sub(r"\1*", line) for line in unit.lines]
        return units

    def _title_units(self, div: Div) -> list[Unit]:
        label = div.title or (div.label() if div.kind() in ("box", "exercise", "answer") else "")
        return [Unit([f"**{label}**"], 1.6, glue=_HEADING_GLUE)] if label else []

    def _block_units(self, block: Block) -> list[Unit]:
        if block.kind == "note":
            return [note_unit(block.text.partition(":")[2].strip())]
        if block.kind == "heading" and block.lines:
            heading = _heading(block)
            # Below the slide's own title.
            level = max(heading.level, 4) if not _begins_section(block) else heading.level
            line = f"{'#' * level} {heading.markdown}"
            return [Unit([line], 1.8, block.tokens, block.notes, glue=_HEADING_GLUE)]
        if block.kind == "hr":
            return []  # Slides end anyway; a line across one says nothing to a class.
        return _glued(units_of(block))

    def _callout(self, div: Div, quoted: bool) -> list[Unit]:
        own, body = _title_of(div)
        title = own.markdown if own else (div.title or div.label())
        units = [note_unit(text) for text in own.notes] if own else []
        units += [unit for child in body for unit in self._units(child, quoted=True)]
        if quoted:
            # A quote within a quote is too small to read: its title is enough.
            tokens = own.tokens if own else []
            named = [Unit([f"**{title}**"], 1.6, tokens, glue=_HEADING_GLUE)] if title else []
            return named + _glued(units)
        self.callouts += 1
        mark = (self.callouts, title)
        inner = _glued(units)
        for unit in inner:
            if unit.visible:
                unit.quote = mark
                unit.glue = max(unit.glue, _CALLOUT_GLUE)
        visible = [unit for unit in inner if unit.visible]
        for unit in visible[1:]:
            unit.continued = True
        if visible:
            visible[-1].glue = 0
            if own:
                visible[0].tokens = own.tokens + visible[0].tokens
        elif title:
            inner.append(Unit([f"**{title}**"], 1.6, own.tokens if own else []))
        return inner


def _split(nodes: list[Node], begins: Callable[[Block], bool]) -> Iterator[list[Node]]:
    section: list[Node] = []
    for node in nodes:
        if isinstance(node, Block) and begins(node):
            if section:
                yield section
            section = []
        section.append(node)
    if section:
        yield section


def _is(node: Node, test: Callable[[Block], bool]) -> bool:
    return isinstance(node, Block) and test(node)


def _begins_section(block: Block) -> bool:
    return block.kind == "heading" and block.tokens[0].tag in SECTION_TAGS


def _titled(block: Block, title: str) -> bool:
    return _begins_section(block) and plain_text(block.tokens) == title


def _heading(block: Block) -> Heading:
    token = block.tokens[0]
    if token.markup.startswith("#"):
        text = block.lines[0].strip().lstrip("#").strip() if block.lines else ""
        text = _CLOSING_HASHES.sub("", text)
    else:
        text = " ".join(line.strip() for line in block.lines[:-1])
    level = int(token.tag[1:])
    return Heading(text, plain_text(block.tokens), level, block.tokens, block.notes)


def _title_of(div: Div) -> tuple[Heading | None, list[Node]]:
    """The div's first heading, and what follows it."""
    if div.children and isinstance(div.children[0], Block) and div.children[0].kind == "heading":
        return _heading(div.children[0]), div.children[1:]
    return None, div.children


def _with_notes(nodes: list[Node], to_end: bool) -> Iterator[Node]:
    """After `Note:` all plain content of the section is notes too, as reveal.js has it."""
    noting = False
    for node in nodes:
        if isinstance(node, Block):
            if noting:
                yield Div(["notes"], "", [node])
                continue
            noting = to_end and node.kind == "note"
        yield node


def _texts(div: Div) -> Iterator[str]:
    if div.title:
        yield div.title
    for child in div.children:
        if isinstance(child, Div):
            yield from _texts(child)
        else:
            if child.lines:
                text = child.text
                yield text.partition(":")[2].strip() if child.kind == "note" else text
            yield from child.notes


def _rough_height(node: Node) -> float:
    if isinstance(node, Div):
        return sum(_rough_height(child) for child in node.children)
    return sum(unit.height for unit in units_of(node))


def _glued(units: list[Unit]) -> list[Unit]:
    """Marks lead-ins: text that ends with a colon, a command followed by its output."""
    for unit, following in pairwise(units):
        if not unit.lines or not following.lines:
            continue
        kind = unit.tokens[0].type if unit.tokens else ""
        after = following.tokens[0].type if following.tokens else ""
        leads = unit.lines[-1].rstrip(" *_").endswith(":") and kind in _LEADS
        shows = kind == "fence" and after == "fence" and _language(following) in _OUTPUT
        if leads or shows:
            unit.glue = max(unit.glue, _KEEP_WITH_NEXT)
    return units


def _language(unit: Unit) -> str:
    return (unit.tokens[0].info.split() or [""])[0]


def _pages(units: list[Unit], room: float) -> list[list[Unit]]:
    """Pages of visible units; notes go with the page of the unit before them."""
    units = _glued(units)
    total = sum(unit.height for unit in units)
    # A deck's slide that is not far too long stays as the writer made it.
    pages = [units] if total <= room else paginate(units, PAGE_LINES)
    kept: list[list[Unit]] = []
    for page in pages:
        if kept and not any(unit.visible for unit in page):
            kept[-1] = kept[-1] + page
        else:
            kept.append(page)
    if len(kept) > 1 and not any(unit.visible for unit in kept[0]):
        kept[:2] = [kept[0] + kept[1]]
    return kept


def _append_notes(drafts: list[Draft], units: list[Unit], heading: Heading | None) -> None:
    if not units:
        return
    if drafts:
        drafts[-1].units = drafts[-1].units + units
    else:
        # Notes before the first slide: the title slide they belong to has nothing else.
        drafts.append(Draft(heading, "", units))


def _render(draft: Draft, source: Source) -> Slide:
    body = _body(draft.units)
    parts = [draft.heading.line(draft.counter)] if draft.heading else []
    parts += [body] if body else []
    tokens = [token for unit in draft.units for token in unit.tokens]
    tokens += draft.heading.tokens if draft.heading else []
    definitions = list(_definitions(tokens, source))
    if definitions:
        parts.append("\n".join(definitions))
    notes = "\n\n".join(note for unit in draft.units for note in unit.notes)
    title = draft.heading.plain + draft.counter if draft.heading else _first_words(draft)
    return Slide(title, "\n\n".join(parts), notes)


def _first_words(draft: Draft) -> str:
    for unit in draft.units:
        if text := plain_text(unit.tokens):
            return text if len(text) <= 60 else text[:59].rstrip() + "…"
    return ""


def _body(units: list[Unit]) -> str:
    parts: list[str] = []
    before: Unit | None = None
    for unit in units:
        if not unit.visible:
            continue
        text = "\n".join(unit.lines)
        if unit.quote:
            same = before is not None and before.quote == unit.quote
            title = "" if same else _callout_title(unit)
            text = _quoted(title + "\n\n" + text if title else text)
            separator = "\n>\n" if same else "\n\n"
            if same and _joined(before, unit):
                separator = "\n"
        else:
            separator = unit.joiner if _joined(before, unit) else "\n\n"
        parts += [separator if parts else "", text]
        before = unit
    return "".join(parts)


def _callout_title(unit: Unit) -> str:
    title = unit.quote[1] if unit.quote else ""
    return f"**{title}**" + (" (continued)" if unit.continued else "") if title else ""


def _joined(before: Unit | None, unit: Unit) -> bool:
    return before is not None and bool(unit.part_of) and before.part_of == unit.part_of


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _definitions(tokens: list[Token], source: Source) -> Iterator[str]:
    """The link definitions that these tokens use; they may stand anywhere in the source."""
    labels = dict.fromkeys(
        str(child.meta["label"])
        for token in tokens
        for child in [token, *(token.children or [])]
        if child.meta and "label" in child.meta
    )
    for label in labels:
        if found := source.references.get(label):
            href = str(found["href"])
            target = f"<{href}>" if re.search(r"[\s()]", href) or not href else href
            title = str(found.get("title") or "").replace('"', '\\"')
            yield f"[{label.lower()}]: {target}" + (f' "{title}"' if title else "")


def _problems(draft: Draft, problems: dict[str, Message]) -> Iterator[Message]:
    tokens = [token for unit in draft.units for token in unit.tokens]
    tokens += draft.heading.tokens if draft.heading else []
    for target in dict.fromkeys(images(tokens)):
        if not is_relative(target):
            continue
        name = shown(target)
        if why := problems.get(target):
            yield Message("The figure %(figure)s is left out: %(reason)s.", figure=name, reason=why)
        else:
            yield Message("The figure %(figure)s is missing.", figure=name)
    for target in dict.fromkeys(links(tokens)):
        if is_relative(target):
            yield Message("The link to %(target)s leads nowhere.", target=shown(target))


def plain_text(tokens: list[Token]) -> str:
    """The words of these tokens without marks."""
    words = []
    for token in tokens:
        if token.type in ("fence", "code_block"):
            words.append(token.content)
        for child in token.children or []:
            if child.type in ("text", "code_inline", "image"):
                words.append(child.content)
            elif child.type in ("softbreak", "hardbreak"):
                words.append(" ")
    return re.sub(r"\s+", " ", "".join(words)).strip()
