"""Invitations of colleagues, by a school's admin teacher; an accepted one is an account.

The account's id follows from the invitation's, so that two hosts on which it is accepted in the same instant make the
same row: one account, as the later of them wrote it.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts import letters, passwords
from webapp.accounts.budgets import Budget, refuse_if_spent
from webapp.accounts.models import Invitation, User
from webapp.api.errors import ApiError, NotFound
from webapp.api.ids import derived_uuid7
from webapp.api.messages import Message
from webapp.mail.letters import promise
from webapp.mail.models import Letter

LISTED = timedelta(days=60)
PER_DAY = (60, 24 * 3600)
"""Invitations of one admin: a stolen session must not become a source of unwanted mail."""


def invite(admin: User, key: UUID, email: str) -> tuple[Invitation, bool]:
    """The invitation, and whether this made it. Its mail is promised in the same transaction."""
    found = Invitation.objects.filter(id=key).first()
    if found is None:
        budget = Budget(f"invite.{admin.id}", *PER_DAY)
        refuse_if_spent([budget], Message("You have invited many people today."))
        with transaction.atomic():
            found, made = Invitation.objects.get_or_create(
                id=key,
                defaults={"school_id": admin.school_id, "email": email, "invited_by": admin},
            )
            promise(mail_id(key), letters.INVITE, email, about=key)
        budget.spend()
        if made:
            return found, True
    if found.school_id != admin.school_id:
        raise NotFound(Message("invitation"))
    if found.email != email:
        text = Message("This invitation is for another address. Make a new one.")
        raise ApiError(409, "another_invitation", text, {"email": [text]})
    return found, False


def mail_id(invitation: UUID) -> UUID:
    return derived_uuid7(invitation, "mail")


def account_id(invitation: UUID) -> UUID:
    return derived_uuid7(invitation, "account")


def withdraw(admin: User, key: UUID) -> None:
    """Withdrawn again, it stays withdrawn. One that was accepted is an account by now, and stays one."""
    invitation = Invitation.objects.filter(id=key, school_id=admin.school_id).first()
    if invitation is None:
        raise NotFound(Message("invitation"))
    if invitation.accepted_at:
        text = Message(
            "This invitation was accepted already. Ask your administrator to switch the account off."
        )
        raise ApiError(409, "accepted", text)
    Invitation.objects.filter(id=key, withdrawn_at=None).update(withdrawn_at=timezone.now())


def listed(school_id: UUID) -> list[dict[str, Any]]:
    """The school's invitations of late, newest first, with what became of their mail."""
    since = timezone.now() - LISTED
    found = list(
        Invitation.objects.filter(school_id=school_id, created_at__gt=since)
        .select_related("invited_by")
        .order_by("-created_at")
    )
    mails = Letter.objects.in_bulk([mail_id(invitation.id) for invitation in found])
    return [
        {"invitation": one, "mail": _mail_state(one, mails.get(mail_id(one.id)))} for one in found
    ]


def _mail_state(invitation: Invitation, letter: Letter | None) -> str:
    if letter is None:  # letters are kept for a week, and mail is tried for hours
        return "sent"
    if letter.done_at is None:
        return "waiting"
    return "sent" if letter.outcome == "sent" else "failed"


def offered(key: UUID, secret: str) -> Invitation:
    """The invitation for who has its mail. Raises ApiError: not_found, or 409 with its state as code."""
    invitation = Invitation.objects.select_related("school", "invited_by").filter(id=key).first()
    if invitation is None or not letters.opens(secret, invitation):
        raise NotFound(Message("invitation"))
    return invitation


GONE = {
    "withdrawn": Message("This invitation was withdrawn. Ask whoever invited you."),
    "expired": Message("This invitation has expired. Ask whoever invited you for a new one."),
    "accepted": Message("This invitation was accepted already. Sign in with the account you made."),
}


def accept(invitation: Invitation, values: dict[str, str]) -> tuple[User, bool]:
    """The account, and whether this made it. Raises ApiError.

    values: username, first_name, last_name, password.
    """
    key = account_id(invitation.id)
    account = User.objects.filter(id=key).first()
    if account is not None:
        return _accepted_before(account, values), False
    if invitation.state != "open":
        raise ApiError(409, invitation.state, GONE[invitation.state])
    account = User(
        id=key,
        username=User.normalize_username(values["username"].strip()),
        first_name=values["first_name"].strip(),
        last_name=values["last_name"].strip(),
        email=invitation.email,
        school_id=invitation.school_id,
    )
    _check(account)
    passwords.validate(values["password"], account)
    account.set_password(values["password"])
    try:
        with transaction.atomic():
            account.save(force_insert=True)
            Invitation.objects.filter(id=invitation.id).update(accepted_at=timezone.now())
    except IntegrityError:  # in this very instant, on this host
        made = User.objects.filter(id=key).first()
        if made is None:
            _refuse_if_taken(account)
            raise
        return _accepted_before(made, values), False
    return account, True


def _accepted_before(account: User, values: dict[str, str]) -> User:
    """Repeated by whoever made it, it is done; anybody else has the link too late."""
    same_name = account.get_username() == User.normalize_username(values["username"].strip())
    if same_name and account.check_password(values["password"]):
        return account
    raise ApiError(409, "accepted", GONE["accepted"])


def _check(account: User) -> None:
    try:
        account.clean_fields(exclude=["password", "email"])
    except ValidationError as error:
        fields = error.message_dict
        # Django has said it in the language of the request already.
        text = " ".join(words for found in fields.values() for words in found)
        raise ApiError(400, "invalid", Message(text), fields) from None
    _refuse_if_taken(account)


def _refuse_if_taken(account: User) -> None:
    """By what this host knows; who takes it elsewhere at the same moment is told afterwards (parked.py)."""
    if User.objects.filter(username=account.username).exists():
        text = Message(
            "The user name “%(name)s” is taken. Choose another one.", name=account.username
        )
        raise ApiError(409, "name_taken", text, {"username": [text]})
    if User.of_address(account.email).exists():
        text = Message(
            "There is an account with the address %(address)s already. Sign in with it; if you have forgotten its"
            " password, ask for a new one.",
            address=account.email,
        )
        raise ApiError(409, "email_taken", text)
