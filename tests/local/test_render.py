"""What the configuration files say, without running anything."""

import re
import tomllib
from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError, nodes

from cluster import topology
from cluster.local import ports, programs, render
from cluster.local.binaries import Binaries
from cluster.local.secrets import load_or_create
from cluster.local.state import State

BINARIES = Binaries(*(Path(p) for p in ("/pg/postgres", "/pg/initdb", "/nats-server", "/nginx")))


def written(folder: Path, hosts: int = 3, base: int = 12000) -> topology.Topology:
    path = folder / "cluster.toml"
    path.write_text(render.cluster_toml(hosts, base))
    return topology.load(path)


def all_configurations(folder: Path, as_root: bool = False) -> str:
    """Every file of a cluster of three, one after the other."""
    cluster = written(folder)
    secrets = load_or_create(folder / "secrets.toml")
    state = State(folder)
    texts = [render.origin_conf(cluster, state, folder / "dist", as_root)]
    texts.append(render.cdn_conf(cluster, state, as_root))
    for host in cluster.hosts:
        wanted = programs.of_host(cluster, host, state, secrets, BINARIES, as_root)
        texts += [
            render.postgresql_conf(host),
            render.nats_conf(cluster, host, secrets),
            render.front_door_conf(cluster, host, state, as_root),
            programs.supervisord_conf(host.name, 1, wanted, state, secrets, as_root),
        ]
    return "\n".join(texts)


@pytest.mark.parametrize("hosts", [1, 2, 3, 4, 5])
def test_topology_reads_what_is_written_and_knows_its_port_base(tmp_path, hosts):
    cluster = written(tmp_path, hosts, 12000)
    assert [host.name for host in cluster.hosts] == [f"host{n}" for n in range(1, hosts + 1)]
    assert ports.base_of(cluster) == 12000
    assert cluster.hosts[0].ports.postgres == 19501


def test_no_place_is_left_unfilled(tmp_path):
    text = all_configurations(tmp_path)
    assert "{{" not in text
    assert "{%" not in text


def test_a_template_given_too_little_is_refused():
    with pytest.raises(UndefinedError, match="'edge_hsts_seconds' is undefined"):
        render.fill("hsts.conf", hsts_seconds=0)


def test_shared_templates_use_only_what_plain_jinja_has():
    """An unknown filter in a branch that the laptop never takes is found by nobody who renders."""
    plain = Environment()
    names = [
        f"{role}/templates/{t.name}"
        for role in render.SHARED
        for t in (render.ROLES / role / "templates").iterdir()
    ]
    assert len(names) > 8
    for name in names:
        tree = plain.parse((render.ROLES / name).read_text())
        for kind, known in ((nodes.Filter, plain.filters), (nodes.Test, plain.tests)):
            assert {found.name for found in tree.find_all(kind)} - set(known) == set(), name


def test_only_root_names_users(tmp_path):
    assert "user root;" not in all_configurations(tmp_path)
    as_root = all_configurations(tmp_path, as_root=True)
    assert "user root;" in as_root
    assert "user = postgres" in as_root


def test_nats_looks_for_all_hosts_but_itself(tmp_path):
    cluster = written(tmp_path)
    text = render.nats_conf(cluster, cluster.host(2), load_or_create(tmp_path / "secrets.toml"))
    assert "127.0.0.1:12401" in text
    assert "127.0.0.1:12403" in text
    assert "@127.0.0.1:12402" not in text


def test_content_policy_reaches_all_hosts_and_runs_only_own_scripts(tmp_path):
    policy = render.origin_conf(written(tmp_path), State(tmp_path), tmp_path / "dist", False)
    assert "script-src $own_scripts;" in policy
    assert """default                  "'self'";""" in policy
    for node in (1, 2, 3):
        assert f"http://localhost:1210{node}" in policy
        assert f"ws://localhost:1210{node}" in policy


def test_a_host_without_peers_asks_nobody_for_media(tmp_path):
    cluster = written(tmp_path, hosts=1)
    text = render.front_door_conf(cluster, cluster.host(1), State(tmp_path), as_root=False)
    assert "proxy_pass http://media_peers" not in text
    assert "upstream media_peers" not in text


def test_no_location_of_the_front_door_drops_the_headers_that_the_parts_need(tmp_path):
    """nginx forgets the server's proxy headers in a location that sets one of its own."""
    door = render.front_door_conf(
        written(tmp_path), written(tmp_path).hosts[0], State(tmp_path), False
    )
    for block in re.findall(r"^    location .*?^    \}", door, re.M | re.S):
        if "proxy_set_header" in block:
            assert "proxy_set_header Host" in block, block
    server = door[door.index("proxy_set_header Host $http_host") :]
    for header in ("X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert f"proxy_set_header {header}" in server


def test_other_port_bases_get_cookies_of_their_own(tmp_path):
    cluster = written(tmp_path)
    environment = programs.webapp_environment(cluster, cluster.host(1), State(tmp_path))
    assert environment["FIRSTBELL_COOKIE_NAME"] == "firstbell_session_12000"


def test_secrets_are_private_random_and_kept(tmp_path):
    path = tmp_path / "secrets.toml"
    secrets = load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create(path) == secrets
    values = tomllib.loads(path.read_text()).values()
    assert len(set(values)) == len(values)
    assert not any(value in repr(secrets) for value in values)
