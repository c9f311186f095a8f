"""Which port each part of the laptop cluster listens on, and whether those ports are free.

All ports lie below 32768: from there on Linux gives ports to outgoing connections, so a listener
would collide with them now and then.
"""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import click
import psutil

from cluster.errors import ClusterError
from cluster.topology import MAX_HOSTS, Host, Ports, Topology

LOOPBACK = "127.0.0.1"
DEFAULT_BASE = 8000
POSTGRES_OFFSET = 7500
LOWEST_BASE = 1024
_BASE_STEP = 1000
"""Wider than what one base uses, so that bases found one after the other don't overlap."""

HIGHEST_BASE = 32768 - POSTGRES_OFFSET - MAX_HOSTS - 1


@dataclass(frozen=True)
class Listener:
    """One port of the cluster: who should listen there."""

    port: int
    host: str
    part: str


def check_base(base: int) -> None:
    """Raise a usage error when the ports of this base would leave 1024…32767."""
    if not LOWEST_BASE <= base <= HIGHEST_BASE:
        raise click.UsageError(
            f"PORT_BASE={base} can't be used: it must be {LOWEST_BASE} to {HIGHEST_BASE}, "
            f"so that Postgres (PORT_BASE+{POSTGRES_OFFSET}+n) stays below 32768"
        )


def host_ports(base: int, node: int) -> Ports:
    """The ports of the host with this node number (see `cluster/local/README.md`)."""
    return Ports(
        public=base + 100 + node,
        realtime=base + 200 + node,
        nats=base + 300 + node,
        nats_cluster=base + 400 + node,
        media_peers=base + 500 + node,
        api=base + 600 + node,
        postgres=base + POSTGRES_OFFSET + node,
    )


def edge(base: int) -> int:
    """Where browsers get the page: the CDN's stand-in."""
    return base


def edge_origin(base: int) -> int:
    """Where the CDN's stand-in gets the page: the server a real CDN would pull from."""
    return base + 1


def supervisor(base: int, node: int) -> int:
    """Control port of a host's process manager; node 0 is the edge."""
    return base + 700 + node


def base_of(topology: Topology) -> int:
    """The port base a laptop topology was written with."""
    return int(topology.page_url.rsplit(":", 1)[1])


def of_host(base: int, host: Host) -> list[Listener]:
    """Everything that should listen on behalf of one host."""
    parts = [Listener(port, host.name, part) for part, port in host.ports.model_dump().items()]
    return [*parts, Listener(supervisor(base, host.node), host.name, "supervisor")]


def of_edge(base: int) -> list[Listener]:
    """Everything that should listen on behalf of the edge."""
    return [
        Listener(edge(base), "edge", "cdn"),
        Listener(edge_origin(base), "edge", "origin"),
        Listener(supervisor(base, 0), "edge", "supervisor"),
    ]


def of_topology(topology: Topology) -> list[Listener]:
    """Everything that should listen in a whole laptop cluster."""
    base = base_of(topology)
    return [*(entry for host in topology.hosts for entry in of_host(base, host)), *of_edge(base)]


def is_taken(port: int) -> bool:
    """Whether something listens there (a port merely in TIME_WAIT counts as free)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def refuse_taken(wanted: Iterable[Listener], ours: Iterable[int] = ()) -> None:
    """Raise ClusterError that names every port of `wanted` that others listen on.

    `ours` are the numbers of processes that may.
    """
    held = _held_by(set(ours))
    taken = [entry for entry in wanted if entry.port not in held and is_taken(entry.port)]
    if not taken:
        return
    lines = "\n".join(
        f"  port {t.port} is taken{_holder(t.port)}; {t.host}'s {t.part} should listen there"
        for t in taken
    )
    raise ClusterError(
        f"nothing was started:\n{lines}\n"
        f"Stop what holds it, or use other ports: make up PORT_BASE={free_base()}"
    )


def _held_by(pids: set[int]) -> set[int]:
    """The ports that these processes listen on."""
    return {port for port, pid in _listening().items() if pid in pids}


def _listening() -> dict[int, int | None]:
    """Process number by port; None where the system does not let us see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return {}
    return {c.laddr.port: c.pid for c in connections if c.status == psutil.CONN_LISTEN}


def _holder(port: int) -> str:
    """` by nginx (pid 123, alice)` when the system lets us see it, else nothing."""
    pid = _listening().get(port)
    if not pid:
        return ""
    try:
        process = psutil.Process(pid)
        return f" by {process.name()} (pid {pid}, {process.username()})"
    except psutil.Error:
        return f" by pid {pid}"


def free_base(first: int = 12000) -> int:
    """A port base whose ports are all free now, from `first` on. Raises ClusterError if there is none."""
    for base in range(first, HIGHEST_BASE, _BASE_STEP):
        if not any(is_taken(port) for port in _all_of(base)):
            return base
    raise ClusterError(f"no free port base from {first} to {HIGHEST_BASE}")


def _all_of(base: int) -> Iterable[int]:
    """Every port that a cluster of any size on this base may use."""
    yield from (edge(base), edge_origin(base), supervisor(base, 0))
    for node in range(1, MAX_HOSTS + 1):
        yield from host_ports(base, node).model_dump().values()
        yield supervisor(base, node)
