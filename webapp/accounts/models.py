"""Schools, users, their sign-ins, invitations. A user belongs to one school; operators may belong to none."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy

from webapp.api.ids import uuid7

INVITATION_LIFE = timedelta(days=14)


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
    is_school_admin = models.BooleanField(
        default=False, help_text=gettext_lazy("May invite colleagues to the school.")
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            # Whoever has the mailbox can reset the password, so it is one person's. Accounts without one are many.
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_one_email",
                violation_error_message=gettext_lazy("There is an account with this address."),
            )
        ]

    @classmethod
    def of_address(cls, address: str) -> "models.QuerySet[User]":
        """The account with this e-mail address, however it is written."""
        found = cls.objects.annotate(address=Lower("email"))
        return found.filter(address=Lower(models.Value(address)))

    @property
    def shown_name(self) -> str:
        """The name a board shows when this teacher pairs with it."""
        return self.get_full_name() or self.get_username()


class SignIn(models.Model):
    """A device on which somebody signed in. It ends once and for good, whatever becomes of its session's row.

    Django's session row is no place for that: a host that saves it a moment after another deleted it brings it back.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    device = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # Realtime asks for what ended lately (realtime/revocations.py).
            models.Index(
                fields=["ended_at"],
                condition=models.Q(ended_at__isnull=False),
                name="accounts_signin_ended",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.device}"


class Passkey(models.Model):
    """A device of somebody's that signs in by its own lock. The row's id follows from the passkey's (passkeys.py)."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    credential = models.BinaryField(help_text="Id and public key, as the device gave them.")
    device = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"passkey of {self.user_id} from {self.device}"


def invitation_end() -> datetime:
    return timezone.now() + INVITATION_LIFE


class Invitation(models.Model):
    """A colleague may make an account at this school. The account's id follows from the invitation's: there is one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=invitation_end)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.email} to {self.school_id}"

    @property
    def state(self) -> str:
        """open, accepted, withdrawn or expired. Who accepted while another withdrew has an account."""
        if self.accepted_at:
            return "accepted"
        if self.withdrawn_at:
            return "withdrawn"
        return "open" if timezone.now() < self.expires_at else "expired"
