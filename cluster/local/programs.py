"""Which programs make up a host and the edge, and the supervisor configuration that runs them.

One supervisord per failure unit. It starts nothing by itself: `Laptop` says what starts when.
"""

import resource
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cluster.local import ports, render
from cluster.local.binaries import Binaries
from cluster.local.secrets import Secrets
from cluster.local.state import POSTGRES_USER, REPOSITORY, State
from cluster.topology import Host, Topology

OPEN_FILES = 8192
"""Wanted per process; each board holds one socket. Never more than the system allows."""

MARK = "FIRSTBELL_UNIT"
"""In the environment of every process of a failure unit, so that none of them can hide."""

DEMO_PASSWORD = "firstbell-demo"  # noqa: S105  (printed by `make up`; on loopback only)

HOST_PARTS = ("postgres", "nats", "api", "mail", "realtime", "agent", "nginx")
CODE_OF = {"api": "webapp", "mail": "webapp", "realtime": "realtime", "agent": "cluster"}
"""Parts that run code of this repository, and the room it lies in."""
EDGE_PARTS = ("origin", "cdn")


@dataclass(frozen=True)
class Program:
    """One process that supervisord keeps running.

    `priority`: lower starts first and stops last. `stop_signal` asks for a clean end, which may
    take up to `stop_seconds` before SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    priority: int
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = REPOSITORY
    user: str = ""


def of_host(
    topology: Topology, host: Host, state: State, secrets: Secrets, binaries: Binaries, root: bool
) -> list[Program]:
    """Everything one host runs."""
    home = state.home(host.name)
    return [
        Program(
            "postgres",
            (str(binaries.postgres), "-D", str(state.postgres_data(host.name))),
            priority=10,
            stop_signal="INT",  # fast shutdown: ends connections, leaves nothing to recover
            stop_seconds=30,
            directory=state.postgres_data(host.name),
            user=POSTGRES_USER if root else "",
        ),
        Program("nats", (str(binaries.nats_server), "-c", str(home / "nats.conf")), priority=20),
        Program(
            "realtime",
            (sys.executable, "-m", "realtime"),
            priority=30,
            environment=realtime_environment(topology, host, state, secrets),
        ),
        Program(
            "api",
            (sys.executable, "-m", "gunicorn", "-c", "python:webapp.gunicorn_conf"),
            priority=40,
            environment=webapp_environment(topology, host, state),
        ),
        Program(
            "mail",
            (sys.executable, "-m", "webapp.manage", "mail", "send"),
            priority=45,
            environment=webapp_environment(topology, host, state),
        ),
        Program(
            "agent",
            (
                *(sys.executable, "-m", "cluster.agent"),
                *("--config", str(state.cluster_toml), "--host", host.name),
                *("--archive", str(home / "change-log")),
            ),
            priority=50,
        ),
        Program("nginx", _nginx(binaries, home / "nginx.conf"), priority=60),
    ]


def of_edge(state: State, binaries: Binaries) -> list[Program]:
    """The CDN's stand-in and the origin it pulls from."""
    home = state.home("edge")
    return [
        Program("origin", _nginx(binaries, home / "origin.conf"), priority=10),
        Program("cdn", _nginx(binaries, home / "cdn.conf"), priority=20),
    ]


def _nginx(binaries: Binaries, conf: Path) -> tuple[str, ...]:
    return (str(binaries.nginx), "-e", "stderr", "-p", str(conf.parent), "-c", str(conf))


def webapp_environment(topology: Topology, host: Host, state: State) -> dict[str, str]:
    """Settings of the API on this host; also for `manage.py`."""
    home = state.home(host.name)
    return {
        "FIRSTBELL_SECRET_KEY_FILE": str(state.secrets / "django_secret_key"),
        "FIRSTBELL_DATABASE_URL_FILE": str(home / "database_url"),
        "FIRSTBELL_PORT": str(host.ports.api),
        "FIRSTBELL_NODE": str(host.node),
        "FIRSTBELL_PAGE_ORIGINS": topology.page_url,
        "FIRSTBELL_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "FIRSTBELL_COOKIE_SECURE": "false",  # the laptop's hosts speak plain http
        "FIRSTBELL_COOKIE_NAME": _cookie_name(topology),
        "FIRSTBELL_MEDIA_ROOT": str(state.media_root(host.name)),
        "FIRSTBELL_LOCAL_ROOT": str(state.local_root(host.name)),
        # Nobody is to get mail from a laptop: it is put where its owner can read it.
        "FIRSTBELL_MAIL_PROVIDERS": f"folder://{state.mail}",
        "FIRSTBELL_REALTIME_KEY_FILE": str(state.secrets / "realtime_key"),
        "FIRSTBELL_DEMO_ADMIN_PASSWORD": DEMO_PASSWORD,
    }


def _cookie_name(topology: Topology) -> str:
    """Browsers share cookies between ports: two clones side by side need names of their own."""
    base = ports.base_of(topology)
    return "firstbell_session" + ("" if base == ports.DEFAULT_BASE else f"_{base}")


def realtime_environment(
    topology: Topology, host: Host, state: State, secrets: Secrets
) -> dict[str, str]:
    """Settings of the realtime service on this host."""
    nats = f"nats://firstbell:{secrets.nats_password}@{ports.LOOPBACK}:{host.ports.nats}"
    return {
        "REALTIME_BIND": ports.LOOPBACK,
        "REALTIME_PORT": str(host.ports.realtime),
        "REALTIME_NODE": str(host.node),
        "REALTIME_NAME": host.name,
        "REALTIME_KEY_FILE": str(state.secrets / "realtime_key"),
        "REALTIME_BACKPLANE": "nats",
        "REALTIME_NATS_URL": nats,
        "REALTIME_DATABASE_URL_FILE": str(state.home(host.name) / "database_url"),
        "REALTIME_ORIGINS": topology.page_url,
        "REALTIME_DRAIN_FILE": str(topology.drain_file(host)),
    }


def supervisord_conf(
    unit: str, port: int, programs: list[Program], state: State, secrets: Secrets, root: bool
) -> str:
    """Configuration of the process manager of one failure unit. Holds its password: keep private."""
    head = render.fill(
        "supervisord.conf",
        identifier=f"firstbell-{unit}",
        user="user = root" if root else "",
        unit=unit,
        home=_escaped(state.home(unit)),
        log=_escaped(state.log),
        repository=_escaped(REPOSITORY),
        minfds=_open_files(),
        port=port,
        password=secrets.supervisor_password,
    )
    return head + "".join(_program_conf(unit, program, state) for program in programs)


def _program_conf(unit: str, program: Program, state: State) -> str:
    environment = {**program.environment, MARK: unit_mark(state, unit)}
    return render.fill(
        "program.conf",
        name=program.name,
        unit=unit,
        command=_escaped(shlex.join(program.command)),
        directory=_escaped(program.directory),
        user=f"user = {program.user}" if program.user else "",
        priority=program.priority,
        stopsignal=program.stop_signal,
        stopwaitsecs=program.stop_seconds,
        log=_escaped(state.log),
        environment=",".join(f'{k}="{_escaped(v)}"' for k, v in environment.items()),
    )


def unit_mark(state: State, unit: str) -> str:
    """What tells this cluster's processes from those of any other clone."""
    return f"{state.root.resolve()}:{unit}"


def _escaped(value: object) -> str:
    """Supervisor expands `%`; paths with quotes never get here (see `open_state`)."""
    return str(value).replace("%", "%%")


def _open_files() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
