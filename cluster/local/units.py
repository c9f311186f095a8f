"""One failure unit (a host, or the edge): its supervisord, and everything that runs below it.

Starts, stops and kills processes of this state directory only: a process counts as the unit's when
it descends from the unit's supervisord or carries the unit's mark in its environment.
"""

import http.client
import os
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cluster.errors import ClusterError
from cluster.local import ports, programs
from cluster.local.progress import wait_until
from cluster.local.state import State

RPC_SECONDS = 60
"""Longer than the longest clean stop of one program."""

STOP_SECONDS = 90
"""A clean stop of all programs one after the other, each of which has its own limit."""

KILL_SECONDS = 30
"""Until what got SIGKILL is gone: not before the kernel has done the write to disk in which it found it."""
_ALREADY_STARTED, _NOT_RUNNING = 60, 70
"""Supervisor's faults that mean: it is already as was asked."""


class _Transport(xmlrpc.client.Transport):
    """Plain XML-RPC with a limit on how long an answer may take."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = RPC_SECONDS
        return connection


@dataclass(frozen=True)
class Unit:
    """`name` is `host2` or `edge`; `port` its supervisord's control port."""

    name: str
    state: State
    port: int
    password: str
    listeners: tuple[ports.Listener, ...]

    @property
    def home(self) -> Path:
        return self.state.home(self.name)

    # ---- the process manager

    def is_up(self) -> bool:
        """Whether our supervisord runs (it may be running nothing)."""
        return self._supervisord() is not None

    def launch(self) -> None:
        """Start supervisord, detached from this terminal, if it does not run.

        What an earlier one left behind (it was killed alone, or the machine went down) ends first.
        """
        if self.is_up():
            return
        self.kill()
        # Nothing of this unit runs: Postgres' note that it does is of another boot, and its process
        # number may be somebody else's by now, which would keep Postgres from starting.
        (self.state.postgres_data(self.name) / "postmaster.pid").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", self.home / "supervisord.conf"],
            env=clean_environment(self),
            cwd="/",
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"{self.name}: supervisord did not start: {done.stderr.strip()}")
        wait_until(f"{self.name}: supervisord answers", self._answers, 20)

    def shut_down(self) -> None:
        """Stop everything cleanly, in order; then make sure that nothing is left."""
        if self.is_up() and self._answers():
            self._call("shutdown")
            wait_until(f"{self.name}: clean stop", lambda: not self.is_up(), STOP_SECONDS)
        self.kill()

    # ---- single programs

    def states(self) -> dict[str, str]:
        """Supervisor's word for each program (`RUNNING`, `BACKOFF`, …); empty when it is down."""
        if not self.is_up():
            return {}
        return {info["name"]: info["statename"] for info in self._call("getAllProcessInfo")}

    def start(self, names: Iterable[str]) -> None:
        """Start these programs if they don't run; returns without waiting for readiness."""
        states = self.states()
        for name in names:
            if states.get(name) == "BACKOFF":  # waiting to retry: retry now
                self._call("stopProcess", name, True)
            if states.get(name) != "RUNNING":
                self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop one program cleanly and wait until it has ended."""
        self._call("stopProcess", name, True)

    def pid(self, name: str) -> int:
        """Process number of a running program, 0 if it does not run."""
        return int(self._call("getProcessInfo", name)["pid"])

    # ---- sudden death

    def kill(self) -> None:
        """SIGKILL to everything the unit runs, at once; returns when nothing of it is left.

        All of it is frozen first, so that nothing can start anything while we look.
        """
        wait_until(
            f"{self.name}: all processes gone",
            self._kill_once,
            KILL_SECONDS,
            lambda: f"Left: {', '.join(f'{p.name()} ({p.pid})' for p in self.processes())}",
        )
        wait_until(
            f"{self.name}: nothing listens",
            lambda: not any(_holds(listener.port, self) for listener in self.listeners),
            KILL_SECONDS,
        )
        (self.home / "supervisord.pid").unlink(missing_ok=True)

    def _kill_once(self) -> bool:
        """One round of freezing, collecting and killing; whether nothing had to be killed.

        All are frozen before any is killed: an nginx master that sees its worker die first
        makes a new one, which would outlive it.
        """
        victims: list[psutil.Process] = []
        while len(found := self.processes()) > len(victims):
            victims = found
            _signal(victims, signal.SIGSTOP)
        _signal(victims, signal.SIGKILL)
        return not victims

    def processes(self) -> list[psutil.Process]:
        """Everything that runs on behalf of this unit, supervisord first."""
        supervisord = self._supervisord()
        found = {supervisord.pid: supervisord} if supervisord else {}
        found.update({p.pid: p for p in psutil.process_iter() if self._is_ours(p)})
        for process in list(found.values()):
            children = _ignore_gone(_descendants, process) or []
            found.update({child.pid: child for child in children})
        return [p for p in found.values() if _ignore_gone(_lives, p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        return self._is_marked(process) or bool(_ignore_gone(self._is_our_nginx, process))

    def _is_marked(self, process: psutil.Process) -> bool:
        environment = _ignore_gone(psutil.Process.environ, process) or {}
        return environment.get(programs.MARK) == programs.unit_mark(self.state, self.name)

    def _is_our_nginx(self, process: psutil.Process) -> bool:
        """nginx writes its title over its environment, mark included; the master's names the folder.

        A worker is found as a child of its master, or, when it has outlived it, by our ports.
        """
        title = " ".join(process.cmdline())
        if title.startswith("nginx: master process"):
            return f" -p {self.home} " in title
        if not title.startswith("nginx: worker process"):
            return False
        parent = process.parent()
        if parent and "nginx: master process" in " ".join(parent.cmdline()):
            return False
        ours = {listener.port for listener in self.listeners}
        return any(c.laddr.port in ours for c in process.net_connections("inet") if c.laddr)

    def _supervisord(self) -> psutil.Process | None:
        """Our supervisord by its pid file, unless that number has gone to somebody else."""
        try:
            process = psutil.Process(int((self.home / "supervisord.pid").read_text()))
            return process if self._is_marked(process) and _lives(process) else None
        except (OSError, ValueError, psutil.Error):
            return None

    # ---- remote control

    def _answers(self) -> bool:
        try:
            self._rpc().supervisor.getPID()
        except OSError:
            return False
        return True

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._rpc().supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in (_ALREADY_STARTED, _NOT_RUNNING):
                return None
            raise ClusterError(
                f"{self.name}: supervisord refused {method}{arguments}: {fault.faultString}"
            ) from None
        except OSError as error:
            raise ClusterError(
                f"{self.name}: supervisord at 127.0.0.1:{self.port} does not answer: {error}"
            ) from None

    def _rpc(self) -> xmlrpc.client.ServerProxy:
        url = f"http://firstbell:{self.password}@127.0.0.1:{self.port}/RPC2"
        return xmlrpc.client.ServerProxy(url, transport=_Transport(), allow_none=True)


def clean_environment(unit: Unit | None = None) -> dict[str, str]:
    """What programs inherit: nothing of the caller's shell that could change what they do."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
    }
    if unit:
        environment[programs.MARK] = programs.unit_mark(unit.state, unit.name)
    return environment


def _holds(port: int, unit: Unit) -> bool:
    """Whether a process of this unit still listens on the port."""
    return ports.is_taken(port) and bool(unit.processes())


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _ignore_gone(ask: Callable[[psutil.Process], Any], process: psutil.Process) -> Any:
    """The answer, or None when the process is gone or is not ours to look at."""
    try:
        return ask(process)
    except psutil.Error:
        return None


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        _ignore_gone(lambda p: p.send_signal(number), process)
