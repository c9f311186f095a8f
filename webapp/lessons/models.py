"""Lessons (Markdown decks), with whom they are shared, and imports.

Only the Markdown is kept; slides are read from it when they are asked for, so that a better parser
improves old lessons too.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from webapp.accounts.models import School
from webapp.api.ids import uuid7
from webapp.lessons.text import TITLE_LENGTH as TITLE_LENGTH

# Made by a client (7) or by an import from its id and the file's path (5).
ID_VERSIONS = (7, 5)


class Lesson(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lessons"
    )
    title = models.CharField(max_length=TITLE_LENGTH)
    markdown = models.TextField(blank=True)
    version = models.UUIDField(
        default=uuid7, editable=False, help_text=gettext_lazy("made by the client for each save")
    )
    slide_count = models.PositiveIntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["owner", "-updated_at"], name="lesson_newest")]

    def __str__(self) -> str:
        return self.title


class Share(models.Model):
    """The lesson's author shares it with a school: its teachers may read and copy it, nothing more.

    A row beside the lesson: sharing while the text is saved elsewhere changes nothing of the text. It
    names the school, so that a teacher who changes schools takes no lesson to the new one unasked.
    """

    lesson = models.OneToOneField(
        Lesson, primary_key=True, on_delete=models.CASCADE, related_name="share"
    )
    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="shares")
    shared_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.lesson_id} with {self.school_id}"


class Import(models.Model):
    """An import that was done, with its answer: repeating the request gives the same answer."""

    id = models.UUIDField(
        primary_key=True, editable=False, help_text=gettext_lazy("made by the client")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports"
    )
    content_sha256 = models.CharField(max_length=64)
    answer = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.id)
