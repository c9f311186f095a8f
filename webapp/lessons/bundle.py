"""A lesson as a zip: its Markdown or another program's deck, and its figures beside it.

Beside the Markdown lies a note (`firstbell.json`): each lesson's title, file and folder of figures. With it an
import brings back the very same text; without it the zip is a deck like any other. Deliberately nothing of the
server's: no ids, no owner, no dates, so that the same lesson is the same zip, byte for byte.
"""

import itertools
import json
import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.api.sizes import megabytes
from webapp.lessons import text
from webapp.lessons.archive import ARCHIVE_LIMIT_BYTES
from webapp.media.types import MEDIA_TYPES

NOTE = "firstbell.json"
NOTE_LIMIT_BYTES = 64 * 1024
FORMAT = 1

_EPOCH = (2026, 1, 1, 0, 0, 0)
_IN_MEMORY_BYTES = 4 * 1024 * 1024
# No word's end is asked for: what follows a figure differs on the way, and no extension begins another.
_HASH = rf"[0-9a-f]{{64}}\.(?:{'|'.join(MEDIA_TYPES)})"
_MEDIA = re.compile(rf"/media/([0-9a-f]{{2}})/(?=\1)({_HASH})")
_FOLDER = re.compile(r"figures(-\d{1,6})?")


@dataclass(frozen=True)
class Entry:
    """One lesson of a zip, as its note tells it."""

    title: str
    file: str
    figures: str


def media_names(markdown: str) -> list[str]:
    """The names (<sha256>.<extension>) of all figures that a text speaks of, each once, in order."""
    return list(dict.fromkeys(found[2] for found in _MEDIA.finditer(markdown)))


def write(title: str, markdown: str, figures: dict[str, Path]) -> IO[bytes]:
    """The zip, at its start. `figures`: where each figure is; others stay in the text as they are.

    Raises ApiError 413 `too_large` if it could not be imported again.
    """
    markdown, file = text.plain(markdown), f"{file_stem(title)}.md"
    folder = _free_folder(markdown)
    note = {"format": FORMAT, "lessons": [{"title": title, "file": file, "figures": folder}]}
    return _zip({NOTE: json.dumps(note, ensure_ascii=False, indent=1)}, file, markdown, folder, figures)  # fmt: skip


def write_deck(file: str, deck: str, figures: dict[str, Path]) -> IO[bytes]:
    """The zip of a deck for another program, without a note: imported again, it is a deck like any other.

    Raises ApiError 413 `too_large`, as `write` does.
    """
    return _zip({}, file, deck, _free_folder(deck), figures)


def _zip(
    files: dict[str, str], file: str, speaks: str, folder: str, figures: dict[str, Path]
) -> IO[bytes]:
    """`files`, and one that speaks of figures; the figures beside them in their folder."""
    sizes = {name: path.stat().st_size for name, path in figures.items()}
    if sum(sizes.values()) + len(speaks.encode()) > ARCHIVE_LIMIT_BYTES - NOTE_LIMIT_BYTES:
        total, limit = megabytes(sum(sizes.values())), megabytes(ARCHIVE_LIMIT_BYTES)
        raise ApiError(
            413,
            "too_large",
            Message(
                "The figures of this lesson have %(total)s, and a zip can be imported up to %(limit)s. "
                "Make two lessons of it.",
                total=total,
                limit=limit,
            ),
        )
    body = _MEDIA.sub(
        lambda found: f"{folder}/{found[2]}" if found[2] in figures else found[0], speaks
    )
    made = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 (the caller's)
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in {**files, file: body}.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content.encode(), zipfile.ZIP_DEFLATED)
        for name, path in figures.items():
            _add(archive, f"{folder}/{name}", path)
    made.seek(0)
    return made


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(name, _EPOCH), "w") as target:
        while chunk := source.read(1024 * 1024):
            target.write(chunk)


def _free_folder(markdown: str) -> str:
    """A folder that the text does not speak of: only so each mention of it means a figure."""
    taken = set(re.findall(r"figures(?:-\d+)?(?=/)", markdown))
    names = itertools.chain(["figures"], (f"figures-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def file_stem(title: str) -> str:
    """A file name for any system, told from the title."""
    words = re.sub(r"[^\w]+", "-", title, flags=re.UNICODE).strip("-_")
    # The longest that file systems take is 255 bytes.
    return words.encode()[:100].decode(errors="ignore") or "lesson"


def read_note(content: bytes) -> dict[str, Entry]:
    """The lessons that a zip's note tells of, by file; none if it is no such note."""
    try:
        found = json.loads(content)
        lessons = found["lessons"] if found["format"] == FORMAT else []
        entries = [
            Entry(text.title(str(one["title"])), str(one["file"]), str(one["figures"]))
            for one in lessons
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {one.file: one for one in entries if _FOLDER.fullmatch(one.figures)}


def names_in(entry: Entry, body: str) -> list[str]:
    """The figures that an exported text speaks of."""
    return list(dict.fromkeys(re.findall(rf"{entry.figures}/({_HASH})", body)))


def restore(entry: Entry, body: str, urls: dict[str, str]) -> str:
    """The text as it was: mentions of figures turned back. `urls`: by name, of those that are stored."""
    return re.sub(rf"{entry.figures}/({_HASH})", lambda found: urls.get(found[1], found[0]), body)
