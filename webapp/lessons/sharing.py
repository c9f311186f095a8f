"""Who may read a lesson: its author, and the teachers of the school it is shared with.

The one place that decides it; decision 0022 says why so.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from webapp.api.errors import ApiError, NotFound
from webapp.api.messages import Message
from webapp.lessons.models import Lesson, Share


def readable(reader: Any) -> QuerySet[Lesson]:
    """All lessons that this teacher may read, and so copy and export."""
    return Lesson.objects.filter(Q(owner=reader) | _from_colleagues(reader)).select_related(
        "owner", "share"
    )


def from_colleagues(reader: Any) -> QuerySet[Lesson]:
    """What others share with the reader's school."""
    found = Lesson.objects.filter(_from_colleagues(reader)).exclude(owner=reader)
    return found.select_related("owner", "share")


def _from_colleagues(reader: Any) -> Q:
    if reader.school_id is None:
        return Q(pk__in=[])
    # Both: an author who has left the school, or whose account is closed, shares nothing with it.
    return Q(
        share__school=reader.school_id,
        owner__school=F("share__school"),
        owner__is_active=True,
    )


def find(reader: Any, lesson_id: UUID) -> Lesson:
    """The lesson, if the reader may read it. Raises NotFound for all others alike."""
    found = readable(reader).filter(id=lesson_id).first()
    if found is None:
        raise NotFound(Message("lesson"))
    return found


def is_shared(lesson: Lesson) -> bool:
    return getattr(lesson, "share", None) is not None


def share(owner: Any, lesson_id: UUID) -> None:
    """Shares the owner's lesson with the owner's school; again is harmless.

    Raises NotFound for others' lessons, ApiError 409 `no_school` for somebody without a school.
    """
    if not Lesson.objects.filter(id=lesson_id, owner=owner).exists():
        raise NotFound(Message("lesson"))
    if owner.school_id is None:
        message = Message(
            "Your account belongs to no school, so there is nobody to share this lesson with."
        )
        raise ApiError(409, "no_school", message)
    with transaction.atomic():
        row, created = Share.objects.get_or_create(
            lesson_id=lesson_id, defaults={"school_id": owner.school_id}
        )
        if not created and row.school_id != owner.school_id:
            Share.objects.filter(pk=row.pk).update(school_id=owner.school_id)


def unshare(owner: Any, lesson_id: UUID) -> None:
    """Ends it; copies that colleagues made stay theirs. Raises NotFound for others' lessons."""
    if not Lesson.objects.filter(id=lesson_id, owner=owner).exists():
        raise NotFound(Message("lesson"))
    Share.objects.filter(lesson_id=lesson_id).delete()
