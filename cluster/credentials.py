"""Passwords of the database roles that operate the mesh. Read from a file that only its owner may read."""

import os
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from cluster.errors import TopologyError


@dataclass(frozen=True)
class Credentials:
    """`superuser` (role postgres) operates the mesh, `replication` carries it, `app` owns the database."""

    superuser: str = field(repr=False)
    replication: str = field(repr=False)
    app: str = field(repr=False)


def load(path: Path) -> Credentials:
    """Read `secrets.toml` beside `cluster.toml`.

    Raises TopologyError when it is missing, open to others or incomplete.
    """
    try:
        if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            raise TopologyError(f"{path} can be read by others; run: chmod 600 {path}")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TopologyError(f"no secrets at {path}; they belong beside cluster.toml") from None
    except tomllib.TOMLDecodeError as error:
        raise TopologyError(f"{path} is not valid TOML: {error}") from None
    names = {
        "superuser": "postgres_password",
        "replication": "replication_password",
        "app": "app_password",
    }
    missing = [name for name in names.values() if not values.get(name)]
    if missing:
        raise TopologyError(f"{path} lacks {', '.join(missing)}")
    return Credentials(**{field_name: values[name] for field_name, name in names.items()})
