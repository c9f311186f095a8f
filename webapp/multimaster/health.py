"""/livez and /readyz: is this host of use to a browser? Answered before anything that could itself be broken.

A middleware and not a view: sessions, positions and the check of the Host header come later in the chain and need the
database or a name, and a probe has neither. It looks at this host only; whether peers live is the agent's business.
"""

import logging
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponseBase, JsonResponse

logger = logging.getLogger(__name__)


class HealthMiddleware:
    """Put it first. A project that needs more than its database overrides `reasons`, and `figures` to tell more."""

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
        found = self.reasons()
        if self.ready != (not found):
            old = {None: "unknown", True: "ready", False: "not ready"}[self.ready]
            logger.info("%s→%s %s", old, "not ready" if found else "ready", "; ".join(found))
            self.ready = not found
        figures = self.figures()
        if found:
            return self._answer({"status": "not ready", "reasons": found, **figures}, 503)
        return self._answer({"status": "ready", **figures}, 200)

    def reasons(self) -> list[str]:
        """Why this host is not ready, in plain words; an empty list means it is."""
        return reasons()

    def figures(self) -> dict[str, object]:
        """What else the answer tells operators; it makes no host unready."""
        return {}

    @staticmethod
    def _answer(body: dict[str, object], status: int) -> JsonResponse:
        return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def reasons() -> list[str]:
    """Why this host's database is not ready, in plain words; an empty list means it is."""
    try:
        connection.ensure_connection()
        return _writable() or (_migrations() + _mesh())
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        return [f"database: {str(error).strip().splitlines()[0]}"]


def _writable() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
        recovering, read_only = cursor.fetchone()
        if recovering or read_only == "on":
            return ["database: it is read-only"]
        # Takes a transaction number, as every write does, yet leaves no row to replicate.
        cursor.execute("SELECT pg_current_xact_id()")
    return []


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(key for key, found in loader.disk_migrations.items() if not found.replaces)


def _migrations() -> list[str]:
    missing = _known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    if not missing:
        return []
    first = ".".join(min(missing))
    return [f"migrations: {len(missing)} not applied, {first} first; run manage.py migrate"]


def _mesh() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('mesh.me()') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return []
        cursor.execute("SELECT mesh.me()")
        node = cursor.fetchone()[0]
    if node is None:
        return ["mesh: this database does not know which node it is"]
    expected = getattr(settings, "MULTIMASTER_NODE", None)
    if expected not in (None, node):
        return [f"mesh: MULTIMASTER_NODE is {expected}, but the database is node {node}"]
    return _unfit()


def _unfit() -> list[str]:
    """What the agent found: a clock that is wrong, a node that is not admitted, filled, or was evicted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('mesh.unfit_reasons()') IS NOT NULL")
        if not cursor.fetchone()[0]:  # a mesh of an older release, while a deployment runs
            return []
        cursor.execute("SELECT mesh.unfit_reasons()")
        return [f"mesh: {reason}" for (reason,) in cursor.fetchall()]
