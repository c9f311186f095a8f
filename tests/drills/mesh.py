"""The mesh that drills hit: bare nodes with an agent each, as on a host; both die together.

Between nodes stands a proxy if asked for, so that lines can be cut: refused, or silent as when a cable is pulled.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Self

import psycopg2

from tests.drills import checks
from tests.drills.proxy import Lines
from tests.support.nodes import CREDENTIALS, Nodes
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRETS = f"""
postgres_password = "{CREDENTIALS.superuser}"
replication_password = "{CREDENTIALS.replication}"
app_password = "{CREDENTIALS.app}"
"""
SETTINGS = """
log_line_prefix = '%m [%p] %b '
max_connections = 60
max_wal_size = 2GB
"""


class DrillMesh(Nodes):
    """A running mesh with agents. `kill(n)` and `start(n)` are of the whole host: node and agent."""

    def __init__(
        self, count: int, settings: str = "", members: int | None = None, proxied: bool = False
    ):
        """`members`: only so many are a mesh, the others can join; `proxied`: with lines that can be cut."""
        self._settings = SETTINGS + settings
        self._agents: dict[int, subprocess.Popen] = {}
        self._built = False
        self.lines: Lines | None = None
        super().__init__(count, members)
        self._write_secrets(self.folder)
        self.numbers = self.numbers[:members]
        if proxied:
            self._put_proxies()
        self._built = True
        for node in self.numbers:
            self.start_agent(node)

    def take_in(self, node: int) -> None:
        """A node that has joined is one of us from now on."""
        self.numbers.append(node)
        self.start_agent(node)

    def _write_secrets(self, folder: Path) -> None:
        secrets = folder / "secrets.toml"
        secrets.touch(0o600)
        secrets.write_text(SECRETS)

    def _put_proxies(self) -> None:
        """Each node reaches each peer at a port of its own, as agent and as subscriber."""
        self.lines = Lines()
        text = (self.folder / "cluster.toml").read_text()
        for node in self.numbers:
            view = text
            for peer in self.numbers:
                if peer == node:
                    continue
                port, real = free_port(), self.topology.host(peer).ports.postgres
                self.lines.add(node, peer, port, real)
                view = view.replace(f"ports.postgres = {real}\n", f"ports.postgres = {port}\n")
                name = f"n{node}_from_n{peer}"
                (dsn,) = self.admin(
                    node, "select subconninfo from pg_subscription where subname = %s", name
                )[0]
                self.admin(
                    node,
                    f"alter subscription {name} connection %s",
                    dsn.replace(f"port={real}", f"port={port}"),
                )
            folder = self.folder / f"view{node}"
            folder.mkdir()
            (folder / "cluster.toml").write_text(view)
            self._write_secrets(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _init(self, node: int) -> None:
        super()._init(node)
        with open(self.folder / f"n{node}" / "postgresql.conf", "a") as file:
            file.write(self._settings)

    def start(self, node: int, admit: bool = False) -> None:
        """`admit`: open the node's gate without asking; once the mesh is built, its agent asks and opens it."""
        super().start(node, admit or not self._built)
        if self._built:
            self.start_agent(node)

    def kill(self, node: int) -> None:
        self.stop_agent(node)
        super().kill(node)

    def close(self) -> None:
        for node in list(self._agents):
            self.stop_agent(node)
        if self.lines:
            self.lines.close()
        super().close()

    def start_agent(self, node: int) -> None:
        with open(self.folder / f"agent{node}.log", "ab") as log:
            self._agents[node] = subprocess.Popen(
                [sys.executable, "-m", "cluster.agent", "--config", self.config_of(node),
                 "--host", self.topology.host(node).name, "--archive", self.folder / f"log{node}"],
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def stop_agent(self, node: int) -> None:
        if agent := self._agents.pop(node, None):
            agent.kill()
            agent.wait()

    def config_of(self, node: int) -> Path:
        """The cluster as this node's agent knows it."""
        return self.folder / (f"view{node}" if self.lines else "") / "cluster.toml"

    def dsn(self, node: int) -> str:
        """How a writer reaches a node, as the app's role."""
        return psycopg2.extensions.make_dsn(
            host="127.0.0.1", port=self.topology.host(node).ports.postgres, user="firstbell",
            password=CREDENTIALS.app, dbname=self.topology.database, connect_timeout=3,
        )  # fmt: skip

    def worker_errors(self) -> tuple[Counter, Counter]:
        """Errors of all nodes' apply workers so far: (those that stall, those that only repeat)."""
        bad, harmless = Counter[str](), Counter[str]()
        for node in self.numbers:
            b, h = checks.apply_errors(self.folder / f"n{node}.log")
            bad, harmless = bad + b, harmless + h
        return bad, harmless

    def agents_said(self, lines: int = 15) -> dict[int, list[str]]:
        """The last lines of each agent."""
        return {
            n: (self.folder / f"agent{n}.log").read_text(errors="replace").splitlines()[-lines:]
            for n in self.numbers
        }

    def evidence(self, table: str, key: str) -> dict:
        """All that is known about one row, per node: for whoever looks for the fault."""
        log = (
            "select to_jsonb(c)::text from mesh.change c where tbl = %s and key in (%s, '*')"
            " order by hlc desc, origin desc limit 60"
        )
        parked = "select to_jsonb(p)::text from mesh.parked p where tbl = %s and key = %s"
        return {
            node: {
                "log": [row for (row,) in self.admin(node, log, table, key)],
                "parked": [row for (row,) in self.admin(node, parked, table, key)],
            }
            for node in self.numbers
        }
