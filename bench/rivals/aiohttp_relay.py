"""`python -m bench.rivals.aiohttp_relay PORT`: a bare relay on aiohttp."""

import sys
from collections import defaultdict

from aiohttp import WSMsgType, web

SESSIONS: defaultdict[str, set[web.WebSocketResponse]] = defaultdict(set)


async def relay(request: web.Request) -> web.WebSocketResponse:
    own = web.WebSocketResponse(compress=False)
    await own.prepare(request)
    members = SESSIONS[request.match_info["session"]]
    members.add(own)
    try:
        async for message in own:
            if message.type == WSMsgType.BINARY:
                for member in tuple(members):
                    if member is not own:
                        await member.send_bytes(message.data)
    finally:
        members.discard(own)
    return own


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/{session}", relay)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
