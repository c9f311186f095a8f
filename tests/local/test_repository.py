"""What the files of the repository's root promise: help for every target, locks without addresses."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_make_alone_explains_every_target():
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M)
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets
    assert [t for t in targets if f"make {t} " not in shown] == []


@pytest.mark.parametrize("verb", ["kill", "revive"])
def test_a_verb_that_needs_a_host_says_so(verb):
    done = subprocess.run(["make", verb], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"make {verb} HOST=2" in done.stderr


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locked_packages_have_hashes_and_no_addresses(name):
    text = (ROOT / name).read_text()
    pinned = re.findall(r"^[\w.-]+==", text, re.M)
    assert len(pinned) > 20
    assert len(re.findall(r"\\\n    --hash=sha256:", text)) >= len(pinned)
    assert "://" not in text


def test_everything_named_in_pyproject_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements-dev.lock").read_text(), re.M))
    names = {re.split(r"[<>=\[ ]", entry)[0].lower().replace("_", "-") for entry in wanted}
    assert names - locked == set()


def test_install_refuses_what_it_does_not_know():
    done = subprocess.run(["bin/install", "--no"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "does not know --no" in done.stderr


def test_install_names_a_nats_server_that_is_too_old(tmp_path):
    old = tmp_path / "nats-server"
    old.write_text("#!/bin/sh\necho 'nats-server: v2.8.4'\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["bin/install", "--packages"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.returncode == 1
    assert "nats-server is 2.8.4; Firstbell needs 2.9 or newer" in done.stderr
