"""The change log knows who made a change: what lost to a conflict can be given back to somebody."""

from collections.abc import Callable

from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.http import HttpRequest, HttpResponse

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


class ActorMiddleware:
    """Names the signed-in person to the database for the time of a request that may write. After the sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user_id = None if request.method in SAFE_METHODS else request.session.get(SESSION_KEY)
        if user_id is None:
            return self.get_response(request)
        name_actor(user_id)
        try:
            return self.get_response(request)
        finally:
            if connection.connection is not None and not connection.needs_rollback:
                name_actor("")


def name_actor(who: str) -> None:
    """Whom the change log names for what this connection writes from now on; "": nobody."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('mesh.actor', %s, false)", [who])
