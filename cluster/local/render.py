"""Text of every configuration file of the laptop cluster, from the topology. Pure: writes nothing.

The files themselves stand as templates beside this module, with `%{name}` where a value goes (nginx
and supervisor use most other signs themselves).
"""

import json
import re
from pathlib import Path

from cluster.local import ports
from cluster.local.secrets import Secrets
from cluster.local.state import State
from cluster.topology import Host, Topology

TEMPLATES = Path(__file__).parent / "templates"
_PLACE = re.compile(r"%\{([a-z_]+)\}")


def fill(template: str, **values: object) -> str:
    """The template's text with its values. A value that is missing or too many is an error."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    wanted = set(_PLACE.findall(text))
    if wanted != set(values):
        raise ValueError(f"{template} wants {sorted(wanted)}, was given {sorted(values)}")
    return _PLACE.sub(lambda match: str(values[match[1]]), text)


def cluster_toml(host_count: int, base: int) -> str:
    """A topology of `host_count` hosts on loopback; `cluster.topology` reads it back."""
    lines = [
        "# Written by `make up`; changes made here are lost at the next one.",
        "[cluster]",
        'name = "laptop"',
        'database = "firstbell"',
        f'page_url = "http://localhost:{ports.edge(base)}"',
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
    return fill("postgresql.conf", port=host.ports.postgres)


def nats_conf(topology: Topology, host: Host, secrets: Secrets) -> str:
    """One server of the cluster; it looks for all others, itself excepted."""
    routes = "\n".join(
        f'    "nats-route://firstbell:{secrets.nats_password}@{peer.address}:{peer.ports.nats_cluster}"'
        for peer in topology.peers(host)
    )
    return fill(
        "nats.conf",
        name=host.name,
        cluster=topology.name,
        port=host.ports.nats,
        cluster_port=host.ports.nats_cluster,
        password=secrets.nats_password,
        routes=routes,
    )


def front_door_conf(topology: Topology, host: Host, state: State, as_root: bool) -> str:
    """The nginx of a host: API, realtime and media for browsers, media for peers."""
    media_headers = fill("media_headers.conf").rstrip()
    peers = topology.peers(host)
    if peers:
        files = state.files(host.name)
        from_peers = fill("media_from_peers.conf", files=files, media_headers=media_headers)
    else:
        from_peers = fill("media_without_peers.conf")
    return _nginx_head(state, host.name, "nginx", as_root) + fill(
        "front_door.conf",
        name=host.name,
        page_url=topology.page_url,
        page_origins=f'    "{topology.page_url}" $http_origin;',
        public=host.ports.public,
        api=host.ports.api,
        realtime=host.ports.realtime,
        media_peers=host.ports.media_peers,
        files=state.files(host.name),
        upstream=_media_upstream(peers),
        media_headers=media_headers,
        media_from_peers=from_peers.rstrip(),
    )


def _media_upstream(peers: tuple[Host, ...]) -> str:
    """Every peer is asked each time (`max_fails=0`): one that is skipped could not answer 503."""
    if not peers:
        return ""
    servers = "\n".join(
        f"    server {peer.address}:{peer.ports.media_peers} max_fails=0;" for peer in peers
    )
    return f"  upstream media_peers {{\n{servers}\n  }}\n"


def origin_conf(topology: Topology, state: State, dist: Path, as_root: bool) -> str:
    """The server a CDN pulls the front end from."""
    return _nginx_head(state, "edge", "origin", as_root) + fill(
        "edge_origin.conf",
        origin=ports.edge_origin(ports.base_of(topology)),
        dist=dist,
        www=state.home("edge") / "www",
        csp=content_security_policy(topology),
    )


def cdn_conf(topology: Topology, state: State, as_root: bool) -> str:
    """The CDN's stand-in, in front of the origin."""
    base = ports.base_of(topology)
    return _nginx_head(state, "edge", "cdn", as_root) + fill(
        "edge_cdn.conf",
        edge=ports.edge(base),
        origin=ports.edge_origin(base),
        cache=state.home("edge") / "cache",
    )


def config_json(topology: Topology) -> str:
    """What browsers read first: which hosts there are."""
    return json.dumps(topology.browser_config(), indent=1) + "\n"


def content_security_policy(topology: Topology) -> str:
    """Scripts from the page's own origin only; data and figures from the hosts as well.

    Inline styles are allowed: reveal.js writes style attributes. They can't read anything.
    """
    http = [host.public_url for host in topology.hosts]
    websocket = [url.replace("http", "ws", 1) for url in http]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob: {' '.join(http)}",
            f"media-src 'self' blob: {' '.join(http)}",
            "font-src 'self' data:",
            f"connect-src 'self' {' '.join(http + websocket)}",
            "worker-src 'self'",
            "manifest-src 'self'",
            "frame-src 'self'",
            "frame-ancestors 'self'",
            "form-action 'self'",
            "base-uri 'none'",
        )
    )


def _nginx_head(state: State, unit: str, part: str, as_root: bool) -> str:
    home = state.home(unit)
    return fill(
        "nginx_head.conf",
        user="user root;" if as_root else "",
        part=part,
        home=home,
        tmp=home / "tmp",
    )
