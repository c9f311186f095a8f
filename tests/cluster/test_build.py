"""Making a mesh is idempotent, says whether it changed anything, and mends what is missing or older."""

import base64
import hashlib
import hmac
import json

import psycopg2
import pytest
from click.testing import CliRunner

from cluster.cli import main
from cluster.db import tls
from cluster.errors import ClusterError
from cluster.mesh import build as building
from cluster.mesh.build import build
from cluster.topology import load
from tests.support.nodes import CREDENTIALS, Nodes, running_mesh


def test_a_mesh_that_is_as_it_should_be_is_left_alone(mesh: Nodes):
    before = mesh.admin(
        1, "select xmin::text from pg_proc where pronamespace = 'mesh'::regnamespace"
    )
    assert build(mesh.topology, CREDENTIALS) is False
    after = mesh.admin(
        1, "select xmin::text from pg_proc where pronamespace = 'mesh'::regnamespace"
    )
    assert before == after


def test_a_node_with_an_older_change_log_is_brought_up_to_date(mesh: Nodes):
    mesh.admin(2, "comment on schema mesh is 'change log of version 0'")
    said: list[str] = []
    assert build(mesh.topology, CREDENTIALS, said.append) is True
    assert said == ["host2: change log installed"]
    assert build(mesh.topology, CREDENTIALS) is False


def test_a_changed_password_is_set(mesh: Nodes):
    mesh.admin(3, "alter role mesh_replication password 'of old'")
    assert build(mesh.topology, CREDENTIALS) is True
    assert build(mesh.topology, CREDENTIALS) is False


def test_a_subscription_to_an_older_address_is_pointed_to_the_new_one(mesh: Nodes):
    name = "n1_from_n2"
    (before,) = mesh.admin(1, f"select subconninfo from pg_subscription where subname = '{name}'")[
        0
    ]
    other = psycopg2.extensions.make_dsn(before, connect_timeout=4)
    mesh.admin(1, f"alter subscription {name} connection '{other}'")
    assert build(mesh.topology, CREDENTIALS) is True
    (after,) = mesh.admin(1, f"select subconninfo from pg_subscription where subname = '{name}'")[0]
    assert after == before
    mesh.level()


def test_a_password_is_known_by_what_postgres_keeps_of_it():
    salt = b"salt of 16 bytes"
    salted = hashlib.pbkdf2_hmac("sha256", b"right", salt, 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    kept = f"SCRAM-SHA-256$4096:{base64.b64encode(salt).decode()}${base64.b64encode(stored).decode()}:x"
    assert building._is_of(kept, "right")
    assert not building._is_of(kept, "wrong")
    assert not building._is_of("md5abc", "right")
    assert not building._is_of(None, "right")


def test_init_says_whether_anything_changed(mesh: Nodes):
    secrets = mesh.folder / "secrets.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(
        f'postgres_password = "{CREDENTIALS.superuser}"\n'
        f'replication_password = "{CREDENTIALS.replication}"\napp_password = "{CREDENTIALS.app}"\n'
    )
    config = ("--config", str(mesh.folder / "cluster.toml"))
    done = CliRunner().invoke(main, [*config, "init"])
    assert (done.exit_code, done.output) == (0, "nothing to change\n")
    mesh.admin(1, "comment on schema mesh is null")
    done = CliRunner().invoke(main, [*config, "init", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output) == {"changed": True, "done": ["host1: change log installed"]}


def test_init_without_a_cluster_file_is_misuse(tmp_path):
    done = CliRunner().invoke(main, ["--config", str(tmp_path / "cluster.toml"), "init"])
    assert done.exit_code == 2
    assert "no cluster file" in done.output


@pytest.fixture
def with_authority(mesh: Nodes, tmp_path):
    text = (mesh.folder / "cluster.toml").read_text()
    file = tmp_path / "cluster.toml"
    file.write_text(text.replace("[cluster]", '[cluster]\nca_file = "/etc/firstbell/ca.pem"'))
    return load(file)


def test_with_an_authority_nodes_connect_over_checked_tls_only(mesh: Nodes, with_authority):
    assert tls(mesh.topology) == {}
    assert tls(with_authority) == {"sslmode": "verify-full", "sslrootcert": "/etc/firstbell/ca.pem"}
    conninfo = building._conninfo(with_authority, with_authority.hosts[0], CREDENTIALS)
    found = psycopg2.extensions.parse_dsn(conninfo)
    assert (found["sslmode"], found["sslrootcert"]) == ("verify-full", "/etc/firstbell/ca.pem")


def take_the_mesh_away(nodes: Nodes, node: int, name: str) -> None:
    nodes.admin(node, f"alter subscription {name} disable")
    nodes.admin(node, f"alter subscription {name} set (slot_name = none)")
    nodes.admin(node, f"drop subscription {name}")
    nodes.admin(node, "set mesh.ddl = 'local'; drop schema mesh cascade")


def test_a_mesh_is_not_made_of_data_that_nothing_would_copy():
    with running_mesh(2) as nodes:
        nodes.ddl(1, "create table t (id int primary key)")
        nodes.level()
        take_the_mesh_away(nodes, 2, "n2_from_n1")
        with pytest.raises(ClusterError, match=r"host2 is empty, but host1 holds data already"):
            build(nodes.topology, CREDENTIALS)
        take_the_mesh_away(nodes, 1, "n1_from_n2")
        with pytest.raises(ClusterError, match=r"host1, host2 has tables already, whose rows"):
            build(nodes.topology, CREDENTIALS)
        assert nodes.admin(1, "select to_regnamespace('mesh') is null") == [(True,)]
