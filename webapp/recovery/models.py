"""What people lost to a conflict, as the data layer lists it (mesh.lost). Read only: no table here is ours."""

from django.db import models
from django.utils.translation import gettext_lazy


class LostChange(models.Model):
    """A change that lost to a concurrent one, or a row that waits for a unique value or for its parent."""

    id = models.TextField(primary_key=True)
    table = models.TextField(gettext_lazy("table"), db_column="tbl")
    key = models.TextField(gettext_lazy("key"))
    what = models.TextField(gettext_lazy("what"))
    kind = models.TextField()
    lost = models.JSONField(null=True)
    lost_at = models.DateTimeField(gettext_lazy("lost at"), null=True)
    lost_node = models.SmallIntegerField(gettext_lazy("lost node"), null=True)
    lost_actor = models.TextField(gettext_lazy("lost by"), null=True)
    won = models.JSONField(null=True)
    won_at = models.DateTimeField(null=True)
    won_node = models.SmallIntegerField(gettext_lazy("won node"), null=True)
    won_actor = models.TextField(gettext_lazy("won by"), null=True)
    detail = models.TextField(null=True)
    noticed_at = models.DateTimeField()

    class Meta:
        managed = False
        verbose_name = gettext_lazy("lost change")
        verbose_name_plural = gettext_lazy("lost changes")
        db_table = 'mesh"."lost'  # Django puts quotes round it: "mesh"."lost"
        default_permissions = ()  # superusers only
        ordering = ["-noticed_at", "id"]

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.what}"
