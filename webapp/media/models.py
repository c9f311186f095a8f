"""Which media exist. The row is what replicates; a check compares rows with each host's files."""

from django.db import models

from webapp.media.store import Stored


class MediaFile(models.Model):
    """Keyed by content, so that two hosts that store the same figure make the same row."""

    name = models.CharField(primary_key=True, max_length=80, help_text="<sha256>.<extension>")
    size = models.PositiveBigIntegerField(help_text="bytes")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        return f"/media/{self.name[:2]}/{self.name}"


def record(files: list[Stored]) -> None:
    """Makes the rows of stored files; those that are there already stay as they are."""
    rows = [MediaFile(name=file.name, size=file.size) for file in files]
    MediaFile.objects.bulk_create(rows, ignore_conflicts=True)
