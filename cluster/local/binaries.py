"""The programs of the system that a laptop cluster runs: where they are, and whether new enough."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

MIN_PYTHON = (3, 11)
MIN_POSTGRES = (15,)
MIN_NATS = (2, 9)
MIN_NGINX = (1, 18)
INSTALL = "run bin/install, which installs what is missing"
_POSTGRES_FOLDERS = Path("/usr/lib/postgresql")
_ADMIN_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Binaries:
    """Checked programs. `postgres` and `initdb` are of one version."""

    postgres: Path
    initdb: Path
    nats_server: Path
    nginx: Path


def find() -> Binaries:
    """Find and check everything. Raises ClusterError listing all that is missing or too old."""
    problems: list[str] = []
    if sys.version_info < MIN_PYTHON:
        found = ".".join(map(str, sys.version_info[:2]))
        problems.append(f"Python is {found}; Firstbell needs {_dotted(MIN_PYTHON)} or newer")
    postgres = _newest_postgres(problems)
    nats = _checked("nats-server", ["--version"], MIN_NATS, problems)
    nginx = _checked("nginx", ["-v"], MIN_NGINX, problems)
    if problems or not (postgres and nats and nginx):
        raise ClusterError("\n".join([*problems, f"To mend it: {INSTALL}"]))
    return Binaries(postgres / "postgres", postgres / "initdb", nats, nginx)


def _newest_postgres(problems: list[str]) -> Path | None:
    """The folder of the newest server on this machine, Debian's places first, then the PATH."""
    folders = [*_POSTGRES_FOLDERS.glob("*/bin"), *_folders_of_path("postgres")]
    versions = {folder: v for folder in folders if (v := _version_in(folder))}
    if not versions:
        problems.append("no PostgreSQL server (looked in /usr/lib/postgresql/*/bin and the PATH)")
        return None
    newest = max(versions, key=lambda folder: versions[folder])
    if versions[newest] < MIN_POSTGRES:
        problems.append(
            f"PostgreSQL is {_dotted(versions[newest])} ({newest}); Firstbell needs"
            f" {_dotted(MIN_POSTGRES)} or newer: Debian 12 has 15, Debian 13 has 17"
        )
        return None
    return newest


def _version_in(folder: Path) -> tuple[int, ...]:
    both = (folder / "postgres").exists() and (folder / "initdb").exists()
    return version_of([str(folder / "postgres"), "--version"]) if both else ()


def _folders_of_path(name: str) -> Iterable[Path]:
    found = shutil.which(name)
    return [Path(found).resolve().parent] if found else []


def _checked(
    name: str, arguments: list[str], minimum: tuple[int, ...], problems: list[str]
) -> Path | None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_FOLDERS}")
    if not found:
        problems.append(f"{name} is not installed")
        return None
    version = version_of([found, *arguments])
    if version < minimum:
        problems.append(
            f"{name} is {_dotted(version) or 'of unknown version'} ({found});"
            f" Firstbell needs {_dotted(minimum)} or newer"
        )
        return None
    return Path(found)


def version_of(command: list[str]) -> tuple[int, ...]:
    """The first version number a command prints, as numbers; empty when there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(r"(\d+(?:\.\d+)+|\d+)", done.stdout + done.stderr)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
