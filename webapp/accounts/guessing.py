"""Guessing passwords is slow work: wrong ones are counted, and with the budget spent nothing is even looked at.

An authentication backend, so that it stands before the API's sign-in, the admin's and the change of a password
alike. What is counted together:

- a device known for that user name: its own wrong passwords only;
- everybody else: wrong passwords for that name from that address, for that name from anywhere, from that address.

So what others do can't lock a teacher's own devices out. Who sits at a new one waits, or resets the password by mail.
Why no library for lock-outs: docs/decisions/0016-guesses-are-counted-on-the-host-that-sees-them.md
"""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.accounts.budgets import Budget, TooManyTries, client_address, seconds_left
from webapp.accounts.devices import known_device, name_key
from webapp.api.messages import Message

QUARTER, HOUR = 900, 3600
PER_DEVICE = (10, QUARTER)
PER_NAME_AND_ADDRESS = (10, QUARTER)
PER_NAME = (20, HOUR)
PER_ADDRESS = (100, QUARTER)
"""A school is one address: on the first morning of term many try what was their password."""

WAIT = "guessing_wait_seconds"


def check(request: HttpRequest, username: str, password: str) -> Any:
    """The user, or None for a wrong password. Raises TooManyTries when nothing was looked at."""
    user = authenticate(request, username=username, password=password)
    seconds: int = getattr(request, WAIT, 0)
    if user is None and seconds:
        raise TooManyTries(Message("There were too many wrong passwords."), seconds)
    return user


class GuessingGuard(BaseBackend):
    """Comes before the backend that looks at passwords, and knows nobody."""

    def authenticate(self, request: Any, username: str | None = None, **credentials: Any) -> None:
        if request is None or username is None:
            return
        seconds = seconds_left(_budgets(request, username))
        setattr(request, WAIT, seconds)
        if seconds:
            raise PermissionDenied


@receiver(user_login_failed, dispatch_uid="count_wrong_password")
def _count(sender: object, credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    username = credentials.get("username")
    if request is None or username is None or getattr(request, WAIT, None):
        return
    for budget in _budgets(request, username):
        budget.spend()


@receiver(user_logged_in, dispatch_uid="forget_wrong_passwords")
def _forget(sender: object, request: Any, user: Any, **_: Any) -> None:
    """Who knows the password has not been guessing; what was guessed elsewhere stays counted."""
    if request is not None:
        _budgets(request, user.get_username())[0].forget()


def _budgets(request: HttpRequest, username: str) -> list[Budget]:
    name = name_key(username)
    if device := known_device(request, username):
        return [Budget(f"device.{device}.{name}", *PER_DEVICE)]
    address = client_address(request)
    return [
        Budget(f"name-address.{name}.{address}", *PER_NAME_AND_ADDRESS),
        Budget(f"name.{name}", *PER_NAME),
        Budget(f"address.{address}", *PER_ADDRESS),
    ]
