"""/livez and /readyz, answered before anything that could itself be broken.

A middleware and not a view: sessions, positions and the check of the Host header come later in the
chain and need the database or a name, and a probe has neither.
"""

import logging
from collections.abc import Callable

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from webapp.health.checks import reasons
from webapp.mail.figures import figures

logger = logging.getLogger(__name__)


class HealthMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.ready: bool | None = None

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/livez":
            return self._answer({"status": "alive"}, 200)
        if request.path == "/readyz":
            return self._readyz()
        return self.get_response(request)

    def _readyz(self) -> JsonResponse:
        close_old_connections()
        found = reasons()
        if self.ready != (not found):
            old = {None: "unknown", True: "ready", False: "not ready"}[self.ready]
            logger.info("%s→%s %s", old, "not ready" if found else "ready", "; ".join(found))
            self.ready = not found
        mail = figures()
        if found:
            return self._answer({"status": "not ready", "reasons": found, "mail": mail}, 503)
        return self._answer({"status": "ready", "mail": mail}, 200)

    @staticmethod
    def _answer(body: dict[str, object], status: int) -> JsonResponse:
        return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
