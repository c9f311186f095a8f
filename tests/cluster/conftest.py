"""Fixtures: `mesh` – three real Postgres nodes that replicate by the change log, shared by this folder's tests."""

import pytest

from tests.support.nodes import running_mesh


@pytest.fixture(scope="session")
def mesh():
    with running_mesh(3) as nodes:
        yield nodes
