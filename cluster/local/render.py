"""Text of every configuration file of the laptop cluster, from the topology. Pure: writes nothing.

What nginx, NATS and Postgres are told stands in the Ansible roles' templates: the laptop renders the
very files that hosts get, with values of its own. Beside this module stand only those that no host has:
supervisord, the CDN's stand-in, the head of a laptop's nginx.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cluster.local import ports
from cluster.local.secrets import Secrets
from cluster.local.state import REPOSITORY, State
from cluster.topology import Host, Topology

ROLES = REPOSITORY / "ansible/roles"
SHARED = ("edge", "nats", "postgres_mesh")
"""Roles whose templates are rendered here as well (docs/decisions/0011)."""

_templates = Environment(
    loader=FileSystemLoader(
        [Path(__file__).parent / "templates", *(ROLES / role / "templates" for role in SHARED)]
    ),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  (configuration files, no HTML)
    trim_blocks=True,  # as Ansible does
    keep_trailing_newline=True,
)


def fill(template: str, **values: object) -> str:
    """The template's text with its values. A value that is missing is an error."""
    return _templates.get_template(f"{template}.j2").render(values)


def cluster_toml(host_count: int, base: int) -> str:
    """A topology of `host_count` hosts on loopback; `cluster.topology` reads it back."""
    lines = [
        "# Written by `make up`; changes made here are lost at the next one.",
        "[cluster]",
        'name = "laptop"',
        'database = "firstbell"',
        f'page_url = "http://localhost:{ports.edge(base)}"',
        'drain_file = "hosts/{host}/draining"',
    ]
    for node in range(1, host_count + 1):
        host = ports.host_ports(base, node)
        lines += [
            "",
            "[[hosts]]",
            f'name = "host{node}"',
            f"node = {node}",
            f'address = "{ports.LOOPBACK}"',
            f'public_url = "http://localhost:{host.public}"',
            "[hosts.ports]",
            *(f"{part} = {port}" for part, port in host.model_dump().items()),
        ]
    return "\n".join(lines) + "\n"


def postgresql_conf(host: Host) -> str:
    return fill("postgresql.conf", **_postgres(host))


def pg_hba_conf(host: Host) -> str:
    return fill("pg_hba.conf", **_postgres(host))


def _postgres(host: Host) -> dict[str, object]:
    """Small, on loopback only, without TLS and without sockets."""
    return {
        "postgres_mesh_listen": [ports.LOOPBACK],
        "postgres_mesh_port": host.ports.postgres,
        "postgres_mesh_sockets": "",
        "postgres_mesh_max_connections": 60,
        "postgres_mesh_shared_buffers": "64MB",
        "postgres_mesh_max_slot_wal": "10GB",
        "postgres_mesh_tls": None,
    }


def nats_conf(topology: Topology, host: Host, secrets: Secrets) -> str:
    """One server of the cluster; it looks for all others, itself excepted."""
    return fill(
        "nats.conf",
        nats_name=host.name,
        nats_listen=f"{ports.LOOPBACK}:{host.ports.nats}",
        nats_cluster_name=topology.name,
        nats_routes_listen=f"{ports.LOOPBACK}:{host.ports.nats_cluster}",
        nats_password=secrets.nats_password,
        nats_peers=[f"{peer.address}:{peer.ports.nats_cluster}" for peer in topology.peers(host)],
        nats_tls=None,
    )


def front_door_conf(topology: Topology, host: Host, state: State, as_root: bool) -> str:
    """The nginx of a host: API, realtime and media for browsers, media for peers."""
    return _nginx(
        state,
        host.name,
        "nginx",
        as_root,
        "front_door.conf.j2",
        edge_name=host.name,
        edge_page_url=topology.page_url,
        edge_door_listen=[f"{ports.LOOPBACK}:{host.ports.public}"],
        edge_door_name="localhost",
        edge_api_port=host.ports.api,
        edge_realtime_port=host.ports.realtime,
        edge_files=state.files(host.name),
        edge_drain_file=topology.drain_file(host),
        edge_peers_listen=[f"{ports.LOOPBACK}:{host.ports.media_peers}"],
        edge_peers=[
            {"name": peer.name, "address": peer.address, "port": peer.ports.media_peers}
            for peer in topology.peers(host)
        ],
        edge_peers_tls=None,
        edge_hsts_seconds=0,
    )


def origin_conf(topology: Topology, state: State, dist: Path, as_root: bool) -> str:
    """The server a CDN pulls the front end from."""
    return _nginx(
        state,
        "edge",
        "origin",
        as_root,
        "pages.conf.j2",
        edge_pages_listen=[f"{ports.LOOPBACK}:{ports.edge_origin(ports.base_of(topology))}"],
        edge_pages_name="localhost",
        edge_pages_root=dist,
        edge_assets_root=dist,
        edge_pages_gzip=False,  # the CDN's stand-in does it
        edge_config_root=state.home("edge") / "www",
        edge_hosts=topology.browser_config()["hosts"],
        edge_hsts_seconds=0,
    )


def cdn_conf(topology: Topology, state: State, as_root: bool) -> str:
    """The CDN's stand-in, in front of the origin."""
    base = ports.base_of(topology)
    return _nginx(
        state,
        "edge",
        "cdn",
        as_root,
        "edge_cdn.conf.j2",
        edge=ports.edge(base),
        origin=ports.edge_origin(base),
        cache=state.home("edge") / "cache",
    )


def config_json(topology: Topology) -> str:
    """What browsers read first: which hosts there are."""
    return fill("config.json", edge_hosts=topology.browser_config()["hosts"])


def _nginx(
    state: State, unit: str, part: str, as_root: bool, servers: str, **values: object
) -> str:
    """A whole nginx configuration around the template that holds its servers."""
    home = state.home(unit)
    return fill(
        "laptop_nginx.conf",
        servers=servers,
        user="user root;" if as_root else "",
        part=part,
        home=home,
        tmp=home / "tmp",
        **values,
    )
