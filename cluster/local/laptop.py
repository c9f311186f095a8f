"""The laptop cluster as one object: up, down, kill, revive. The command line and the tests use it.

It decides what must run where and in which order; `units` does the starting and killing, `files`
writes the configuration, `readiness` looks, `cluster.mesh` makes the databases one.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cluster import credentials
from cluster.errors import ClusterError
from cluster.local import binaries, files, postgres, programs, readiness, render, secrets, state
from cluster.local import ports as port_plan
from cluster.local.progress import say, step, wait_until
from cluster.local.state import REPOSITORY, State
from cluster.local.units import Unit, clean_environment
from cluster.mesh.build import build
from cluster.topology import Host, Topology, load

DEFAULT_HOSTS = 3
READY_SECONDS = 60
LEVEL_SECONDS = 120
"""How long a revived host may take to catch up: it may have missed hours."""

DIST = REPOSITORY / "webapp/frontend/dist"


@dataclass
class Laptop:
    """A laptop cluster in one state directory.

    `hosts` and `port_base` of None keep what the state directory holds (3 and 8000 at first).
    `parts` limits what runs on each host, for tests that need less than everything; `dist` is the
    folder of the built front end.
    """

    state_path: Path = REPOSITORY / ".run"
    hosts: int | None = None
    port_base: int | None = None
    parts: tuple[str, ...] = programs.HOST_PARTS
    dist: Path = DIST

    # ---- what there is

    @property
    def state(self) -> State:
        return State(self.state_path.resolve())

    @property
    def topology(self) -> Topology:
        """Raises TopologyError when the cluster was never made."""
        return load(self.state.cluster_toml)

    @property
    def secrets(self) -> secrets.Secrets:
        return secrets.load_or_create(self.state.secrets_toml)

    def host(self, host: str | int) -> Host:
        return self.topology.host(host)

    def password(self, role: str) -> str:
        return {
            postgres.APP_ROLE: self.secrets.app_password,
            postgres.SUPERUSER: self.secrets.postgres_password,
            "mesh_replication": self.secrets.replication_password,
        }[role]

    def dsn(
        self, host: str | int, role: str = postgres.APP_ROLE, with_password: bool = True
    ) -> str:
        """For psycopg2.connect, as `firstbell`, `postgres` or `mesh_replication`."""
        password = self.password(role) if with_password else None
        return postgres.dsn(self.topology, self.host(host), role, password)

    def env(self, host: str | int) -> dict[str, str]:
        """Environment for `manage.py` and other commands of the application on this host."""
        return {
            **clean_environment(),
            **programs.webapp_environment(self.topology, self.host(host), self.state),
        }

    def unit(self, name: str | int) -> Unit:
        """The failure unit of a host (`2`, `host2`) or of the `edge`."""
        topology = self.topology
        base = port_plan.base_of(topology)
        if name == "edge":
            node, listeners = 0, port_plan.of_edge(base)
        else:
            host = topology.host(name)
            name, node, listeners = host.name, host.node, port_plan.of_host(base, host)
        port = port_plan.supervisor(base, node)
        return Unit(name, self.state, port, self.secrets.supervisor_password, tuple(listeners))

    def units(self) -> list[Unit]:
        """All failure units, the edge last."""
        return [self.unit(name) for name in (*(h.name for h in self.topology.hosts), "edge")]

    # ---- everything

    def up(self) -> None:
        """Make and start all that is missing; returns when every host is ready. Idempotent."""
        os.umask(0o022)
        found = binaries.find()
        kept = state.open_state(self.state_path)
        with state.only_one_at_a_time(kept):
            self._choose_topology(kept)
            self._write_files(found)
            self._start_databases(found)
            self._start_rest()
        self._wait_all_ready()
        self._renew_old_code()

    def down(self) -> None:
        """Stop everything cleanly. Idempotent."""
        if not self.state.cluster_toml.exists():
            return
        with state.only_one_at_a_time(self.state):
            self._stop_all()

    def _stop_all(self) -> None:
        _in_parallel(lambda unit: unit.shut_down(), self.units())

    def _choose_topology(self, kept: State) -> None:
        """Write cluster.toml; a cluster of another size or port base is stopped and set aside.

        Nothing is stopped or written when the wanted ports are not free.
        """
        old = load(kept.cluster_toml) if kept.cluster_toml.exists() else None
        old_base = port_plan.base_of(old) if old else port_plan.DEFAULT_BASE
        count = self.hosts or (len(old.hosts) if old else DEFAULT_HOSTS)
        base = self.port_base or old_base
        port_plan.check_base(base)
        draft = kept.root / "cluster.toml.new"
        draft.write_text(render.cluster_toml(count, base))
        new = load(draft)
        draft.unlink()
        ours = self._running_processes() if old else set()
        port_plan.refuse_taken(port_plan.of_topology(new), ours)
        if old and (len(old.hosts), old_base) != (count, base):
            self._stop_all()
            place = state.set_aside(kept, len(old.hosts))
            say(
                f"the cluster of {len(old.hosts)} hosts on port base {old_base} was stopped and"
                f" is kept in {place}; a fresh one of {count} on {base} starts. How to have the old"
                " one back: cluster/local/README.md"
            )
        kept.cluster_toml.write_text(render.cluster_toml(count, base))

    def _running_processes(self) -> set[int]:
        """Process numbers of this cluster; says which of its units run."""
        found: set[int] = set()
        for unit in self.units():
            ours = {process.pid for process in unit.processes()}
            if ours:
                say(f"{unit.name} is running already")
            found |= ours
        return found

    def _write_files(self, found: binaries.Binaries) -> None:
        """All configuration; says which running hosts don't know of a change yet."""
        changed = files.write_all(self.topology, self.state, self.secrets, found, self.dist)
        for unit in self.units():
            if unit.name in changed and unit.is_up():
                say(f"{unit.name} runs with older settings; new ones need: make down && make up")

    def _start_databases(self, found: binaries.Binaries) -> None:
        """All Postgres nodes at once, then the mesh, then the schema through node 1."""
        topology, secret = self.topology, self.secrets

        def start(host: Host) -> None:
            postgres.prepare(self.state, host, secret, found)
            unit = self.unit(host.name)
            unit.launch()
            unit.start(["postgres"])
            self._wait_for_postgres(host)
            postgres.make_database(topology, host, secret)

        with step(f"Postgres on {len(topology.hosts)} hosts"):
            _in_parallel(start, topology.hosts)
        with step("database mesh"):
            build(topology, credentials.load(self.state.secrets_toml), say)
        if "agent" in self.parts:
            self.unit(topology.hosts[0].name).start(["agent"])
        self._wait_admitted(topology.hosts[0])
        if "api" in self.parts:
            with step("tables and the demo school, through node 1"):
                self.manage(1, "migrate", "--verbosity", "0")
                self.manage(1, "seed_demo")

    def _wait_admitted(self, host: Host) -> None:
        """Wait until a node takes writes: its agent opens the gate once it has asked the peers."""
        if "agent" not in self.parts:
            return
        dsn = self.dsn(host.name, postgres.SUPERUSER)
        wait_until(
            f"{host.name}: takes writes",
            lambda: postgres.takes_writes(dsn),
            READY_SECONDS,
            lambda: self._log_tail(host.name, "agent"),
        )

    def _wait_for_postgres(self, host: Host) -> None:
        dsn = self.dsn(host.name, postgres.SUPERUSER)
        wait_until(
            f"{host.name}: Postgres accepts connections",
            lambda: postgres.accepts(dsn, "postgres"),
            READY_SECONDS,
            lambda: self._log_tail(host.name, "postgres"),
        )

    def _start_rest(self) -> None:
        with step("NATS, API, realtime, agent and nginx on all hosts, and the edge"):
            for unit in self.units():
                unit.launch()
                unit.start(self._parts_of(unit))

    def _renew_old_code(self) -> None:
        """Start anew what runs older code than the clone holds (an edit, a pull), one host after the other."""
        for host in self.topology.hosts:
            old = [
                part
                for part in programs.CODE_OF
                if part in self.parts
                and readiness.runs_older_code(self.pid(host.name, part), programs.CODE_OF[part])
            ]
            if not old:
                continue
            with step(f"{host.name}: newer code for {', '.join(old)}"):
                for part in old:
                    self.stop(host.name, part)
                    self.start(host.name, part)
                self.wait_ready(host.name)

    def _parts_of(self, unit: Unit) -> tuple[str, ...]:
        return programs.EDGE_PARTS if unit.name == "edge" else self.parts

    def _wait_all_ready(self) -> None:
        with step("readiness of all hosts"):
            for host in self.topology.hosts:
                self.wait_ready(host.name)
            self._wait_for_edge()
        with step("commits that wait for a second host"):
            self.wait_durable()

    def _wait_for_edge(self) -> None:
        url = f"{self.topology.page_url}/config.json"
        wait_until(
            "edge: serves /config.json",
            lambda: readiness.http_status(url) == 200,
            READY_SECONDS,
            lambda: self._log_tail("edge", "cdn"),
        )

    # ---- one host

    def kill(self, host: str | int) -> None:
        """SIGKILL to everything the host (or the `edge`) runs, at once."""
        self.unit(host).kill()

    def revive(self, host: str | int, wait: bool = True) -> None:
        """Start a killed host again; returns when it is ready and level with its peers."""
        unit = self.unit(host)
        unit.launch()
        unit.start(self._parts_of(unit))
        if not wait:
            return
        if unit.name == "edge":
            self._wait_for_edge()
            return
        self.wait_level(host)
        self._wait_admitted(self.host(host))
        self.wait_ready(host)

    def start(self, host: str | int, process: str) -> None:
        """Start one process of a host (`postgres`, `api`, …; `cdn` or `origin` of the edge)."""
        self.unit(host).start([process])

    def stop(self, host: str | int, process: str) -> None:
        """Stop one process cleanly; it stays down until started."""
        self.unit(host).stop(process)

    def pid(self, host: str | int, process: str) -> int:
        """Process number, 0 when it does not run."""
        return self.unit(host).pid(process)

    def alive(self) -> list[Host]:
        """Hosts whose supervisord runs."""
        return [host for host in self.topology.hosts if self.unit(host.name).is_up()]

    def wait_ready(self, host: str | int, timeout: float = READY_SECONDS) -> None:
        """Wait until the host says ready, by its own front door. Raises ClusterError with why not."""
        name = self.host(host).name
        wait_until(
            f"{name}: ready",
            lambda: not self.not_ready(name),
            timeout,
            lambda: "; ".join(self.not_ready(name)),
        )

    def not_ready(self, host: str | int) -> list[str]:
        """What keeps a host from being ready; empty when it is."""
        wrong = readiness.parts_not_ready(self.host(host), self.parts, self.dsn(host))
        return [f"{part} is not ready: {self._log_tail(host, part)}" for part in wrong]

    def wait_level(self, host: str | int, timeout: float = LEVEL_SECONDS) -> None:
        """Wait until the host has what its live peers know, and they what it knows."""
        ours = self.dsn(host, postgres.SUPERUSER)
        name = self.host(host).name
        peers = [p for p in self.alive() if p.name != name]
        theirs = [self.dsn(p.name, postgres.SUPERUSER) for p in peers]
        self._wait_for_postgres(self.host(host))
        wait_until(
            f"{name}: level with {', '.join(p.name for p in peers) or 'nobody'}",
            lambda: all(postgres.is_level(ours, t) and postgres.is_level(t, ours) for t in theirs),
            timeout,
            lambda: "See: make status",
        )

    def wait_durable(self, timeout: float = READY_SECONDS) -> None:
        """Wait until commits of all live hosts are durable on a peer too; nothing to do for one."""
        hosts = self.alive()
        if len(hosts) < 2 or "agent" not in self.parts:
            return
        dsns = [self.dsn(host.name, postgres.SUPERUSER) for host in hosts]
        wait_until(
            "commits that wait for a peer on all live hosts",
            lambda: all(postgres.waits_for_peers(dsn) for dsn in dsns),
            timeout,
            lambda: "See: make status",
        )

    def manage(self, host: str | int, *arguments: str) -> str:
        """Run `manage.py` on a host; returns what it printed. Raises ClusterError when it fails."""
        done = subprocess.run(
            [sys.executable, REPOSITORY / "webapp/manage.py", *arguments],
            env=self.env(host),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"manage.py {' '.join(arguments)} failed:\n{done.stderr.strip()}")
        return done.stdout

    def _log_tail(self, host: str | int, part: str) -> str:
        name = host if host == "edge" else self.host(host).name
        return readiness.log_tail(self.state.log / f"{name}-{part}.log")


def _in_parallel(work: Callable[..., None], items: Iterable) -> None:
    """Do `work` on all items at once; the first failure is raised when all have ended."""
    items = list(items)
    with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
        for _ in pool.map(work, items):
            pass
