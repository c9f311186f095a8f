"""Devices that a user has signed in from before: a signed cookie remembers for whom, also after signing out.

It opens nothing. Guesses at a password from such a device have a budget of their own (guessing.py), so that a child who
types wrong passwords elsewhere in the school can't lock the teacher's laptop out. The idea is OWASP's "device cookies".
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from webapp.api.ids import uuid7

SALT = "webapp.accounts.devices"
LIFE = timedelta(days=400)
"""As long as browsers keep a cookie."""
MOST_NAMES = 8
"""A computer of the staff room; the names longest not seen go first."""

COOKIE = settings.SESSION_COOKIE_NAME + "_device"


def name_key(username: str) -> str:
    """What stands for a user name where it must not be read or be of any length."""
    return hashlib.sha256(username.strip().casefold().encode()).hexdigest()[:16]


def known_device(request: HttpRequest, username: str) -> str | None:
    """The device's id if somebody signed in with this user name there; None: it is a stranger."""
    device, names = _read(request)
    return device if name_key(username) in names else None


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIFE)
        return str(found["device"]), list(found["names"])
    except (signing.BadSignature, KeyError, TypeError):
        return str(uuid7()), []


@receiver(user_logged_in, dispatch_uid="remember_device")
def _signed_in(sender: object, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if request is not None:
        remember(request, user)


def remember(request: HttpRequest, user: Any) -> None:
    """From now on the asking device is known for this user: who signed in, or proved to have the user's mail."""
    device, names = _read(request)
    key = name_key(user.get_username())
    names = [key, *(name for name in names if name != key)][:MOST_NAMES]
    value = signing.dumps({"device": device, "names": names}, salt=SALT)
    request.device_cookie = value


class DeviceMiddleware:
    """Sends the cookie after a sign-in, whichever page it was on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if value := getattr(request, "device_cookie", None):
            response.set_cookie(
                COOKIE,
                value,
                max_age=LIFE,
                domain=settings.SESSION_COOKIE_DOMAIN,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
