"""`python -m realtime`: read the settings, serve, drain on SIGTERM."""

import asyncio
import contextlib
import dataclasses
import logging
import os
import resource
import signal
import sys

from realtime import logs, settings
from realtime.errors import SettingsError
from realtime.node import Node
from realtime.sockets import listen

logger = logging.getLogger("realtime")

EXIT_FAILURE, EXIT_MISUSE = 1, 2
SPARE_FILES = 100  # for Postgres, NATS, logs and the listening socket itself


def main() -> int:
    """The exit code: 0 after a drain, 1 if the port is taken, 2 if a setting is wrong."""
    try:
        chosen = settings.from_environment()
    except SettingsError as error:
        print(f"realtime: {error}", file=sys.stderr)
        return EXIT_MISUSE
    logs.start(chosen.name)
    most_sockets = min(chosen.limits.sockets, raise_file_limit() - SPARE_FILES)
    limits = dataclasses.replace(chosen.limits, sockets=most_sockets)
    chosen = dataclasses.replace(chosen, limits=limits)
    return asyncio.run(serve(chosen))


def raise_file_limit() -> int:
    """Allow as many open files as the system lets us; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if now == resource.RLIM_INFINITY else now


async def serve(chosen: settings.Settings) -> int:
    """Serve until SIGTERM or SIGINT; a second one stops the wait for clients to move."""
    node = Node(chosen)
    try:
        server = await listen(node)
    except (OSError, ValueError) as error:
        logger.error(
            "can't listen on REALTIME_BIND:REALTIME_PORT %s:%s: %s", chosen.bind, chosen.port, error
        )
        return EXIT_FAILURE
    stop, hurry = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: hurry.set() if stop.is_set() else stop.set()
        )
    await node.start()
    logger.info("node=%s listening on %s:%s", chosen.node, chosen.bind, chosen.port)
    await stop.wait()
    await node.drain(hurry)
    server.close()
    logger.info("node=%s stopped", chosen.node)
    return 0


if __name__ == "__main__":
    code = main()
    # a thread that waits for a Postgres that hangs would keep the interpreter from leaving
    sys.stderr.flush()
    os._exit(code)
