"""Postgres servers that are no Firstbell mesh, to compare with: plain ones, and a plain pglogical mesh.

Plain pglogical is what its manual gives: every node subscribes to every other, the last update wins. What it
needs beside that is done as kindly as can be: sequences in residue classes, and a subscription that went down is
switched on again each second (it would wait up to 180 s by itself).
"""

import contextlib
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

import psycopg2

from tests.support.nodes import SETTINGS, wait_until
from tests.support.ports import free_port
from tests.support.postgres import as_postgres, bin_folder, new_data


class PlainServers:
    """n Postgres servers in a folder of their own, with the settings of a mesh's nodes; trusted on loopback."""

    def __init__(self, count: int = 1, settings: str = ""):
        self.folder = Path(tempfile.mkdtemp(prefix="firstbell-plain-"))
        self.folder.chmod(0o755)
        low = free_port(count)
        self.numbers = list(range(1, count + 1))
        self.ports = {n: low + n - 1 for n in self.numbers}
        self._processes: dict[int, subprocess.Popen] = {}
        self._connections: dict[int, Any] = {}
        for node in self.numbers:
            self._init(node, settings)
            self.start(node)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _init(self, node: int, settings: str) -> None:
        data = self.folder / f"n{node}"
        new_data(data)
        with open(data / "postgresql.conf", "a") as file:
            file.write(SETTINGS + settings + f"\nport = {self.ports[node]}\n")

    def start(self, node: int) -> None:
        with open(self.folder / f"n{node}.log", "ab") as log:
            self._processes[node] = subprocess.Popen(
                [bin_folder() / "postgres", "-D", self.folder / f"n{node}"],
                stdout=log, stderr=log, **as_postgres(),
            )  # fmt: skip
        wait_until(lambda: self._answers(node), 30, f"server {node} starts")
        db = psycopg2.connect(self._dsn(node, "postgres"))
        db.autocommit = True
        with contextlib.closing(db), db.cursor() as cursor:
            cursor.execute("create role firstbell login superuser")
            cursor.execute("create database firstbell owner firstbell")

    def _answers(self, node: int) -> bool:
        psycopg2.connect(self._dsn(node, "postgres")).close()
        return True

    def _dsn(self, node: int, database: str = "firstbell", user: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.ports[node]} user={user} dbname={database} connect_timeout=3"

    def dsn(self, node: int) -> str:
        """How an application reaches it."""
        return self._dsn(node, user="firstbell")

    def connect(self, node: int, user: str = "firstbell") -> Any:
        """A new connection; the caller closes it."""
        return psycopg2.connect(self._dsn(node, user=user))

    def admin(self, node: int, statement: str, *args: Any) -> list[tuple]:
        """Run one statement as superuser, in a transaction of its own."""
        if node not in self._connections or self._connections[node].closed:
            self._connections[node] = self.connect(node, "postgres")
            self._connections[node].autocommit = True
        with self._connections[node].cursor() as cursor:
            cursor.execute(statement, args or None)
            return cursor.fetchall() if cursor.description else []

    def ddl(self, node: int, statement: str) -> None:
        self.admin(node, statement)

    def close(self) -> None:
        for db in self._connections.values():
            db.close()
        for process in self._processes.values():
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            process.wait(30)
        subprocess.run(["rm", "-rf", self.folder], check=True)


def has_pglogical() -> bool:
    return any(bin_folder().parent.glob("lib/pglogical.so"))


class PglogicalMesh(PlainServers):
    """A plain pglogical mesh of n nodes; Debian's package postgresql-<version>-pglogical must be there."""

    def __init__(self, count: int = 3, settings: str = ""):
        wanted = (
            "shared_preload_libraries = 'pglogical'\ntrack_commit_timestamp = on\n"
            "pglogical.conflict_resolution = last_update_wins\npglogical.synchronous_commit = off\n"
        )
        if _knows_output_plugin_libraries():
            wanted += "output_plugin_libraries = 'pgoutput, test_decoding, pglogical_output'\n"
        super().__init__(count, wanted + settings)
        for n in self.numbers:
            self.admin(n, "create extension pglogical")
            self.admin(n, "select pglogical.create_node(%s, %s)", f"n{n}", self._dsn(n))
        for s in self.numbers:
            for p in self.numbers:
                if s != p:
                    self.admin(
                        s,
                        "select pglogical.create_subscription(%s, %s, '{default}', false, false, '{}')",
                        f"n{s}_from_n{p}", self._dsn(p),
                    )  # fmt: skip
        wait_until(lambda: not self.down(), 60, "all pglogical subscriptions replicate")
        self._closing = threading.Event()
        self._watchdog = threading.Thread(target=self._revive, daemon=True)
        self._watchdog.start()

    def ddl(self, node: int, statement: str) -> None:
        """The statement on every node, and new tables into the replication set."""
        for n in self.numbers:
            self.admin(n, statement)
            self.admin(
                n,
                "select pglogical.replication_set_add_table('default', c.oid::regclass) from pg_class c"
                " where relnamespace = 'public'::regnamespace and relkind = 'r'"
                " and c.oid::regclass not in (select set_reloid from pglogical.replication_set_table)",
            )
            for (name,) in self.admin(
                n,
                "select c.oid::regclass::text from pg_class c join pg_sequence s on s.seqrelid = c.oid"
                " where relnamespace = 'public'::regnamespace and s.seqincrement <> 16",
            ):
                self.admin(
                    n, f"alter sequence {name} increment by 16 start with {n} restart with {n}"
                )

    def down(self) -> list[str]:
        """Subscriptions that don't replicate now."""
        return [
            f"node {n}: {name} {status}"
            for n in self.numbers
            for name, status in self.admin(
                n,
                "select subscription_name, status from pglogical.show_subscription_status()"
                " where status <> 'replicating'",
            )
        ]

    def close(self) -> None:
        if hasattr(self, "_closing"):
            self._closing.set()
            self._watchdog.join()
        super().close()

    def _revive(self) -> None:
        open_ones: dict[int, Any] = {}
        while not self._closing.wait(1):
            for n in self.numbers:
                try:
                    if n not in open_ones or open_ones[n].closed:
                        open_ones[n] = self.connect(n, "postgres")
                        open_ones[n].autocommit = True
                    with open_ones[n].cursor() as cursor:
                        cursor.execute(
                            "select pglogical.alter_subscription_enable(subscription_name, true)"
                            " from pglogical.show_subscription_status() where status = 'down'"
                        )
                except psycopg2.Error:
                    open_ones.pop(n, None)


def _knows_output_plugin_libraries() -> bool:
    """Postgres 15.19 and newer must be told which output plugins may be used; older ones refuse the setting."""
    return "output_plugin_libraries" in subprocess.run(
        [bin_folder() / "postgres", "--describe-config"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
