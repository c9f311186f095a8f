"""What an operator or a user meets is documented: log messages, settings, commands, make targets."""

import ast
import re
from pathlib import Path

import click
import pytest

from cluster.cli import main as clusterctl
from provisioner.envctl import main as envctl

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("cluster", "provisioner", "realtime", "webapp")


def text(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


def modules() -> list[Path]:
    return [
        p for room in ROOMS for p in (REPOSITORY / room).rglob("*.py") if "node_modules" not in p.parts
    ]  # fmt: skip


def warnings() -> set[str]:
    """The message of every logger.warning, .error and .exception in our programs."""
    found = set()
    for module in modules():
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("warning", "error", "exception", "critical")
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("logger", "log")
            ):
                assert isinstance(node.args[0], ast.Constant), f"{module}:{node.lineno}"
                found.add(node.args[0].value)
    return found


def words(message: str) -> str:
    """A message's fixed words: what stands for what differs is left out."""
    return " ".join(re.findall(r"[a-z']{2,}", re.sub(r"%[a-z]|…|`", " ", message.lower())))


def test_every_warning_stands_in_the_operators_list():
    documented = words(text("docs/operations/log-messages.md"))
    found = warnings()
    assert len(found) > 10
    missing = [m for m in found if words(m) not in documented]
    assert not missing


@pytest.mark.parametrize(
    ("settings", "readme", "prefix"),
    [
        ("webapp/settings.py", "webapp/README.md", "FIRSTBELL_"),
        ("webapp/gunicorn_conf.py", "webapp/README.md", "FIRSTBELL_"),
        ("realtime/settings.py", "realtime/README.md", "REALTIME_"),
        ("provisioner/settings.py", "provisioner/README.md", "PROVISIONER_"),
    ],
)
def test_every_setting_stands_in_its_rooms_readme(settings, readme, prefix):
    names = set(re.findall(rf'"({prefix}[A-Z_]+)"', text(settings)))
    assert names
    assert {n for n in names if n not in text(readme)} == set()


def test_every_command_of_clusterctl_stands_in_its_readme():
    assert isinstance(clusterctl, click.Group)
    for command in clusterctl.commands:
        assert re.search(rf"clusterctl .*\b{command}\b", text("cluster/README.md")), command


def test_every_command_of_envctl_stands_in_its_readme():
    assert isinstance(envctl, click.Group)
    for command in envctl.commands:
        assert re.search(rf"bin/envctl {command}\b", text("provisioner/README.md")), command


def test_every_make_target_has_a_line_of_help():
    makefile = text("Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))
    explained = set(re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.M))
    assert {"up", "down", "kill", "revive", "status", "test"} <= targets
    assert targets == explained
    phony = {
        name for line in re.findall(r"^\.PHONY:(.*)$", makefile, re.M) for name in line.split()
    }
    assert targets <= phony  # `make bench` once found the folder bench/ up to date, and did nothing
