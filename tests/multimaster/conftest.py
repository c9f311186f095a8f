"""Fixtures of the tests of the Django backend.

- `nodes`: a mesh of three bare Postgres nodes, one for all tests of this folder that don't stop or cut one.
- `manage`: runs a management command, or Python code, of a project against one node.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.nodes import CREDENTIALS, Nodes, running_mesh

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="package")
def nodes() -> Iterator[Nodes]:
    with running_mesh(3) as running:
        yield running


@pytest.fixture(scope="package")
def manage(nodes: Nodes) -> Callable[..., subprocess.CompletedProcess]:
    """manage(project, node, "migrate", …) or manage(project, node, code=…); `fails`: it must not end well."""

    def run(
        project: Path, node: int, *args: str, code: str = "", fails: bool = False, **env: str
    ) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "django", *args] if args else [sys.executable, "-c", code]
        environment = {
            **os.environ,
            **env,
            "PYTHONPATH": f"{project}:{REPOSITORY}",
            "DJANGO_SETTINGS_MODULE": "settings",
            "NODE_PORT": str(nodes.topology.host(node).ports.postgres),
            "NODE_PASSWORD": CREDENTIALS.app,
        }
        done = subprocess.run(
            command, env=environment, cwd=project, capture_output=True, text=True, timeout=120
        )
        assert bool(done.returncode) == fails, done.stdout[-1000:] + done.stderr[-3000:]
        return done

    return run
