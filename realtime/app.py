"""What is answered over HTTP: /livez, /readyz, and who may have a socket. All else belongs to the node."""

import ipaddress
import json
from typing import TYPE_CHECKING

from websockets.http11 import Request, Response

if TYPE_CHECKING:
    from realtime.node import Node
    from realtime.wire import Wire

SOCKET = "/rt/v1/socket"
LIVEZ, READYZ = ("/livez", "/rt/livez"), ("/readyz", "/rt/readyz")


def answer(wire: "Wire", node: "Node", request: Request) -> Response | None:
    """The answer to a request; None if it may become a websocket, should it ask for one."""
    path = request.path.partition("?")[0]
    if path in LIVEZ:
        return _json(wire, 200, {"status": "alive"})
    if path in READYZ:
        return _readyz(wire, node)
    if path != SOCKET:
        return wire.answer(404, "There is nothing here.\n")
    if "Upgrade" not in request.headers:
        return wire.answer(400, "This is the address of a websocket.\n")
    # browsers always say it; a program may say what it likes anyway
    if not set(request.headers.get_all("Origin")) <= node.settings.origins:
        return wire.answer(403, "Pages of this origin get no socket: see REALTIME_ORIGINS.\n")
    if not node.takes_another():
        return wire.answer(
            503, "This host takes no new sockets just now. Use another one.\n", Retry_After="1"
        )
    return None


def _readyz(wire: "Wire", node: "Node") -> Response:
    """Whether this node can do all of its work; it does what it can in any case."""
    reasons, figures = node.reasons(), node.figures()
    if reasons:
        return _json(wire, 503, {"status": "not ready", "reasons": reasons, **figures})
    return _json(wire, 200, {"status": "ready", **figures})


def _json(wire: "Wire", status: int, body: dict[str, object]) -> Response:
    return wire.answer(
        status, json.dumps(body), Content_Type="application/json", Cache_Control="no-store"
    )


def address(request: Request, peer: str, bind: str) -> str:
    """Whose connection this is. The front door tells; only a proxy on this host is believed."""
    if bind != "localhost" and not ipaddress.ip_address(bind).is_loopback:
        return peer
    told = (
        request.headers.get_all("X-Real-IP") or request.headers.get_all("X-Forwarded-For") or [""]
    )[-1]
    told = told.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return peer
