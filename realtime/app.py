"""The HTTP face: the socket, /livez and /readyz. All else belongs to the node."""

import ipaddress
import json

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from realtime.node import Node
from realtime.sockets import Socket


class _Json(RequestHandler):
    def initialize(self, node: Node) -> None:
        self._node = node

    def _answer(self, status: int, body: dict[str, object]) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body))


class Livez(_Json):
    """Whether the process answers at all."""

    def get(self) -> None:
        self._answer(200, {"status": "alive"})


class Readyz(_Json):
    """Whether this node can do all of its work; it does what it can in any case."""

    def get(self) -> None:
        reasons, figures = self._node.reasons(), self._node.figures()
        if reasons:
            self._answer(503, {"status": "not ready", "reasons": reasons, **figures})
        else:
            self._answer(200, {"status": "ready", **figures})


def build(node: Node) -> Application:
    """The routes of a node."""
    of_node = {"node": node}
    return Application(
        [
            (r"/rt/v1/socket", Socket, of_node),
            (r"(?:/rt)?/livez", Livez, of_node),
            (r"(?:/rt)?/readyz", Readyz, of_node),
        ],
        websocket_max_message_size=node.settings.limits.hard_frame_bytes,
        # compression costs 160 KiB a socket and gains nothing for frames of 100 bytes
    )


def listen(node: Node) -> HTTPServer:
    """Accept connections on the node's address and port; OSError if it is taken."""
    bind = node.settings.bind
    # the front door tells the client's address; only a proxy on this host is believed
    behind_proxy = bind == "localhost" or ipaddress.ip_address(bind).is_loopback
    server = HTTPServer(build(node), xheaders=behind_proxy)
    server.listen(node.settings.port, bind)
    return server
