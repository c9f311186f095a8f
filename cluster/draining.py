"""Take this host out of service for a while, and back: `clusterctl drain`, `undrain`.

One file says that a host is drained. Its front door looks at it with each request, its realtime service each second, so
that it holds over restarts and with Postgres down, and a deployment that ends by hand can't forget it (deploy.yml makes
the same file). The file is on the host: the command is run there.
"""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg2

from cluster import audit, health
from cluster.credentials import Credentials
from cluster.db import connect
from cluster.errors import ClusterError, NodeUnreachable
from cluster.topology import Host, Topology

Say = Callable[[str], None]

POLL_SECONDS = 0.3
READY_SECONDS = 30.0
"""Within this a host that runs says that it is ready again."""


def drain(
    topology: Topology, passwords: Callable[[], Credentials], wanted: str, *,
    force: bool, wait_seconds: float, dry_run: bool, say: Say,
) -> list[str]:  # fmt: skip
    """Send pages elsewhere and take no new ones; waits until no socket is left. Run again, it only waits."""
    host = _this_machine(topology, wanted)
    if not force:
        _others_serve(topology, host)
    file = topology.drain_file(host)
    done = []
    if not file.exists():
        done.append(f"{host.name}: drained by {file}")
        if not dry_run:
            try:
                file.write_text(f"{audit.whoami()} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
            except OSError as error:
                raise ClusterError(f"can't write {file}: {error.strerror}") from None
            _note(topology, host, passwords, "drain", say)
            say(done[-1])
    if not dry_run:
        _wait_until_empty(topology, host, wait_seconds, say)
    return done


def undrain(
    topology: Topology, passwords: Callable[[], Credentials], wanted: str, *, dry_run: bool, say: Say
) -> list[str]:  # fmt: skip
    """Take it back into service; waits until it is ready."""
    host = _this_machine(topology, wanted)
    file = topology.drain_file(host)
    if not file.exists():
        return []
    done = [f"{host.name}: taken back into service, {file} removed"]
    if dry_run:
        return done
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise ClusterError(f"can't remove {file}: {error.strerror}") from None
    _note(topology, host, passwords, "undrain", say)
    say(done[0])
    end = time.monotonic() + READY_SECONDS
    while unready := health.unready_parts(topology, host):
        if time.monotonic() > end:
            raise ClusterError(f"{host.name} is not drained any more, but not ready: {unready}")
        time.sleep(POLL_SECONDS)
    say(f"{host.name}: ready")
    return done


def _this_machine(topology: Topology, wanted: str) -> Host:
    """The host, if it is this machine: an address that can be bound is one's own."""
    host = topology.host(wanted)
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.address, 0, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.bind(address)
    except OSError:
        raise ClusterError(
            f"{host.name} is another machine ({host.address}): run this command there"
        ) from None
    return host


def _others_serve(topology: Topology, host: Host) -> None:
    states = {peer.name: health.unready_parts(topology, peer) for peer in topology.peers(host)}
    if any(not unready for unready in states.values()):
        return
    found = "; ".join(f"{name}: {unready}" for name, unready in states.items())
    raise ClusterError(
        f"no other host could serve those who are on {host.name} ({found or 'there is none'});"
        " bring one back first, or say --force"
    )


def _wait_until_empty(topology: Topology, host: Host, seconds: float, say: Say) -> None:
    end = time.monotonic() + seconds
    while (left := health.sockets(topology, host)) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if left is None:
        say(
            f"{host.name}: how many sockets are left is not known, its realtime service does not say"
        )
    else:
        say(f"{host.name}: {left} sockets left")


def _note(
    topology: Topology, host: Host, passwords: Callable[[], Credentials], what: str, say: Say
) -> None:
    """In the audit of the host's own node; a host whose Postgres is away can be drained all the same."""
    try:
        with connect(topology, host, passwords(), autocommit=True) as db, db.cursor() as cursor:
            audit.note(cursor, what, {"host": host.name})
    except (ClusterError, NodeUnreachable, psycopg2.Error) as error:
        say(f"not in the audit: {str(error).strip().splitlines()[0]}")
