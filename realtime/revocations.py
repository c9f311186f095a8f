"""Teachers' devices that were signed out: their role tokens are good for hours, their sign-ins are not.

Asked of this host's Postgres, in a table of the web application: every two seconds what ended lately. So a token is
refused, and its sockets are closed, within seconds of the sign-out. With Postgres down what was known stays known, and
live lessons go on: a device that is signed out meanwhile is told when Postgres is back. Boards are not in here; their
pairing ends in the document.
"""

from collections.abc import Callable
from typing import Any

from realtime.looks import Look

LONGEST_TOKEN_HOURS = 13
"""A teacher's token lives for 12; hosts' clocks differ a little."""
ENDED = f"""
SELECT id::text FROM accounts_signin
WHERE ended_at IS NOT NULL AND ended_at > now() - interval '{LONGEST_TOKEN_HOURS} hours'
"""  # noqa: S608


class Revocations(Look[frozenset[str]]):
    """The sign-ins that have ended. `on_ended` is called when there are new ones."""

    def __init__(self, url: str, on_ended: Callable[[], None]) -> None:
        super().__init__(url, "sign-outs")
        self._on_ended = on_ended
        self._ended: frozenset[str] = frozenset()

    def __contains__(self, sign_in: str) -> bool:
        return sign_in in self._ended

    def _fetch(self, cursor: Any, question: Any) -> frozenset[str]:
        cursor.execute(ENDED)
        return frozenset(row[0] for row in cursor.fetchall())

    def _seen(self, found: frozenset[str], question: Any, now: float) -> None:
        new = found - self._ended
        self._ended = found
        if new:
            self._on_ended()
