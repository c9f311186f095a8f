"""The archive that `make build` makes is all that a host needs, and says when it is not as it was built."""

import json
import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import REPOSITORY

SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def unpacked(archive, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (release,) = folder.iterdir()
    return release


def install(release: Path) -> subprocess.CompletedProcess:
    """As a host does: with the system's Python, and no index to ask even if one is configured."""
    return subprocess.run(
        [SYSTEM_PYTHON, release / "install.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/none"},
        check=False,
    )


@pytest.fixture(scope="module")
def installed(unpacked) -> Path:
    done = install(unpacked)
    assert done.returncode == 0, done.stderr
    return unpacked


def test_the_name_is_version_and_commit(archive, unpacked):
    manifest = json.loads((unpacked / "manifest.json").read_text())
    found = re.fullmatch(r"firstbell-([0-9.]+\+g([0-9a-f]{10}).*)\.tar\.gz", archive.name)
    assert found
    assert manifest["version"] == found[1]
    assert manifest["commit"].startswith(found[2])
    subprocess.run(["git", "cat-file", "-e", manifest["commit"]], cwd=REPOSITORY, check=True)


def test_building_again_finds_what_is_there(archive):
    before = archive.stat().st_mtime_ns
    done = subprocess.run(
        [REPOSITORY / "bin/build"], capture_output=True, text=True, timeout=20, check=True
    )
    if done.stdout.splitlines()[-1] == str(
        archive.relative_to(REPOSITORY)
    ):  # nobody edits meanwhile
        assert "nothing changed" in done.stdout
        assert archive.stat().st_mtime_ns == before


def test_installed_offline_it_has_our_code_with_its_data(installed):
    code = (

        "import cluster.agent, cluster.cli, realtime.app, webapp, pathlib\n"
        "root = pathlib.Path(webapp.__file__).parents[1]\n"
        "print(*sorted(str(p.relative_to(root)) for room in ('cluster', 'realtime', 'webapp')"
        " for p in (root / room).rglob('*') if p.is_file()), sep='\\n')"
    )  # fmt: skip
    done = subprocess.run(
        [installed / "venv/bin/python", "-c", code],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = set(done.stdout.splitlines())
    tracked = subprocess.check_output(
        ["git", "ls-files", "cluster", "realtime", "webapp"], cwd=REPOSITORY, text=True
    ).splitlines()
    wanted = {
        re.sub(
            r"\.po$", ".mo", name
        )  # hosts need what is built from a catalogue, not the catalogue
        for name in tracked
        if not name.startswith(("cluster/local/", "webapp/frontend/"))
        and not re.fullmatch(r"[a-z]+/[A-Z]+\.md", name)  # the rooms' own documents
        and (REPOSITORY / name).exists()
    }
    assert {name for name in wanted if name.endswith((".sql", ".svg", ".md", ".mo"))}
    assert wanted <= found
    assert not [name for name in found if name.startswith(("cluster/local/", "webapp/frontend/"))]


def test_the_commands_of_a_host_are_there(installed):
    for command in ("clusterctl", "gunicorn"):
        subprocess.run(
            [installed / "venv/bin" / command, "--help"], cwd="/", capture_output=True, check=True
        )


def test_pages_roles_and_lock_are_there(unpacked):
    assert "<html" in (unpacked / "frontend/index.html").read_text()
    assert (unpacked / "frontend/board.html").exists()
    assert (unpacked / "ansible").is_dir()
    assert (unpacked / "requirements.lock").read_text() == (
        REPOSITORY / "requirements.lock"
    ).read_text()


def test_our_wheel_has_the_catalogues_that_hosts_answer_from(unpacked):
    (own,) = (unpacked / "wheels").glob("firstbell-*.whl")
    assert "webapp/locale/nl/LC_MESSAGES/django.mo" in zipfile.ZipFile(own).namelist()


def test_all_locked_packages_are_there_for_both_debians(unpacked):
    locked = re.findall(
        r"^([a-z0-9._-]+)==([^ ]+)", (unpacked / "requirements.lock").read_text(), re.M
    )
    wheels = [path.name.lower() for path in (unpacked / "wheels").iterdir()]
    assert len(locked) > 20
    for python in ("311", "313"):
        fitting = re.compile(rf"-(py2\.py3|py3|cp{python}|cp3\d+-abi3)-")
        for name, version in locked:
            start = f"{name.replace('-', '_')}-{version}-"
            assert [w for w in wheels if w.startswith(start) and fitting.search(w)], (start, python)


def test_the_manifest_names_every_file(unpacked):
    manifest = json.loads((unpacked / "manifest.json").read_text())
    with_sums = set(manifest["files"]) | {"manifest.json"}
    found = {
        str(path.relative_to(unpacked))
        for path in unpacked.rglob("*")
        if path.is_file() and "venv" not in path.relative_to(unpacked).parts
    }
    assert found - {".installed"} == with_sums


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_damaged_release_is_refused_before_anything_is_installed(archive, tmp_path, harm):
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (release,) = tmp_path.iterdir()
    wheel = next((release / "wheels").glob("django-*.whl"))
    if harm == "changed":
        wheel.write_bytes(wheel.read_bytes()[:-1])
    else:
        wheel.unlink()
    done = install(release)
    assert done.returncode == 1
    assert str(wheel) in done.stderr
    assert "unpack the archive again" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (release / "venv").exists()


def test_another_python_is_told_which_ones_will_do(unpacked):
    manifest = unpacked / "manifest.json"
    kept = manifest.read_text()
    manifest.write_text(json.dumps({**json.loads(kept), "python": ["3.9"]}))
    try:
        done = install(unpacked)
    finally:
        manifest.write_text(kept)
    assert done.returncode == 1
    assert "3.9" in done.stderr
