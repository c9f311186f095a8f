"""The random values a laptop cluster needs, in `secrets.toml`, readable by their owner only.

They never reach the repository, a command line or a log. `cluster.credentials` reads the database
roles' part of the same file. Production gets its own from Ansible.
"""

import os
import secrets as random_source
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass(frozen=True)
class Secrets:
    """Values by their names in `secrets.toml`."""

    postgres_password: str = field(repr=False)
    app_password: str = field(repr=False)
    replication_password: str = field(repr=False)
    django_secret_key: str = field(repr=False)
    realtime_key: str = field(repr=False)
    nats_password: str = field(repr=False)
    supervisor_password: str = field(repr=False)


def load_or_create(path: Path) -> Secrets:
    """Read the secrets, making those that don't exist yet."""
    values = tomllib.loads(path.read_text()) if path.exists() else {}
    names = [f.name for f in fields(Secrets)]
    if any(name not in values for name in names):
        values = {name: values.get(name) or random_source.token_hex(32) for name in names}
        write_private(path, "".join(f'{name} = "{value}"\n' for name, value in values.items()))
    return Secrets(**{name: values[name] for name in names})


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read, never visible half-written or more openly."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    draft.replace(path)
