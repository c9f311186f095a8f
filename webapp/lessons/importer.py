"""Imports a Markdown file, a reveal.js deck or a zip of them: figures into the media store, then all rows at once.

All or nothing: whatever is wrong with the input is found before the first row is written, and the
rows are written in one transaction. Figures are stored first; without a row they are harmless.
"""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename, dirname, join, normpath
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp.api.errors import ApiError
from webapp.api.ids import derived_uuid7
from webapp.api.messages import Message
from webapp.api.sizes import megabytes
from webapp.lessons import bundle, inline_figures, marp, reveal
from webapp.lessons import text as texts
from webapp.lessons.archive import Archive, too_large
from webapp.lessons.deck import parse_deck
from webapp.lessons.deck.targets import figure_targets, rewrite_targets
from webapp.lessons.models import Import, Lesson
from webapp.lessons.saving import MARKDOWN_LIMIT_BYTES
from webapp.media import store
from webapp.media.models import record
from webapp.media.types import BadMedia

MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown", ".qmd", ".rmd")
HTML_SUFFIXES = (".html", ".htm")
# Decks that hold their own pictures; what is left without those is bounded as Markdown is.
HTML_LIMIT_BYTES = 20 * 1024 * 1024
_MARKDOWN_TYPES = {"text/markdown", "text/x-markdown", "text/plain"}
_ZIP_TYPES = {"application/zip", "application/x-zip-compressed", "application/x-zip"}


@dataclass
class _Found:
    """What one import will write."""

    lessons: list[Lesson] = field(default_factory=list)
    figures: dict[str, store.Stored] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def warn(self, file: str, slide: int | None, message: Message) -> None:
        words = message.stored()
        self.warnings.append({"file": file, "slide": slide, "message": message, "words": words})


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
    return _shown(answer)


def _shown(answer: dict[str, Any]) -> dict[str, Any]:
    """A stored answer as it is told: who repeats an import may have chosen another language since."""
    return {**answer, "warnings": [_shown_warning(**one) for one in answer["warnings"]]}


def _shown_warning(file: str, slide: int | None, message: str, words: Any = None) -> dict[str, Any]:
    # Without words it is of a release that spoke English only; that release reads ours by `message`.
    told = Message.of(words).shown() if words else message
    return {"file": file, "slide": slide, "message": told}


def _repeated(owner: Any, done: Import, sha256: str) -> dict[str, Any]:
    if done.owner_id != owner.id or done.content_sha256 != sha256:
        message = Message("This import id was used for something else. Make a new one.")
        raise ApiError(409, "id_reused", message)
    return _shown(done.answer)


def _read(owner: Any, key: UUID, content: bytes, kind: str, name: str) -> _Found:
    base = name.replace("\\", "/").rsplit("/", 1)[-1][:200]
    is_markdown = base.lower().endswith(MARKDOWN_SUFFIXES)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_zip(owner, key, content)
    if kind in _ZIP_TYPES or base.lower().endswith(".zip"):
        message = Message(
            "%(file)s is not a zip file, or is damaged.", file=base or Message("This")
        )
        raise ApiError(400, "bad_zip", message)
    found = _Found()
    if kind == "text/html" or base.lower().endswith(HTML_SUFFIXES):
        _add_reveal(owner, key, base or "deck.html", content, None, found)
        return found
    if kind not in _MARKDOWN_TYPES and not is_markdown:
        raise ApiError(
            415,
            "unsupported_type",
            Message(
                "%(file)s can't be imported: send a Markdown file (.md), a reveal.js deck (.html) or a zip.",
                file=base or kind or Message("This"),
            ),
        )
    _add_lesson(owner, key, base or "deck.md", content, None, found)
    return found


def _read_zip(owner: Any, key: UUID, content: bytes) -> _Found:
    archive = Archive(content)
    found = _Found()
    for path in archive.paths:
        if path.lower().endswith(".zip"):
            found.warn(path, None, Message("A zip inside the zip is not opened."))
    read_by_html = set[str]()
    for path in archive.paths:
        if path.lower().endswith(HTML_SUFFIXES):
            html = archive.read(path, HTML_LIMIT_BYTES)
            if reveal.is_deck(html.decode(errors="replace")):
                read_by_html |= _add_reveal(owner, key, path, html, archive, found)
    decks = [path for path in archive.paths if path.lower().endswith(MARKDOWN_SUFFIXES)]
    if not decks and not found.lessons:
        empty = Message("The zip is empty.")
        message = Message(
            "There is no Markdown file (.md) and no reveal.js deck (.html) in the zip."
        )
        raise ApiError(400, "no_markdown", message if archive.paths else empty)
    note = _read_notes(archive)
    for path in decks:
        if path in read_by_html:
            continue
        if archive.size(path) > MARKDOWN_LIMIT_BYTES:
            raise too_large(path, MARKDOWN_LIMIT_BYTES)
        text = archive.read(path, MARKDOWN_LIMIT_BYTES)
        _add_lesson(owner, key, path, text, archive, found, note.get(path))
    return found


