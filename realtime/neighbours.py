"""Which other nodes take sockets just now, as they say themselves once a second.

For one purpose: a node that drains tells pages where to go. Which host is best for a session is the pages' own
reckoning (rendezvous hash), so this is a set of names and no order. What is lost on the bus is said again.
"""

from typing import Any

HEARD_SECONDS = 3.5
MOST = 15


class Neighbours:
    """Names of hosts by when they were last heard."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    def hear(self, said: dict[str, Any], now: float) -> None:
        """What another node says of itself: its name, and whether it takes sockets."""
        name = said.get("host")
        if not isinstance(name, str):
            return
        self._heard = {name: at for name, at in self._heard.items() if now - at <= HEARD_SECONDS}
        if not said.get("takes"):
            self._heard.pop(name, None)
        elif name in self._heard or len(self._heard) < MOST:
            self._heard[name] = now

    def taking(self, now: float) -> list[str]:
        """Hosts that take sockets, by name; empty if none was heard, which is not to say that there is none."""
        return sorted(name for name, at in self._heard.items() if now - at <= HEARD_SECONDS)
