"""Teaching sessions, and the copy of each session's live document.

The live state itself (slide, reveals, boards) is a Yjs document that realtime owns; nothing here
reads or writes its bytes.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone

from webapp.api.ids import uuid7
from webapp.lessons.models import Lesson


class TeachingSession(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="teachings"
    )
    lesson = models.ForeignKey(Lesson, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["owner", "-updated_at"], name="teaching_recent")]

    def __str__(self) -> str:
        return f"{self.id} of {self.owner_id}"


class RealtimeSnapshot(models.Model):
    """One realtime node's copy of a session's document, written by realtime over SQL.

    Keyed by session and node so that two nodes never write the same row; a reader merges the rows
    of a session. Made here because this application owns the schema.
    """

    pk = models.CompositePrimaryKey("session", "node")
    session = models.UUIDField()
    node = models.SmallIntegerField()
    state = models.BinaryField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "realtime_snapshot"
