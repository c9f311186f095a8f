"""The random values a laptop cluster needs, one file each, readable by their owner only.

They never reach the repository, a command line or a log. Production gets its own from Ansible.
"""

import os
import secrets as random_source
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Secrets:
    """Values by the names of their files under `secrets/`."""

    postgres_password: str
    app_password: str
    replication_password: str
    django_secret_key: str
    realtime_key: str
    nats_password: str
    supervisor_password: str


def load_or_create(folder: Path) -> Secrets:
    """Read all secrets, making those that don't exist yet."""
    return Secrets(**{f.name: _load_or_create(folder / f.name) for f in fields(Secrets)})


def load(folder: Path) -> Secrets:
    """Read all secrets. Raises FileNotFoundError if the cluster was never made."""
    return Secrets(**{f.name: (folder / f.name).read_text().strip() for f in fields(Secrets)})


def _load_or_create(path: Path) -> str:
    if not path.exists():
        write_private(path, random_source.token_hex(32) + "\n")
    return path.read_text().strip()


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read, never visible half-written or more openly."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    draft.replace(path)
