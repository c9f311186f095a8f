"""Real nats-servers and realtime nodes on loopback. The nats-servers reach one another over lines that can be cut."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.drills.proxy import Lines
from tests.drills.relay.pages import Where
from tests.realtime.support import NatsServer, RealtimeNode
from tests.support.ports import free_port

SYNC_SECONDS = 5.0
"""As in production: how often nodes compare their documents."""


class CutNats(NatsServer):
    """A nats-server that knows each other one by a line of its own. The address that it tells the others leads nowhere:
    they would reach one another by it when their lines are cut."""

    def __init__(self, name: str, folder: Path, listen: int, routes: list[int]) -> None:
        super().__init__(name, folder, [listen], 0)
        peers = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
        self._config.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\nping_interval: "1s"\nping_max: 2\n'
            f'cluster {{ name: t, listen: "127.0.0.1:{listen}", advertise: "127.0.0.1:1", routes: [{peers}] }}\n'
        )


class Servers:
    """Host 1 to n: a nats-server and a realtime node each."""

    def __init__(self, count: int, folder: Path, drain_seconds: float, **environ: str) -> None:
        self.numbers = range(1, count + 1)
        self.folder = folder
        self.lines = Lines()
        listen = {n: free_port() for n in self.numbers}
        pairs = [(a, b) for a in self.numbers for b in self.numbers if a != b]
        ports = {pair: free_port() for pair in pairs}
        for (a, b), port in ports.items():
            self.lines.add(a, b, port, listen[b])
        self.nats = {
            n: CutNats(f"nats{n}", folder, listen[n], [p for (a, _), p in ports.items() if a == n])
            for n in self.numbers
        }
        self.nodes = {
            n: RealtimeNode(
                n, folder,
                REALTIME_BACKPLANE="nats", REALTIME_NATS_URL=self.nats[n].url, REALTIME_SYNC_SECONDS=str(SYNC_SECONDS),
                REALTIME_DRAIN_SECONDS=str(drain_seconds), **environ,
            )
            for n in self.numbers
        }  # fmt: skip

    @property
    def hosts(self) -> list[Where]:
        return [Where(node.name, node.port) for node in self.nodes.values()]

    def start(self) -> None:
        for server in self.nats.values():
            server.start()
        for node in self.nodes.values():
            node.start()

    def stop(self) -> None:
        for process in (*self.nodes.values(), *self.nats.values()):
            process.kill()
        self.lines.close()

    def set_lines(self, mode: str, alone: int) -> None:
        """All lines between the nats-server of one host and the others: `open`, `silent` or `refused`."""
        for other in self.numbers:
            if other != alone:
                self.lines[alone, other].set(mode)
                self.lines[other, alone].set(mode)

    async def restart(self, number: int) -> int:
        """SIGTERM and a start, as a deployment does it; the exit code of the one that ended."""
        node = self.nodes[number]
        node.signal(signal.SIGTERM)
        code = await asyncio.to_thread(node.wait, 60)
        await asyncio.to_thread(node.start)
        return code

    def faults(self) -> list[str]:
        """Errors that the nodes logged: there must be none, whatever clients send."""
        lines = [line for node in self.nodes.values() for line in node.log.read_text().splitlines()]
        return [line for line in lines if '"level": "ERROR"' in line or "raceback" in line]


@contextmanager
def serving(count: int, drain_seconds: float = 5, **environ: str) -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="firstbell-relay-") as folder:
        servers = Servers(count, Path(folder), drain_seconds, **environ)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()
