"""The letters about accounts, all their words, and the links in them. Who calls has chosen the language.

Links carry their secret after the `#`, which browsers send to no server.
"""

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.mail import EmailMessage
from django.utils.crypto import constant_time_compare
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy

from webapp.accounts.models import Invitation, User
from webapp.mail.letters import writes
from webapp.mail.models import Letter

RESET = "password_reset"
INVITE = "invitation"

RESET_SUBJECT = gettext_lazy("Choose a new password for Firstbell")
RESET_TEXT = gettext_lazy("""Hello %(name)s,

somebody, probably you, asked for a new password for Firstbell. Your user name is %(username)s.

Choose the new password here, within %(hours)s hours:

%(link)s

If it was not you, do nothing: your password stays as it is.
""")

INVITE_SUBJECT = gettext_lazy("%(inviter)s invites you to %(school)s on Firstbell")
INVITE_TEXT = gettext_lazy("""Hello,

%(inviter)s invites you to teach with Firstbell at %(school)s.

Make your account here, until %(until)s:

%(link)s

If you did not expect this, do nothing; no account is made.
""")


def page(place: str) -> str:
    """A place on the teacher's page."""
    return f"{settings.FIRSTBELL_PAGE_ORIGINS[0]}/#/{place}"


def invitation_key(invitation: Invitation) -> str:
    """What its mail holds and nobody else knows; the same on every host, and written down on none."""
    return signing.Signer(salt="webapp.accounts.invitation").signature(str(invitation.id))


def opens(key: str, invitation: Invitation) -> bool:
    return constant_time_compare(key, invitation_key(invitation))


@writes(RESET)
def _reset(letter: Letter) -> list[EmailMessage]:
    """To the account of the address; that there is none is nobody's business but this host's."""
    return [_reset_for(user) for user in User.of_address(letter.address).filter(is_active=True)]


def _reset_for(user: User) -> EmailMessage:
    text = RESET_TEXT % {
        "name": user.shown_name,
        "username": user.get_username(),
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        "link": page(f"reset/{user.id}/{default_token_generator.make_token(user)}"),
    }
    return EmailMessage(str(RESET_SUBJECT), text, to=[user.email])


@writes(INVITE)
def _invite(letter: Letter) -> list[EmailMessage]:
    invitation = (
        Invitation.objects.select_related("school", "invited_by").filter(id=letter.about).first()
    )
    if invitation is None or invitation.state != "open":
        return []
    inviter = invitation.invited_by.shown_name if invitation.invited_by else gettext("A colleague")
    words = {"inviter": inviter, "school": invitation.school.name}
    text = INVITE_TEXT % {
        **words,
        "until": date_format(invitation.expires_at, "d F Y"),
        "link": page(f"join/{invitation.id}/{invitation_key(invitation)}"),
    }
    subject = " ".join((INVITE_SUBJECT % words).split())  # a header is one line
    return [EmailMessage(subject, text, to=[invitation.email])]
