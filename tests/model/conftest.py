"""Fixtures: `sql_nodes` – three databases of one real Postgres server, each a node with a change log; `sql_node` – one
of them.

Hypothesis' profiles: `usual` is what `make test` runs, bounded and the same each time; `long`
(HYPOTHESIS_PROFILE=long) looks for new histories, for an hour or so.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.model.histories import ORIGINS, WORLD
from tests.model.postgres import SqlNode, make_nodes
from tests.support.nodes import running_mesh

settings.register_profile(
    "common",
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=set(Phase) - {Phase.explain},  # it takes minutes here, and shrinking does the work
)
COMMON = settings.get_profile("common")
settings.register_profile("usual", COMMON, max_examples=150, derandomize=True, database=None)
settings.register_profile("hunt", COMMON, max_examples=2_000, print_blob=True)
settings.register_profile("long", COMMON, max_examples=20_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


@pytest.fixture(scope="session")
def sql_nodes() -> Iterator[list[SqlNode]]:
    with running_mesh(1) as mesh:
        yield make_nodes(mesh, WORLD, len(ORIGINS))


@pytest.fixture(scope="session")
def sql_node(sql_nodes: list[SqlNode]) -> SqlNode:
    return sql_nodes[0]
