"""The environment file: what creating an environment leaves, and all that a visitor of it needs to know.

Only parsed here; the providers' playbooks write it. It holds passwords of demonstration accounts.
"""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.errors import EnvironmentFileError

Origin = Annotated[str, Field(pattern=r"^https?://[^/]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Host(_Part):
    """A host as browsers know it; `address` is where this machine reaches it, if it is told."""

    name: str
    public_url: Origin
    address: str | None = None


class User(_Part):
    """Somebody who can sign in."""

    username: str
    password: str = Field(repr=False)


class Environment(_Part):
    """A checked environment file. `ca_file` is None when the certificates are publicly trusted."""

    name: str
    page_url: Origin
    hosts: Annotated[tuple[Host, ...], Field(min_length=1)]
    users: Annotated[tuple[User, ...], Field(min_length=1)]
    ca_file: Path | None = None
    template: str | None = None
    domain: str | None = None


def load(path: Path) -> Environment:
    """Read and check an environment file. Raises EnvironmentFileError that names the file and the entry."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EnvironmentFileError(f"no environment file at {path}: {error.strerror}") from None
    except ValueError as error:
        raise EnvironmentFileError(f"{path} is not valid JSON: {error}") from None
    try:
        return Environment.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg'].lower()}"
            for one in error.errors()
        )
        raise EnvironmentFileError(f"{path} is no environment file: {faults}") from None
