"""What is true of every role: its arguments are declared, its line stands in the README, its secrets stay secret."""

from pathlib import Path

import pytest
import yaml

from .conftest import REPOSITORY

ROLES = sorted(path for path in (REPOSITORY / "ansible/roles").iterdir() if path.is_dir())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_variable_of_a_role_is_declared(role: Path):
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    declared = {name for spec in specs.values() for name in spec.get("options") or {}}
    assert all(spec["short_description"] for spec in specs.values())
    defaults = role / "defaults/main.yml"
    given = set(yaml.safe_load(defaults.read_text()) or {}) if defaults.exists() else set()
    assert {name for name in given if not name.startswith("firstbell_")} <= declared


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_role_has_a_line_in_the_readme(role: Path):
    assert f"| `{role.name}` |" in (REPOSITORY / "ansible/README.md").read_text()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_task_that_handles_a_secret_shows_nothing_of_it(role: Path):
    for path in sorted(role.glob("*/*.yml")):
        if path.parent.name not in ("tasks", "handlers"):
            continue
        for task in yaml.safe_load(path.read_text()) or []:
            if "firstbell_secrets" in str(task) and not {"ansible.builtin.assert"} & set(task):
                assert task.get("no_log"), f"{path}: {task['name']}"
