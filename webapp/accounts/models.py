"""Schools and users. A user belongs to one school; operators may belong to none."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from webapp.api.ids import uuid7


class School(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    school = models.ForeignKey(
        School, on_delete=models.PROTECT, null=True, blank=True, related_name="users"
    )

    @property
    def shown_name(self) -> str:
        """The name a board shows when this teacher pairs with it."""
        return self.get_full_name() or self.get_username()
