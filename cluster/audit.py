"""Who did what to the cluster, and when: one line per operation, on every node that it reached (`mesh.audit`)."""

import getpass
import json
import os
import socket
from collections.abc import Mapping


def whoami() -> str:
    """Who operates: person@machine; the person behind sudo, if it was used."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"


def note(cursor, what: str, detail: Mapping[str, object], who: str | None = None) -> None:
    """A line in this node's audit; the time (UTC) is the database's."""
    cursor.execute(
        "insert into mesh.audit (who, what, detail) values (%s, %s, %s)",
        (who or whoami(), what, json.dumps(detail)),
    )
