"""Saves and deletes of lessons: what is written when two laptops save at once.

Each save names the version it makes and the version it edited. Deciding and writing is one
conditional statement, so that of two saves on one host exactly one wins. Two saves on two hosts in
the same instant both succeed here; the mesh then lets the later one win and keeps the other.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from webapp.api.errors import ApiError, NotFound
from webapp.api.messages import Message
from webapp.lessons.deck import parse_deck
from webapp.lessons.models import Lesson
from webapp.lessons.sharing import readable

MARKDOWN_LIMIT_BYTES = 1024 * 1024


class Saved(Enum):
    CREATED = "created"
    CHANGED = "changed"
    REPEATED = "repeated"


@dataclass(frozen=True)
class Save:
    lesson_id: UUID
    title: str
    markdown: str
    version: UUID
    base_version: UUID | None


class VersionConflict(Exception):
    """The lesson is no longer what this save was based on; `current` is None when it is gone."""

    def __init__(self, current: Lesson | None) -> None:
        super().__init__("version conflict")
        self.current = current


def save(owner: Any, wanted: Save) -> Saved:
    """Writes the save or changes nothing. Raises VersionConflict, NotFound for others' lessons."""
    size = len(wanted.markdown.encode())
    if size > MARKDOWN_LIMIT_BYTES:
        raise ApiError(
            413,
            "too_large",
            Message(
                "The Markdown has %(size)s bytes: at most %(limit)s are taken. Split the lesson into several.",
                size=size,
                limit=MARKDOWN_LIMIT_BYTES,
            ),
            limit_bytes=MARKDOWN_LIMIT_BYTES,
        )
    # Parsed before the transaction: this is the slow part, and a deck too complex is refused here.
    slide_count = len(parse_deck(wanted.markdown).slides)
    with transaction.atomic():
        return _write(owner, wanted, slide_count)


def _write(owner: Any, wanted: Save, slide_count: int) -> Saved:
    values = {
        "title": wanted.title,
        "markdown": wanted.markdown,
        "version": wanted.version,
        "slide_count": slide_count,
        "updated_at": timezone.now(),
    }
    if wanted.base_version is None and _insert(owner, wanted.lesson_id, values):
        return Saved.CREATED
    found = Lesson.objects.filter(id=wanted.lesson_id)
    if wanted.base_version is not None:
        mine = found.filter(owner=owner, version=wanted.base_version)
        if mine.exclude(version=wanted.version).update(**values):
            return Saved.CHANGED
    current = found.first()
    if current is None:
        raise VersionConflict(None)
    if current.owner_id != owner.id:
        raise _not_the_author(owner, current)
    if current.version == wanted.version:
        return Saved.REPEATED
    raise VersionConflict(current)


def _not_the_author(owner: Any, lesson: Lesson) -> ApiError:
    """Who may not even read it learns nothing of it."""
    if not readable(owner).filter(id=lesson.id).exists():
        return NotFound(Message("lesson"))
    message = Message("Only its author can change this lesson. Make a copy: that one is yours.")
    return ApiError(403, "not_the_author", message)


def _insert(owner: Any, lesson_id: UUID, values: dict[str, Any]) -> bool:
    """True if the row was made; False if there is one already (never an exception, never a wait
    for anything but another insert of the same id)."""
    if Lesson.objects.filter(id=lesson_id).exists():
        return False
    _, created = Lesson.objects.get_or_create(id=lesson_id, defaults={"owner": owner, **values})
    return created


def delete(owner: Any, lesson_id: UUID) -> None:
    """Deletes the teacher's lesson; one that is gone stays gone. Others' lessons are not found."""
    deleted, _ = Lesson.objects.filter(id=lesson_id, owner=owner).delete()
    if not deleted and Lesson.objects.filter(id=lesson_id).exists():
        raise NotFound(Message("lesson"))
