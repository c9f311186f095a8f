"""Writes the configuration files of a laptop cluster, and tells which hosts' files changed."""

from pathlib import Path

from cluster.local import ports, postgres, programs, render, secrets, state
from cluster.local.binaries import Binaries
from cluster.local.secrets import Secrets
from cluster.local.state import State
from cluster.topology import Host, Topology


def write_all(
    topology: Topology, kept: State, secret: Secrets, found: Binaries, dist: Path
) -> set[str]:
    """Write everything but Postgres' own files; returns the units whose files are not as before."""
    units = [*(host.name for host in topology.hosts), "edge"]
    kept.make_folders(units)
    before = {unit: _configuration(kept, unit) for unit in units}
    for name in ("django_secret_key", "realtime_key"):
        secrets.write_private(kept.secrets / name, getattr(secret, name) + "\n")
    for host in topology.hosts:
        _write_host(topology, host, kept, secret, found)
    _write_edge(topology, kept, secret, found, dist)
    return {unit for unit in units if _configuration(kept, unit) != before[unit]}


def _configuration(kept: State, unit: str) -> dict[Path, str]:
    return {path: path.read_text() for path in kept.home(unit).glob("*.conf")}


def _write_host(
    topology: Topology, host: Host, kept: State, secret: Secrets, found: Binaries
) -> None:
    home = kept.home(host.name)
    root = state.runs_as_root()
    url = postgres.url(topology, host, postgres.APP_ROLE, secret.app_password)
    secrets.write_private(home / "database_url", url + "\n")
    secrets.write_private(home / "nats.conf", render.nats_conf(topology, host, secret))
    (home / "nginx.conf").write_text(render.front_door_conf(topology, host, kept, root))
    wanted = programs.of_host(topology, host, kept, secret, found, root)
    port = ports.supervisor(ports.base_of(topology), host.node)
    _write_supervisord(host.name, port, wanted, kept, secret)


def _write_edge(
    topology: Topology, kept: State, secret: Secrets, found: Binaries, dist: Path
) -> None:
    home = kept.home("edge")
    root = state.runs_as_root()
    (home / "www").mkdir(exist_ok=True)
    (home / "www/config.json").write_text(render.config_json(topology))
    (home / "origin.conf").write_text(render.origin_conf(topology, kept, dist, root))
    (home / "cdn.conf").write_text(render.cdn_conf(topology, kept, root))
    port = ports.supervisor(ports.base_of(topology), 0)
    _write_supervisord("edge", port, programs.of_edge(kept, found), kept, secret)


def _write_supervisord(
    unit: str, port: int, wanted: list[programs.Program], kept: State, secret: Secrets
) -> None:
    text = programs.supervisord_conf(unit, port, wanted, kept, secret, state.runs_as_root())
    secrets.write_private(kept.home(unit) / "supervisord.conf", text)
