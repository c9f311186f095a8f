"""What `/readyz` says about mail. A host with mail trouble is ready all the same: pages need no mail to be sent."""

import sqlite3
import time

from webapp.mail.backend import outbox
from webapp.mail.sender import alive_file


def figures() -> dict[str, object]:
    """`sender_seconds`: since the sender was last seen at work; None: never. `error` when the outbox can't be read."""
    try:
        counts = outbox().counts()
    except (OSError, sqlite3.Error) as error:
        return {"error": f"{outbox().path}: {error}"}
    try:
        seen: float | None = round(max(0.0, time.time() - alive_file(outbox()).stat().st_mtime), 1)
    except OSError:
        seen = None
    return {
        "waiting": counts.waiting,
        "oldest_seconds": round(counts.oldest_seconds, 1),
        "dead": counts.dead,
        "sender_seconds": seen,
    }
