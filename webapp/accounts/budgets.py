"""How often something may be tried: REST framework's throttle, told what to count and when.

Counts are this host's own, in files beside the outbox: no request waits for another host to be counted, and none
of it enters the change log. docs/decisions/0016-guesses-are-counted-on-the-host-that-sees-them.md
"""

import ipaddress
from collections.abc import Iterable
from math import ceil
from typing import Any

from django.http import HttpRequest
from rest_framework.throttling import SimpleRateThrottle

from webapp.api.errors import ApiError
from webapp.api.messages import Message


class Budget(SimpleRateThrottle):
    """So many times within so many seconds, over a window that slides. Looking costs nothing; `spend()` does."""

    def __init__(self, name: str, most: int, seconds: int) -> None:
        self.key = f"budget.{name}"
        self.rate = (most, seconds)
        super().__init__()

    def parse_rate(self, rate: Any) -> Any:
        return rate

    def get_cache_key(self, request: Any, view: Any) -> str:
        return self.key

    def throttle_success(self) -> bool:
        return True

    def seconds_left(self) -> int:
        """Until it may be tried again; 0: now."""
        if self.allow_request(None, None):
            return 0
        # None: two workers of this host counted at once, and it is overspent.
        return max(1, ceil(self.wait() or self.duration))

    def spend(self) -> None:
        self.seconds_left()  # drops what has left the window
        self.history.insert(0, self.now)
        self.cache.set(self.key, self.history, self.duration)

    def forget(self) -> None:
        self.cache.delete(self.key)


def seconds_left(budgets: Iterable[Budget]) -> int:
    return max((budget.seconds_left() for budget in budgets), default=0)


def refuse_if_spent(budgets: Iterable[Budget], why: Message) -> None:
    """Raises ApiError 429 `too_many_tries` with `retry_after_seconds`."""
    if seconds := seconds_left(budgets):
        raise TooManyTries(why, seconds)


class TooManyTries(ApiError):
    def __init__(self, why: Message, seconds: int) -> None:
        minutes = ceil(seconds / 60)
        if minutes == 1:
            message = Message("%(why)s Try again in a minute.", why=why)
        else:
            message = Message("%(why)s Try again in %(minutes)s minutes.", why=why, minutes=minutes)
        super().__init__(429, "too_many_tries", message, retry_after_seconds=seconds)


def client_address(request: HttpRequest) -> str:
    """Whom the front door saw. nginx sets the header anew on every request, and nobody else reaches gunicorn.

    Of IPv6 the network: whoever has one address of it has all.
    """
    text = request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text.rpartition(",")[2].strip())
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