def _read_notes(archive: Archive) -> dict[str, bundle.Entry]:
    """What notes of exports say of Markdown files, by path; some programs put a folder round all."""
    entries = {}
    for path in archive.paths:
        if basename(path) == bundle.NOTE and archive.size(path) <= bundle.NOTE_LIMIT_BYTES:
            note = bundle.read_note(archive.read(path, bundle.NOTE_LIMIT_BYTES))
            entries.update({join(dirname(path), file): one for file, one in note.items()})
    return entries


def _add_lesson(
    owner: Any,
    key: UUID,
    path: str,
    content: bytes,
    archive: Archive | None,
    found: _Found,
    entry: bundle.Entry | None = None,
) -> None:
    text = _decode(path, content)
    with _naming(path):
        if entry is not None and archive is not None:
            text = _restore_figures(path, text, entry, archive, found)
        else:
            text = marp.to_markdown(text)
        _add_text(owner, key, path, text, archive, found, entry.title if entry else "")


def _add_reveal(
    owner: Any, key: UUID, path: str, content: bytes, archive: Archive | None, found: _Found
) -> set[str]:
    """Adds the deck; returns the Markdown files that belong to it."""
    if len(content) > HTML_LIMIT_BYTES:
        raise too_large(path, HTML_LIMIT_BYTES)
    read = set[str]()

    def beside(target: str) -> str | None:
        inside = _locate(path, target, archive) if archive else None
        if archive is None or inside is None:
            return None
        read.add(inside)
        return _decode(inside, archive.read(inside, MARKDOWN_LIMIT_BYTES))

    with _naming(path):
        html, own = inline_figures.take(content.decode("utf-8-sig", errors="replace"))
        if len(html) > MARKDOWN_LIMIT_BYTES:
            raise too_large(path, MARKDOWN_LIMIT_BYTES)
        deck = reveal.convert(html, beside)
        urls = {}
        for name, figure in own.items():
            try:
                urls[name] = _keep(found, f"{path}#{name}", figure).url
            except BadMedia as error:
                message = Message(
                    "A picture inside the deck is left out: %(reason)s.", reason=error.message
                )
                found.warn(path, None, message)
        text = inline_figures.put(texts.plain(deck.markdown), urls)
        for message in deck.warnings:
            found.warn(path, None, message)
        _add_text(owner, key, path, text, archive, found, deck.title)
    return read


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Errors within begin with the file they are about."""
    try:
        yield
    except ApiError as error:
        if not error.body["message"].startswith(path):
            error.body["message"] = Message(
                "%(file)s: %(message)s", file=path, message=error.body["message"]
            )
        raise


def _add_text(
    owner: Any, key: UUID, path: str, text: str, archive: Archive | None, found: _Found, title: str
) -> None:
    problems: dict[str, Message] = {}
    if archive is not None:
        text = _store_figures(path, text, archive, found, problems)
    if len(text.encode()) > MARKDOWN_LIMIT_BYTES:
        raise too_large(path, MARKDOWN_LIMIT_BYTES)
    deck = parse_deck(text, problems)
    for one in deck.warnings:
        found.warn(path, one.slide, one.message)
    found.lessons.append(
        Lesson(
            id=uuid.uuid5(key, path),
            owner=owner,
            title=texts.title(title or deck.title) or texts.title(_stem(path)) or "Lesson",
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
        return texts.plain(content.decode(), path)
    except UnicodeDecodeError as error:
        raise ApiError(
            400,
            "not_text",
            Message(
                "%(file)s is not UTF-8 text (byte %(byte)s). Save it as UTF-8.",
                file=path,
                byte=error.start,
            ),
        ) from error


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _restore_figures(
    path: str, text: str, entry: bundle.Entry, archive: Archive, found: _Found
) -> str:
    """The text of an export with its figures stored under their names again."""
    urls = {}
    for name in bundle.names_in(entry, text):
        inside = _locate(path, f"{entry.figures}/{name}", archive)
        if inside is None:
            continue
        try:
            stored = _store(inside, archive, found)
        except BadMedia as error:
            message = Message(
                "The figure %(figure)s is left out: %(reason)s.",
                figure=inside,
                reason=error.message,
            )
            found.warn(path, None, message)
            continue
        # One that was changed on the way has another name now.
        urls[name] = stored.url
    return bundle.restore(entry, text, urls)


def _store_figures(
    path: str, text: str, archive: Archive, found: _Found, problems: dict[str, Message]
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
            problems[target] = error.message
    return rewrite_targets(text, urls)


def _store(inside: str, archive: Archive, found: _Found) -> store.Stored:
    if inside not in found.figures:
        if archive.size(inside) > store.MEDIA_LIMIT_BYTES:
            limit = megabytes(store.MEDIA_LIMIT_BYTES)
            raise BadMedia("too_large", Message("it is larger than %(limit)s", limit=limit))
        return _keep(found, inside, archive.read(inside, store.MEDIA_LIMIT_BYTES))
    return found.figures[inside]


def _keep(found: _Found, name: str, content: bytes) -> store.Stored:
    found.figures[name] = store.put(Path(settings.MEDIA_ROOT), content)
    return found.figures[name]


def _locate(path: str, target: str, archive: Archive) -> str | None:
    """The file in the zip that a link from `path` means, or None."""
    plain = unquote(target.partition("#")[0].partition("?")[0]).replace("\\", "/")
    return archive.find(normpath(join(dirname(path), plain)), normpath(plain.lstrip("/")))
