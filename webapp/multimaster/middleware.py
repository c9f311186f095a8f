"""What a client was told, it can read – on whichever host it asks next.

Each answer carries `Firstbell-Position`: the newest change it rests on, per node. A client sends it back;
a host that has not got those changes yet waits a bounded time, then answers 409 `behind`, and the client
tries another host. A host whose Postgres is away answers 503, which means the same to a client.

Put it before the session middleware: it must wait before sessions are read and look after they are saved. And after
Django's LocaleMiddleware, if there is one, so that its refusals are in the language of the request.
`MULTIMASTER_PATHS`: beginnings of the paths it looks at, all by default. `MULTIMASTER_NODE`: this host's node number,
for the header that names it.
"""

import logging

from django.conf import settings
from django.db import DatabaseError, DataError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext

from webapp.multimaster import durability

logger = logging.getLogger(__name__)

WAIT_MILLISECONDS = 1000
"""How long a host may take to catch up before the client is sent on. Usual lag is a few milliseconds."""

POSITION = "Firstbell-Position"
DURABILITY = "Firstbell-Durability"
NODE = "Firstbell-Node"


class PositionMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response
        self.paths = tuple(getattr(settings, "MULTIMASTER_PATHS", ("/",)))
        self.node = getattr(settings, "MULTIMASTER_NODE", None)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(self.paths):
            return self.get_response(request)
        durability.start(connection)
        try:
            refusal = self._wait(request.headers.get(POSITION, ""))
            response = refusal or self.get_response(request)
            self._mark(response)
        except (OperationalError, InterfaceError) as error:
            response = _unavailable(error)
        if self.node is not None:
            response[NODE] = str(self.node)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A view found Postgres gone: that is this host's trouble, not the request's."""
        if isinstance(error, OperationalError | InterfaceError):
            return _unavailable(error)
        return None

    def _wait(self, wanted: str) -> HttpResponse | None:
        """None when this node has all that `wanted` names; else the answer that sends the client on."""
        if not wanted:
            return None
        try:
            with connection.cursor() as cursor:
                cursor.execute("select mesh.wait_for(%s, %s)", [wanted, WAIT_MILLISECONDS])
                if cursor.fetchone()[0]:
                    return None
        except DataError:
            message = gettext(
                "%(header)s is not a position that this service gave out: %(found)s"
            ) % {"header": POSITION, "found": repr(wanted[:100])}
            return _error(400, "bad_position", message)
        logger.info("behind wanted=%s", wanted)
        message = gettext(
            "This host has not yet received what another host told you. Try another host."
        )
        return _error(409, "behind", message)

    def _mark(self, response: HttpResponse) -> None:
        """Say what the answer rests on, and how durable a write was that it acknowledges."""
        if connection.connection is None and response.status_code >= 500:
            return
        with connection.cursor() as cursor:
            cursor.execute("select mesh.position(), current_setting('synchronous_standby_names')")
            position, standbys = cursor.fetchone()
        response[POSITION] = position
        response[DURABILITY] = durability.acknowledged(connection, standbys)


def _unavailable(error: DatabaseError) -> JsonResponse:
    logger.warning("database away: %s", str(error).strip().splitlines()[:1])
    connection.close()
    message = gettext("This host's database is away. Try another host.")
    return _error(503, "unavailable", message)


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "fields": {}}, status=status)
