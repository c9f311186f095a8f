"""Imports a Markdown file or a zip of them: figures into the media store, then all rows at once.

All or nothing: whatever is wrong with the input is found before the first row is written, and the
rows are written in one transaction. Figures are stored first; without a row they are harmless.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp.api.errors import ApiError
from webapp.api.ids import derived_uuid7
from webapp.api.parsers import megabytes
from webapp.lessons.archive import Archive, too_large
from webapp.lessons.deck import Deck, parse_deck
from webapp.lessons.deck.targets import figure_targets, rewrite_targets
from webapp.lessons.models import TITLE_LENGTH, Import, Lesson
from webapp.lessons.saving import MARKDOWN_LIMIT_BYTES
from webapp.media import store
from webapp.media.models import record
from webapp.media.types import BadMedia

MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown", ".qmd", ".rmd")
_MARKDOWN_TYPES = {"text/markdown", "text/x-markdown", "text/plain"}
_ZIP_TYPES = {"application/zip", "application/x-zip-compressed", "application/x-zip"}


@dataclass
class _Found:
    """What one import will write."""

    lessons: list[Lesson] = field(default_factory=list)
    figures: dict[str, store.Stored] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def warn(self, file: str, slide: int | None, message: str) -> None:
        self.warnings.append({"file": file, "slide": slide, "message": message})


def run_import(owner: Any, key: UUID, content: bytes, kind: str, name: str) -> dict[str, Any]:
    """The answer of the API. Raises ApiError for input that cannot be used; then nothing changed."""
    sha256 = hashlib.sha256(content).hexdigest()
    done = Import.objects.filter(id=key).first()
    if done is not None:
        return _repeated(owner, done, sha256)
    found = _read(owner, key, content, kind, name)
    answer = {
        "id": str(key),
        "lessons": [
            {"id": str(one.id), "title": one.title, "slide_count": one.slide_count}
            for one in found.lessons
        ],
        "warnings": found.warnings,
    }
    with transaction.atomic():
        made, created = Import.objects.get_or_create(
            id=key, defaults={"owner": owner, "content_sha256": sha256, "answer": answer}
        )
        if not created:
            return _repeated(owner, made, sha256)
        record(list(found.figures.values()))
        # A lesson of this import that is there already came from another host: the same text.
        Lesson.objects.bulk_create(found.lessons, ignore_conflicts=True)
    return answer


def _repeated(owner: Any, done: Import, sha256: str) -> dict[str, Any]:
    if done.owner_id != owner.id or done.content_sha256 != sha256:
        message = "This import id was used for something else. Make a new one."
        raise ApiError(409, "id_reused", message)
    return done.answer


def _read(owner: Any, key: UUID, content: bytes, kind: str, name: str) -> _Found:
    base = name.replace("\\", "/").rsplit("/", 1)[-1][:200]
    is_markdown = base.lower().endswith(MARKDOWN_SUFFIXES)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_zip(owner, key, content)
    if kind in _ZIP_TYPES or base.lower().endswith(".zip"):
        raise ApiError(400, "bad_zip", f"{base or 'This'} is not a zip file, or is damaged.")
    if kind not in _MARKDOWN_TYPES and not is_markdown:
        raise ApiError(
            415,
            "unsupported_type",
            f"{base or kind or 'This'} can't be imported: send a Markdown file (.md) or a zip.",
        )
    found = _Found()
    _add_lesson(owner, key, base or "deck.md", content, None, found)
    return found


def _read_zip(owner: Any, key: UUID, content: bytes) -> _Found:
    archive = Archive(content)
    found = _Found()
    decks = [path for path in archive.paths if path.lower().endswith(MARKDOWN_SUFFIXES)]
    for path in archive.paths:
        if path.lower().endswith(".zip"):
            found.warn(path, None, "A zip inside the zip is not opened.")
    if not decks:
        message = "There is no Markdown file (.md) in the zip."
        raise ApiError(400, "no_markdown", message if archive.paths else "The zip is empty.")
    for path in decks:
        if archive.size(path) > MARKDOWN_LIMIT_BYTES:
            raise too_large(path, MARKDOWN_LIMIT_BYTES)
        text = archive.read(path, MARKDOWN_LIMIT_BYTES)
        _add_lesson(owner, key, path, text, archive, found)
    return found


def _add_lesson(
    owner: Any, key: UUID, path: str, content: bytes, archive: Archive | None, found: _Found
) -> None:
    text = _decode(path, content)
    problems: dict[str, str] = {}
    try:
        if archive is not None:
            text = _store_figures(path, text, archive, found, problems)
        deck = parse_deck(text, problems)
    except ApiError as error:
        error.body["message"] = f"{path}: {error.body['message']}"
        raise
    for one in deck.warnings:
        found.warn(path, one.slide, one.message)
    found.lessons.append(
        Lesson(
            id=uuid.uuid5(key, path),
            owner=owner,
            title=_title(deck, path),
            markdown=text,
            version=derived_uuid7(key, path),
            slide_count=len(deck.slides),
            updated_at=timezone.now(),
        )
    )


def _decode(path: str, content: bytes) -> str:
    if len(content) > MARKDOWN_LIMIT_BYTES:
        raise too_large(path, MARKDOWN_LIMIT_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApiError(
            400, "not_text", f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from error
    if any(ord(ch) < 32 and ch not in "\t\n\r\f" for ch in text):
        raise ApiError(400, "not_text", f"{path} holds control characters: it is no text file.")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")


def _title(deck: Deck, path: str) -> str:
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return (deck.title or stem or "Lesson")[:TITLE_LENGTH]


def _store_figures(
    path: str, text: str, archive: Archive, found: _Found, problems: dict[str, str]
) -> str:
    """The text with relative figures replaced by /media/…; why others stay goes to `problems`."""
    urls: dict[str, str] = {}
    for target in figure_targets(text):
        inside = _locate(path, target, archive)
        if inside is None:
            continue
        try:
            urls[target] = _store(inside, archive, found).url
        except BadMedia as error:
            problems[target] = f"{error}"
    return rewrite_targets(text, urls)


def _store(inside: str, archive: Archive, found: _Found) -> store.Stored:
    if inside not in found.figures:
        if archive.size(inside) > store.MEDIA_LIMIT_BYTES:
            limit = megabytes(store.MEDIA_LIMIT_BYTES)
            raise BadMedia("too_large", f"it is larger than {limit}")
        content = archive.read(inside, store.MEDIA_LIMIT_BYTES)
        found.figures[inside] = store.put(Path(settings.MEDIA_ROOT), content)
    return found.figures[inside]


def _locate(path: str, target: str, archive: Archive) -> str | None:
    """The file in the zip that a link from `path` means, or None."""
    plain = unquote(target.partition("#")[0].partition("?")[0]).replace("\\", "/")
    return archive.find(normpath(join(dirname(path), plain)), normpath(plain.lstrip("/")))
