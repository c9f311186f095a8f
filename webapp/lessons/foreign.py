"""A lesson's slides as a deck of another program: Marp (Markdown) or reveal.js (HTML).

The way back is `marp.py` and `reveal.py`. Written from the slides as a class sees them, not from the lesson's text:
its boxes, exercises and documents without `---` are this program's own, and slides are plain Markdown.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape

import yaml

from webapp.lessons.deck import Slide
from webapp.media.types import MEDIA_TYPES

_FENCE = re.compile(r"\s*(?:>\s*)*(```|~~~)")
_STEP = re.compile(r"(\s*(?:>\s*)*\*\s+)(?=\S)(?!.*<!-- \.element)")
_FRAGMENT = '<!-- .element: class="fragment" -->'
_FILMS = "|".join(name for name, kind in MEDIA_TYPES.items() if not kind.startswith("image/"))
_FILM = re.compile(
    rf'!\[((?:[^\[\]\\\n]|\\.){{0,300}})\]\((\S{{1,300}}?\.({_FILMS}))(?: "[^"\n]*")?\)'
)
# A comment with one of these is a setting of the deck to Marp, not a note (Marpit's directives, and Marp Core's).
_SETTING = re.compile(
    r"^[_$]?(theme|style|headingDivider|lang|paginate|header|footer|class|color|background\w*|size|math|marp|title"
    r"|author|description|keywords|url|image|transition)[ \t]*:",
    re.M,
)
# A line across a slide; Marp takes each for the end of one.
_RULE = re.compile(r" {0,3}([*_])(?:[ \t]*\1){2,}[ \t]*")
_DASHES = re.compile(r"^---\s*$", re.M)
_NOTE = re.compile(r"^\s*notes?:", re.I | re.M)

_PAGE = """<!doctype html>
<!-- Put what is in this zip into a copy of reveal.js (revealjs.com), and open it through a web server. -->
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="dist/reveal.css">
<link rel="stylesheet" href="dist/theme/white.css">
</head>
<body>
<div class="reveal"><div class="slides">
{sections}
</div></div>
<script src="dist/reveal.js"></script>
<script src="plugin/markdown/markdown.js"></script>
<script src="plugin/highlight/highlight.js"></script>
<script src="plugin/notes/notes.js"></script>
<script>Reveal.initialize({{ hash: true, plugins: [RevealMarkdown, RevealHighlight, RevealNotes] }});</script>
</body>
</html>
"""


@dataclass(frozen=True)
class Program:
    """Somebody else's program for slides. `write(title, slides)` gives the text of its deck."""

    name: str
    ending: str
    write: Callable[[str, Iterable[Slide]], str]


def marp(title: str, slides: Iterable[Slide]) -> str:
    """Notes are comments, as Marp has them. It plays no films: they are links. Lines across a slide are left out."""
    matter = yaml.safe_dump({"marp": True, "title": title}, allow_unicode=True, sort_keys=False)
    parts = []
    for slide in slides:
        lines = ("" if plain and _RULE.fullmatch(line) else line for line, plain in _lines(slide))
        body = _FILM.sub(lambda found: f"[{found[1] or found[2]}]({found[2]})", "\n".join(lines))
        parts.append(f"{body}\n\n<!--\n{_comment(slide.notes)}\n-->" if slide.notes else body)
    return f"---\n{matter}---\n\n" + "\n\n---\n\n".join(parts) + "\n"


def _comment(notes: str) -> str:
    notes = notes.strip().replace("-->", "--&gt;")
    return f"> {notes}" if _SETTING.search(notes) else notes


def reveal(title: str, slides: Iterable[Slide]) -> str:
    """Each slide is a section of Markdown. Items that come one by one say so in reveal.js' way."""
    return _PAGE.format(title=escape(title), sections="\n".join(map(_section, slides)))


def _section(slide: Slide) -> str:
    lines = (
        f"{line} {_FRAGMENT}" if plain and _STEP.match(line) else line
        for line, plain in _lines(slide)
    )
    body = _FILM.sub(_player, "\n".join(lines))
    # A slide that itself speaks of notes gets another mark for its own.
    mark = "Note of this slide:" if _NOTE.search(body) else "Note:"
    says = f' data-separator-notes="{mark}"' if mark != "Note:" else ""
    if _DASHES.search(body):  # In code, say; reveal.js looks for ends of slides there too.
        says += ' data-separator="^no end of a slide$"'
    text = f"{body}\n\n{mark}\n{slide.notes}" if slide.notes else body
    return f"<section data-markdown{says}><textarea data-template>\n{escape(text)}\n</textarea></section>"


def _lines(slide: Slide) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is outside of a block of code."""
    fenced = False
    for line in slide.markdown.split("\n"):
        fenced ^= bool(_FENCE.match(line))
        yield line, not fenced


def _player(found: re.Match[str]) -> str:
    kind = MEDIA_TYPES[found[3]].partition("/")[0]
    where = found[2].replace('"', "%22")
    return f'<{kind} controls src="{where}"></{kind}>'


PROGRAMS = {"marp": Program("Marp", "md", marp), "reveal": Program("reveal.js", "html", reveal)}
