"""Teaching sessions, the boards that are remembered or forgotten, and the copy of each session's live document.

The live state itself (slide, reveals, boards) is a Yjs document that realtime owns; nothing here
reads or writes its bytes.
"""

from uuid import UUID, uuid5

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

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
    boards_forgotten_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Boards that were paired before have no access any more."),
    )

    class Meta:
        indexes = [models.Index(fields=["owner", "-updated_at"], name="teaching_recent")]

    def __str__(self) -> str:
        return f"{self.id} of {self.owner_id}"


class ForgottenBoard(models.Model):
    """A pairing that has ended for good: its board's token is worth nothing, here and in realtime.

    A row for what is gone, since the token was never a row: it is checked without Postgres.
    """

    pairing = models.UUIDField(primary_key=True)
    forgotten_at = models.DateTimeField(default=timezone.now)

    class Meta:
        # Realtime asks for what was forgotten lately (realtime/boards.py).
        indexes = [models.Index(fields=["forgotten_at"], name="teaching_forgotten_lately")]

    def __str__(self) -> str:
        return str(self.pairing)


class RememberedBoard(models.Model):
    """A teacher may start on this board without a code. One row for a board and a teacher: see `key`.

    Realtime reads `board`, `owner`, `name` and `forgotten_at` (realtime/boards.py).
    """

    id = models.UUIDField(primary_key=True, editable=False)
    board = models.UUIDField(
        help_text=gettext_lazy("The browser that was paired; realtime gave it this id.")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="boards"
    )
    name = models.CharField(
        max_length=60, help_text=gettext_lazy("What the teacher calls the room.")
    )
    remembered_at = models.DateTimeField(default=timezone.now)
    forgotten_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Only a pairing after this has it remembered again."),
    )

    class Meta:
        indexes = [models.Index(fields=["board"], name="teaching_remembered_board")]

    def __str__(self) -> str:
        return f"{self.name} of {self.owner_id}"

    @staticmethod
    def key(board: UUID, owner: UUID) -> UUID:
        """The row's id follows from both: two hosts that make it at once make the same one."""
        return uuid5(board, str(owner))


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
