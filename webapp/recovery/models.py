"""What people lost to a conflict, as the data layer lists it (mesh.lost). Read only: no table here is ours."""

from django.db import models


class LostChange(models.Model):
    """A change that lost to a concurrent one, or a row that waits for a unique value or for its parent."""

    id = models.TextField(primary_key=True)
    table = models.TextField(db_column="tbl")
    key = models.TextField()
    what = models.TextField()
    kind = models.TextField()
    lost = models.JSONField(null=True)
    lost_at = models.DateTimeField(null=True)
    lost_node = models.SmallIntegerField(null=True)
    lost_actor = models.TextField(null=True, verbose_name="lost by")
    won = models.JSONField(null=True)
    won_at = models.DateTimeField(null=True)
    won_node = models.SmallIntegerField(null=True)
    won_actor = models.TextField(null=True, verbose_name="won by")
    detail = models.TextField(null=True)
    noticed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = 'mesh"."lost'  # Django puts quotes round it: "mesh"."lost"
        default_permissions = ()  # superusers only
        ordering = ["-noticed_at", "id"]

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.what}"
