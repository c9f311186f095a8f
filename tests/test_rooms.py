"""The rooms keep apart: who must not import whom (ARCHITECTURE.md, invariants)."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FORBIDDEN = {
    "realtime": {"webapp", "provisioner", "cluster"},
    "webapp": {"realtime", "provisioner", "cluster"},
    "cluster": {"webapp", "realtime", "provisioner"},
    "provisioner": {"webapp", "realtime", "cluster"},
}


def imported(path: Path) -> set[str]:
    """Top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_no_room_that_it_must_not(room):
    modules = [p for p in (REPOSITORY / room).rglob("*.py") if "node_modules" not in p.parts]
    assert len(modules) > 5
    for module in modules:
        wrong = imported(module) & FORBIDDEN[room]
        assert not wrong, f"{module.relative_to(REPOSITORY)} imports {wrong}"
