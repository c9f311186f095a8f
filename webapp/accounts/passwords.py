"""New passwords: changed by who knows the old one, or reset by who gets the mail.

Both may be repeated on any host: who repeats is told that it is done, since the new password is the one that holds.
"""

from typing import Any
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from webapp.accounts import devices, guessing, sign_ins
from webapp.accounts.models import User
from webapp.api.errors import ApiError
from webapp.api.messages import Message


def change(request: HttpRequest, user: Any, old: str, new: str) -> None:
    """Of the signed-in person, who stays signed in here and nowhere else. Raises ApiError, TooManyTries."""
    name = user.get_username()
    if guessing.check(request, name, old) is None:
        # A repeated request: the old password is the new one by now. Also guesses of this kind are counted.
        if guessing.check(request, name, new) is None:
            raise wrong("old")
        return
    validate(new, user)
    with transaction.atomic():
        user.set_password(new)
        user.save(update_fields=["password"])
        sign_ins.end_others(user, but=sign_ins.current(request))
        # In the same transaction as the password, so that no host has one without the other. Not Django's
        # update_session_auth_hash: it renames the session, and a client that never got the answer is signed out.
        request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        request.session.save()


def reset(request: HttpRequest, user_id: UUID, token: str, new: str) -> User:
    """By the link of a mail; ends all sign-ins and all passkeys, so that nobody who got in before gets in again.

    Raises ApiError, TooManyTries.
    """
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is None or not default_token_generator.check_token(user, token):
        if user is not None and guessing.check(request, user.get_username(), new) is not None:
            return user  # repeated: the link was used up by setting this very password
        text = Message("This link has expired, or was used already. Ask for a new one.")
        raise ApiError(409, "link_used_up", text)
    validate(new, user)
    with transaction.atomic():
        user.set_password(new)
        user.save(update_fields=["password"])
        sign_ins.end_others(user, but=None)
        user.passkeys.all().delete()
    # The way out for who was locked out of a new device by somebody's guesses.
    devices.remember(request, user)
    return user


def validate(password: str, user: User, field: str = "password") -> None:
    """Raises ApiError 400 `weak_password` that says why."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        # Django has said it in the language of the request already.
        text = " ".join(error.messages)
        raise ApiError(400, "weak_password", Message(text), {field: error.messages}) from None


def wrong(field: str) -> ApiError:
    """Who is signed in was asked for the password once more, in this field."""
    text = Message("This is not your present password.")
    return ApiError(403, "wrong_password", text, {field: [text]})
