"""Who is measured at relaying: realtime nodes as they run on hosts, and the relays of rivals/. All on loopback."""

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cores import OTHERS, SERVER, on
from bench.report import ROOT
from tests.realtime.support import (
    NatsServer,
    PostgresServer,
    Process,
    RealtimeNode,
    wait_until,
)
from tests.support.ports import free_port

RIVALS = ROOT / ".run/rivals/bin"
FIRSTBELL, FIRSTBELL_AWARENESS = "Firstbell", "Firstbell, awareness"
REDIS, PUBSUB = "Channels, Redis", "Channels, Redis pub/sub"
TORNADO, AIOHTTP = "Tornado", "aiohttp"
LAYERS = {
    REDIS: "channels_redis.core.RedisChannelLayer",
    PUBSUB: "channels_redis.pubsub.RedisPubSubChannelLayer",
}


@dataclass
class Running:
    """Servers that are up: where pages connect, whose CPU counts, and whose is shown beside it."""

    name: str
    ports: list[int]
    servers: list[int]
    helpers: list[int]
    kind: str = "plain"
    """What pages send: `plain` (the rivals), `updates` or `awareness` (Firstbell)."""

    def job(self) -> dict:
        """What the generator is told of it."""
        return {
            "ports": self.ports,
            "servers": self.servers,
            "helpers": self.helpers,
            "kind": self.kind,
        }


def missing(name: str) -> str:
    """Why a contestant can't be measured; empty if it can."""
    if name.startswith(FIRSTBELL):
        return ""
    if not (RIVALS / "uvicorn").exists():
        return "its packages are not there: bin/install-rivals"
    if name in LAYERS and redis_server() is None:
        return "redis-server is not there: bin/install-rivals"
    return ""


def redis_server() -> str | None:
    return next(
        (
            str(p)
            for p in map(Path, ("/usr/bin/redis-server", "/usr/local/bin/redis-server"))
            if p.exists()
        ),
        None,
    )


@contextmanager
def running(name: str, nodes: int = 1, one_core: bool = True) -> Iterator[Running]:
    """`nodes` servers of that kind. `one_core`: all of them on the measured core; else the first one alone has it."""
    # below /tmp: the user postgres could not reach a private TMPDIR
    with (
        tempfile.TemporaryDirectory(prefix="firstbell-bench-", dir="/tmp") as folder,
        ExitStack() as stack,
    ):
        Path(folder).chmod(0o755)
        start = _firstbell if name.startswith(FIRSTBELL) else _rival
        yield start(name, Path(folder), nodes, one_core, stack)


def _firstbell(name: str, folder: Path, nodes: int, one_core: bool, stack: ExitStack) -> Running:
    """Under its real entry point, with tokens, a nats-server for each node, and a Postgres for snapshots."""
    numbers = range(1, nodes + 1)
    routes = [free_port() for _ in numbers]
    (folder / "postgres").mkdir()
    postgres = PostgresServer(folder / "postgres")
    buses = [NatsServer(f"nats{n}", folder, routes, n - 1) for n in numbers]
    hosts = [
        RealtimeNode(n, folder, REALTIME_BACKPLANE="nats", REALTIME_NATS_URL=buses[n - 1].url, REALTIME_DATABASE_URL=postgres.url)
        for n in numbers
    ]  # fmt: skip
    for process in (postgres, *buses, *hosts):
        stack.callback(process.kill)
    with on(OTHERS):
        postgres.create()
        for bus in buses:
            bus.start()
    for host in hosts:
        with on(SERVER if one_core or host is hosts[0] else OTHERS):
            host.start()
    kind = "awareness" if name == FIRSTBELL_AWARENESS else "updates"
    helpers = [process.pid for process in buses]
    return Running(name, [h.port for h in hosts], [h.pid for h in hosts], helpers, kind)


def _rival(name: str, folder: Path, nodes: int, one_core: bool, stack: ExitStack) -> Running:
    helpers, environ = [], {}
    if name in LAYERS:
        port = free_port()
        redis = Process("redis", folder)
        stack.callback(redis.kill)
        with on(OTHERS):
            redis.run(
                [
                    str(redis_server()),
                    "--port",
                    str(port),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--dir",
                    str(folder),
                ]
            )
        environ = {"CHANNEL_LAYER": LAYERS[name], "REDIS_URL": f"redis://127.0.0.1:{port}"}
        wait_until(lambda: _listens(port), "Redis to listen")
        helpers = [redis.pid]
    running = Running(name, [], [], helpers)
    for number in range(nodes):
        port = free_port()
        server = Process(f"rival{number}", folder)
        stack.callback(server.kill)
        with on(SERVER if one_core or number == 0 else OTHERS):
            server.run(_command(name, port), **environ)
        wait_until(partial(_listens, port), f"{name} to listen; its log: {server.log}")
        running.ports.append(port)
        running.servers.append(server.pid)
    return running


def _command(name: str, port: int) -> list[str]:
    if name in LAYERS:
        # what uvicorn[standard] takes by itself: uvloop, websockets; without compression and the log of requests
        return [str(RIVALS / "python"), "-m", "uvicorn", "bench.rivals.channels_relay:application", "--port", str(port),
                "--no-access-log", "--ws-per-message-deflate", "false", "--log-level", "warning"]  # fmt: skip
    module = {TORNADO: "tornado_relay", AIOHTTP: "aiohttp_relay"}[name]
    return [str(RIVALS / "python"), "-m", f"bench.rivals.{module}", str(port)]


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def versions() -> str:
    """Of what the rivals run, as installed."""
    if not (RIVALS / "python").exists():
        return "not installed"
    code = (
        "from importlib.metadata import version as v\n"
        "print(', '.join(f'{n} {v(n)}' for n in ('channels', 'channels-redis', 'uvicorn', 'uvloop', 'tornado', 'aiohttp')))"
    )
    answer = subprocess.run(
        [RIVALS / "python", "-c", code], capture_output=True, text=True, check=False
    )
    redis = redis_server()
    server = (
        subprocess.run(
            [redis, "--version"], capture_output=True, text=True, check=False
        ).stdout.split()[2:3]
        if redis
        else []
    )
    return answer.stdout.strip() + (f", Redis {server[0][2:]}" if server else "")
