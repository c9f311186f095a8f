"""A short form of `make django-suite`, and proof that its eyes see: nodes that differ, a list that has rotted."""

from pathlib import Path

import pytest

from tests.multimaster import django_suite
from tests.multimaster.django_runner import exceptions, unexplained
from tests.multimaster.equality import Differs, Mesh
from tests.support.nodes import CREDENTIALS, Nodes, running_mesh

REPOSITORY = Path(__file__).parents[2]
SHORT = (
    "basic", "bulk_create", "contenttypes_tests", "delete", "fixtures", "m2m_through", "many_to_many",
    "sessions_tests", "transactions", "update",
)  # fmt: skip
"""Labels of some seconds that insert, update, delete, flush, and make tables; the other five take minutes."""


@pytest.fixture
def mesh(nodes: Nodes):
    """The eyes of the suite on a mesh with one table of two rows."""
    nodes.ddl(1, "create table public.seen (id int primary key, text text)")
    nodes.sql(1, "insert into seen values (1, 'one'), (2, 'two')")
    ports = [host.ports.postgres for host in nodes.topology.hosts]
    mesh = Mesh("default", ports, nodes.topology.database, CREDENTIALS.superuser)
    yield mesh
    mesh.close()
    nodes.ddl(1, "drop table public.seen")
    nodes.level()


def behind_the_back(nodes: Nodes, node: int, statement: str) -> None:
    """On one node only, past the change log."""
    nodes.admin(
        node, f"set session_replication_role = replica; set mesh.ddl = local; {statement};"
        " reset session_replication_role; reset mesh.ddl"
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_labels_of_djangos_suite_pass_on_a_live_mesh(nodes, tmp_path):
    tests = django_suite.source()
    with running_mesh(1) as other:
        meshes = {"default": nodes, "other": other}
        assert django_suite.run(SHORT, tests, meshes, tmp_path) == []


def test_a_row_that_one_node_lacks_is_found_if_its_table_was_touched(nodes, mesh):
    mesh.check(everything=True)
    behind_the_back(nodes, 3, "delete from public.seen where id = 1")
    mesh.check()
    nodes.sql(1, "update seen set text = 'zwei' where id = 2")
    with pytest.raises(Differs, match=r"seen differs between nodes 1 and 3.*\(1,one\)"):
        mesh.check()
    nodes.sql(1, "update seen set text = 'one again' where id = 1")


def test_at_the_end_of_a_label_all_tables_are_looked_at(nodes, mesh):
    mesh.check()
    behind_the_back(nodes, 2, "update public.seen set text = 'other' where id = 2")
    with pytest.raises(Differs, match="seen differs between nodes 1 and 2"):
        mesh.check(everything=True)


@pytest.mark.parametrize(
    "statement",
    [
        "create index only_here on public.seen (text)",
        "alter table public.seen alter text set default 'only_here'",
        "alter table public.seen add only_here varchar(7)",
    ],
)
def test_a_schema_that_one_node_has_alone_is_found(nodes, mesh, statement):
    mesh.check()
    behind_the_back(nodes, 2, statement)
    with pytest.raises(Differs, match=r"schema differs between nodes 1 and 2.*only_here"):
        mesh.check(everything=True)


def test_a_peer_that_gets_nothing_is_found(nodes, mesh, monkeypatch):
    monkeypatch.setattr("tests.multimaster.equality.WAIT_SECONDS", 1)
    mesh.check()
    nodes.cut(2, 1)
    nodes.cut(2, 3)
    try:
        nodes.sql(1, "insert into seen values (3, 'three')")
        with pytest.raises(Differs, match="node 2 lacks changes of node 1"):
            mesh.check()
    finally:
        nodes.heal(2, 1)
        nodes.heal(2, 3)


def test_parked_rows_are_found(nodes, mesh):
    mesh.check()
    nodes.sql(1, "insert into seen values (4, 'four')")
    nodes.level()
    nodes.admin(
        3, "insert into mesh.parked (tbl, key, reason) values ('', '1:999999999', 'schema')"
    )
    try:
        with pytest.raises(Differs, match="parked rows are left"):
            mesh.check()
    finally:
        nodes.admin(3, "delete from mesh.parked")


def test_an_exception_that_no_longer_fails_or_fails_otherwise_is_an_error():
    entry = {"test": "a.b.C.test_d", "shows": "has no primary key", "reason": "because"}
    assert unexplained([entry], {"a.b.C.test_d": "Error: table t has no primary key"}) == []
    assert "no longer fails" in unexplained([entry], {})[0]
    assert "does not fail as" in unexplained([entry], {"a.b.C.test_d": "Timeout"})[0]


def test_each_exception_is_explained_and_stands_in_the_runbook():
    page = (REPOSITORY / "docs/operations/django.md").read_text(encoding="utf-8")
    for entry in exceptions():
        assert set(entry) == {"test", "shows", "reason"}
        assert f"`{entry['test']}`" in page
        assert entry["reason"] in page
