"""Bare Postgres nodes of a mesh, without the rest of a host: for tests of the data layer alone."""

import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2

from cluster.credentials import Credentials
from cluster.mesh.build import build
from cluster.topology import Topology, load
from tests.support.ports import free_port
from tests.support.postgres import as_postgres, bin_folder, new_data
from tests.support.processes import kill_family

CREDENTIALS = Credentials(superuser="test-super", replication="test-repl", app="test-app")
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = logical
wal_retrieve_retry_interval = 100ms
max_logical_replication_workers = 16
max_worker_processes = 32
max_replication_slots = 16
max_wal_senders = 16
wal_sender_timeout = 60s
wal_receiver_status_interval = 1s
wal_receiver_timeout = 60s
shared_buffers = 32MB
timezone = 'UTC'
"""


def wait_until(condition: Callable[[], object], seconds: float = 20, what: str = "") -> None:
    """Poll until the condition holds; fails with `what` after the bound."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(psycopg2.OperationalError):
            if condition():
                return
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.02)


class Nodes:
    """A running mesh of n Postgres nodes in a folder of their own. `sql(node, …)` runs as the app's role.

    `members`: only so many of them are made a mesh; the others run, empty, and can join.
    """

    def __init__(self, count: int, members: int | None = None):
        self.folder = Path(tempfile.mkdtemp(prefix="firstbell-mesh-"))
        self.folder.chmod(0o755)
        port = free_port(count)
        ports = [port + i for i in range(count)]
        config = '[cluster]\nname = "test"\npage_url = "http://localhost:1"\n'
        for number, port in enumerate(ports, 1):
            config += (
                f'[[hosts]]\nname = "host{number}"\nnode = {number}\naddress = "127.0.0.1"\n'
                f'public_url = "http://localhost:{number}"\nports.postgres = {port}\n'
                + "".join(
                    f"ports.{p} = {number * 100 + i + 1}\n"
                    for i, p in enumerate(
                        ("public", "api", "realtime", "nats", "nats_cluster", "media_peers")
                    )
                )
            )
        (self.folder / "cluster.toml").write_text(config)
        self.topology: Topology = load(self.folder / "cluster.toml")
        self.numbers = [h.node for h in self.topology.hosts]
        self._processes: dict[int, subprocess.Popen] = {}
        self._admitted: set[int] = set()
        self._connections: dict[tuple[int, str], psycopg2.extensions.connection] = {}
        for node in self.numbers:
            self._init(node)
            self.start(node)
        for node in self.numbers:
            self._create_database(node)
        build(replace(self.topology, hosts=self.topology.hosts[:members]), CREDENTIALS)
        self._admitted.update(self.numbers[:members])

    # --- life of a node

    def start(self, node: int, admit: bool = True) -> None:
        """Start a node and wait until it answers; again and again while children of a killed one linger.

        `admit`: let it take writes, as its agent does once it has asked the peers.
        """

        def answers() -> bool:
            if node not in self._processes or self._processes[node].poll() is not None:
                self._spawn(node)
            self._connect(node, "postgres", "postgres").close()
            return True

        wait_until(answers, 30, f"node {node} starts")
        if admit and node in self._admitted:
            self.admin(
                node, "select mesh.open_gate()"
            )  # its agent would, once it has asked the peers

    def _spawn(self, node: int) -> None:
        with open(self.folder / f"n{node}.log", "ab") as log:
            self._processes[node] = subprocess.Popen(
                [bin_folder() / "postgres", "-D", self.folder / f"n{node}"],
                stdout=log,
                stderr=log,
                **as_postgres(),
            )

    def kill(self, node: int) -> None:
        """SIGKILL of all that the node runs, as when its host dies.

        Not of the postmaster alone: an apply worker that is never idle does not notice its death,
        goes on applying, and keeps the next postmaster from starting.
        """
        process = self._processes.pop(node)
        kill_family(process.pid)
        process.wait()
        for key in [k for k in self._connections if k[0] == node]:
            self._connections.pop(key).close()

    def close(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            process.wait(30)
        subprocess.run(["rm", "-rf", self.folder], check=True)

    # --- SQL

    def connect(self, node: int, user: str = "firstbell"):
        """A new connection as the app's role (or `postgres`); the caller closes it."""
        return self._connect(node, user, self.topology.database)

    def sql(self, node: int, statement: str, *args, user: str = "firstbell") -> list[tuple]:
        """Run one statement in a transaction of its own."""
        key = (node, user)
        if key not in self._connections or self._connections[key].closed:
            self._connections[key] = self.connect(node, user)
            self._connections[key].autocommit = True
        with self._connections[key].cursor() as cursor:
            cursor.execute(statement, args or None)
            return cursor.fetchall() if cursor.description else []

    def admin(self, node: int, statement: str, *args) -> list[tuple]:
        return self.sql(node, statement, *args, user="postgres")

    def ddl(self, node: int, statement: str) -> None:
        """A schema change on one node, as the Django backend makes it."""
        self.sql(node, "select mesh.run_ddl(%s)", statement)

    # --- waiting

    def level(self, seconds: float = 30) -> None:
        """Wait until all running nodes have all changes of all running nodes, and nothing waits to be settled."""
        running = list(self._processes)

        def same():
            positions = {self.admin(n, "select mesh.position()")[0][0] for n in running}
            return len(positions) == 1

        wait_until(same, seconds, "all nodes have all changes")
        # two sweeps: the first one sets the horizon of rechecks
        for _ in range(3):
            for n in running:
                self.admin(n, "select mesh.sweep()")

    def rows(self, table: str) -> dict[int, list[tuple]]:
        """All rows of a table, per running node, in one order."""
        return {
            n: self.admin(n, f"select t::text from {table} t order by 1") for n in self._processes
        }

    def assert_equal(self, *tables: str) -> None:
        """All nodes hold the same rows of these tables, and the same parked ones."""
        for table in tables:
            rows = self.rows(table)
            first = next(iter(rows.values()))
            for node, found in rows.items():
                differing = set(first) ^ set(found)
                assert found == first, f"{table} differs on node {node}: {sorted(differing)[:6]}"
        parked = {
            n: self.admin(
                n,
                "select tbl, key, reason, row::text from mesh.parked where reason <> 'recheck' order by 1, 2",
            )
            for n in self._processes
        }
        first = next(iter(parked.values()))
        for node, found in parked.items():
            assert found == first, f"parked rows differ on node {node}: {found[:3]} {first[:3]}"

    def parked(self, node: int) -> list[tuple]:
        """The node's rows that are in no table though they live: (key, reason, detail), by key."""
        return self.admin(
            node,
            "select key, reason, detail from mesh.parked where reason <> 'recheck' order by key",
        )

    def cut(self, subscriber: int, publisher: int) -> None:
        """Stop one direction of the replication."""
        self.admin(subscriber, f"alter subscription n{subscriber}_from_n{publisher} disable")

    def heal(self, subscriber: int, publisher: int) -> None:
        self.admin(subscriber, f"alter subscription n{subscriber}_from_n{publisher} enable")

    @contextlib.contextmanager
    def alone(self, node: int) -> Iterator[None]:
        """While a node hears nobody and nobody hears it; before and afterwards all that can be is everywhere."""
        self.level()
        others = [n for n in self.numbers if n != node]
        lines = [(node, other) for other in others] + [(other, node) for other in others]
        for line in lines:
            self.cut(*line)
        try:
            yield
        finally:
            for line in lines:
                self.heal(*line)
        self.level()

    def apply_errors(self) -> dict[int, int]:
        return {
            n: self.admin(
                n, "select coalesce(sum(apply_error_count), 0) from pg_stat_subscription_stats"
            )[0][0]
            for n in self._processes
        }

    # --- internals

    def _init(self, node: int) -> None:
        data = self.folder / f"n{node}"
        new_data(data, password=CREDENTIALS.superuser)
        port = self.topology.host(node).ports.postgres
        with open(data / "postgresql.conf", "a") as file:
            file.write(SETTINGS + f"port = {port}\n")

    def _create_database(self, node: int) -> None:
        db = self._connect(node, "postgres", "postgres")
        db.autocommit = True
        with contextlib.closing(db), db.cursor() as cursor:
            cursor.execute("create role firstbell login password %s", (CREDENTIALS.app,))
            cursor.execute("create database firstbell owner firstbell")

    def _connect(self, node: int, user: str, database: str):
        password = CREDENTIALS.superuser if user == "postgres" else CREDENTIALS.app
        return psycopg2.connect(
            host="127.0.0.1",
            port=self.topology.host(node).ports.postgres,
            user=user,
            password=password,
            dbname=database,
            connect_timeout=3,
        )


@contextlib.contextmanager
def running_mesh(count: int, members: int | None = None) -> Iterator[Nodes]:
    nodes = Nodes(count, members)
    try:
        yield nodes
    finally:
        nodes.close()
