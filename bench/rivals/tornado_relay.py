"""`python -m bench.rivals.tornado_relay PORT`: a relay on Tornado as its documentation has it, nothing private touched."""

import asyncio
import sys
from collections import defaultdict
from typing import Any

from tornado.web import Application
from tornado.websocket import WebSocketHandler

SESSIONS: defaultdict[str, set["Relay"]] = defaultdict(set)


class Relay(WebSocketHandler):
    def check_origin(self, origin: str) -> bool:
        return True

    def open(self, *args: Any, **kwargs: Any) -> None:
        self.set_nodelay(True)
        self.members = SESSIONS[args[0]]
        self.members.add(self)

    def on_message(self, message: str | bytes) -> None:
        for member in self.members:
            if member is not self:
                member.write_message(message, binary=True)

    def on_close(self) -> None:
        self.members.discard(self)


async def main(port: int) -> None:
    Application([(r"/(.+)", Relay)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
