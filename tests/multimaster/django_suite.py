"""Django's own test suite against a live mesh: `make django-suite`.

Fetches the source archive of the Django that is installed, starts two meshes of bare nodes, and runs runtests.py label by
label. The suite wants two databases that have nothing to do with each other: `default` is node 1 of one mesh, `other`
node 1 of a second one. After each label, and within it before each flush (django_runner.py), all nodes of a mesh must hold
the same. Failures that are explained stand in django_suite.toml; one that no longer fails is an error.
"""

import difflib
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import click

from tests.support.nodes import CREDENTIALS, Nodes, running_mesh

REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / ".run" / "django-suite"
LABELS = (
    "basic", "backends", "bulk_create", "contenttypes_tests", "auth_tests", "sessions_tests", "delete",
    "fixtures", "many_to_many", "m2m_through", "migrations", "schema", "transactions", "update", "model_fields",
)  # fmt: skip

SETTINGS = """\
# Written by tests/multimaster/django_suite.py; not to be kept.
SECRET_KEY = "only for tests"
USE_TZ = False
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEST_RUNNER = "tests.multimaster.django_runner.MeshRunner"
DATABASES = {
"""


class SuiteError(click.ClickException):
    """The suite can't be run, or not to its end."""


def source() -> Path:
    """Folder of the source archive's tests. Fetched once by pip, checked against the hashes in requirements.lock."""
    version = metadata.version("Django")
    tests = CACHE / f"django-{version}" / "tests"
    if tests.is_dir():
        return tests
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    entry = re.search(rf"^django=={re.escape(version)} .*?(?=^\S)", lock, re.I | re.S | re.M)
    if entry is None:
        raise SuiteError(
            f"Django {version} is installed, but requirements.lock has another; run bin/install"
        )
    wanted = CACHE / "wanted.txt"
    wanted.write_text(entry[0], encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-binary", ":all:",
        "--no-deps", "--no-build-isolation", "--require-hashes", "--dest", str(CACHE), "-r", str(wanted),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    archive = CACHE / f"django-{version}.tar.gz"
    if done.returncode or not archive.exists():
        raise SuiteError(f"pip could not fetch Django {version}'s source:\n{done.stderr[-2000:]}")
    with tarfile.open(archive) as tar:
        tar.extractall(CACHE, filter="data")
    return tests


def settings_text(meshes: dict[str, Nodes]) -> str:
    """A settings module: each alias is node 1 of a mesh of its own."""
    text = SETTINGS
    for alias, nodes in meshes.items():
        ports = [nodes.topology.host(n).ports.postgres for n in nodes.numbers]
        text += (
            f'    "{alias}": {{"ENGINE": "webapp.multimaster", "HOST": "127.0.0.1", "PORT": {ports[0]},\n'
            f'        "NAME": "unused", "USER": "firstbell", "PASSWORD": "{CREDENTIALS.app}",\n'
            f'        "TEST": {{"NAME": "{nodes.topology.database}", "MESH": True, "PORTS": {ports}}}}},\n'
        )
    return text + "}\n"


def run_label(label: str, tests: Path, settings: Path) -> int:
    """Run one label in a process of its own; its exit code."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{settings.parent}:{REPOSITORY}",
        "FIRSTBELL_TEST_SUPERUSER": CREDENTIALS.superuser,
    }
    command = [
        sys.executable, "runtests.py", f"--settings={settings.stem}", "--parallel=1", "--noinput", label,
    ]  # fmt: skip
    return subprocess.run(command, cwd=tests, env=environment).returncode


def refuse_unknown(labels: Sequence[str], tests: Path) -> None:
    """Raises UsageError (exit code 2) for a label that the suite does not have."""
    known = sorted(p.name for p in tests.iterdir() if (p / "__init__.py").exists())
    for label in labels:
        if label.split(".")[0] not in known:
            close = difflib.get_close_matches(label, known, n=1)
            raise click.UsageError(
                f"Django's suite has no label {label!r}"
                + (f"; did you mean {close[0]!r}?" if close else "")
            )


def run(labels: Sequence[str], tests: Path, meshes: dict[str, Nodes], folder: Path) -> list[str]:
    """Run the labels one by one, and say how long each took; those that failed. `folder` is for the settings module."""
    settings = folder / "suite_settings.py"
    settings.write_text(settings_text(meshes), encoding="utf-8")
    failed = []
    for label in labels:
        began = time.monotonic()
        if run_label(label, tests, settings):
            failed.append(label)
        seconds = time.monotonic() - began
        click.echo(f"==> {label}: {'FAILED' if label in failed else 'ok'} in {seconds:.0f} s")
    return failed


@click.command()
@click.option(
    "--hosts", type=click.IntRange(1, 5), default=3, show_default=True, help="nodes per mesh"
)
@click.argument("labels", nargs=-1)
def main(hosts: int, labels: tuple[str, ...]) -> None:
    """Run Django's test suite on a live mesh: LABELS of it, or those that the mesh must pass."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the meshes are stopped on the way out
    tests = source()
    refuse_unknown(labels, tests)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="firstbell-suite-") as folder,
        running_mesh(hosts) as default,
        running_mesh(hosts) as other,
    ):
        failed = run(labels or LABELS, tests, {"default": default, "other": other}, Path(folder))
    if failed:
        raise SuiteError(f"failed: {', '.join(failed)}")
    click.echo(f"all ok in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
