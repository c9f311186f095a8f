"""On which devices somebody is signed in, and the end of that."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext

from webapp.accounts.models import SignIn
from webapp.multimaster.durability import durability

KEY = "sign_in"
"""In the session: the id of its SignIn."""
SEEN_EVERY = timedelta(minutes=15)
KEPT = timedelta(days=30)
"""Longer than sessions live."""
STALE_AT_ONCE = 50
"""Sessions that expired, taken away by whoever signs in: so nobody need do it by night, and nobody waits for it."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrom", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """What a person would call it, from what browsers say of themselves."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "A browser")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def shown_device(name: str) -> str:
    """A device's name, which is kept in English, in the language of the request."""
    browser, on, system = name.partition(" on ")
    # Browsers and systems are called the same everywhere.
    browser = gettext("A browser") if browser == "A browser" else browser
    if not on:
        return browser
    return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system}


def current(request: HttpRequest) -> UUID | None:
    """The sign-in that a request belongs to."""
    found = request.session.get(KEY)
    return UUID(found) if found else None


def end(user: Any, which: UUID) -> bool:
    """End one sign-in of this user; ended again, it stays as it is. False: there is no such one."""
    mine = SignIn.objects.filter(id=which, user=user)
    mine.filter(ended_at=None).update(ended_at=timezone.now())
    return mine.exists()


def end_others(user: Any, but: UUID | None) -> None:
    """End all sign-ins of this user but one; None: all."""
    SignIn.objects.filter(user=user, ended_at=None).exclude(id=but).update(ended_at=timezone.now())


def has_ended(which: str) -> bool:
    """Whether the sign-in a role token was made in is over."""
    return SignIn.objects.filter(id=which, ended_at__isnull=False).exists()


def listed(user: Any) -> list[SignIn]:
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    mine = SignIn.objects.filter(user=user, ended_at=None, created_at__gt=oldest)
    return list(mine.order_by("-seen_at"))


@receiver(user_logged_in, dispatch_uid="remember_sign_in")
def _remember(sender: object, request: Any, user: Any, **_: Any) -> None:
    if request is None:
        return
    with durability("local"):  # as the session itself
        SignIn.objects.filter(user=user, created_at__lt=timezone.now() - KEPT).delete()
        stale = Session.objects.filter(expire_date__lt=timezone.now())
        Session.objects.filter(
            pk__in=list(stale.values_list("pk", flat=True)[:STALE_AT_ONCE])
        ).delete()
        made = SignIn.objects.create(
            user=user, device=device_name(request.META.get("HTTP_USER_AGENT", ""))
        )
    request.session[KEY] = str(made.id)


class SignInMiddleware:
    """Who was signed out on another device is nobody here. After Django's authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session:
            self._look(request)
        return self.get_response(request)

    def _look(self, request: HttpRequest) -> None:
        which = request.session.get(KEY)
        if which is None:  # a session from before there were sign-ins
            if request.user.is_authenticated:
                _remember(None, request, request.user)
            return
        found = SignIn.objects.filter(id=which).values("ended_at", "seen_at").first()
        if found is None:
            return
        if found["ended_at"]:
            request.user = AnonymousUser()
        elif timezone.now() - found["seen_at"] > SEEN_EVERY:
            # A note that isn't worth a refused request: this host may take no writes just now.
            with suppress(DatabaseError), transaction.atomic(), durability("local"):
                SignIn.objects.filter(id=which).update(seen_at=timezone.now())
