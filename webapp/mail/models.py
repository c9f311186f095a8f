"""Letters: mails that somebody was promised. A letter replicates; how far its mail is, is one host's business.

Deliberately without the text: it is written when the mail goes into an outbox (letters.py), so that a request that
promises a letter looks nothing up, and links are as young as the mail.
"""

from django.db import models
from django.utils import timezone

from webapp.api.ids import uuid7


class Letter(models.Model):
    """`node` is the host that is to send it: first the one that promised it, later one that took it over."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=40)
    address = models.EmailField()
    about = models.UUIDField(null=True, blank=True)
    language = models.CharField(max_length=10, default="en")
    """Of the request that promised it; whichever host writes it does so in this language."""
    node = models.SmallIntegerField()
    asked_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, blank=True)
    """What became of it when it is done: sent, nobody (there was no one to write to), dead."""

    class Meta:
        indexes = [
            models.Index(
                fields=["asked_at"], condition=models.Q(done_at=None), name="mail_letter_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class SenderSeen(models.Model):
    """When a host's sender last said that it works: by this the others know whose letters to take over."""

    node = models.SmallIntegerField(primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"node {self.node}"
