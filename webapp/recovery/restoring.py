"""Write again what was lost to a conflict. The rules stand in the data layer (mesh.restoration)."""

import json
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils.translation import gettext


class NotRestored(Exception):
    """Why not, for a person."""


def current_row(identity: str) -> dict[str, Any] | None:
    """The row as it is now, text forms by column; None: it is not in its table."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "select now_row::text from mesh.restoration(%s, null, '{}', true)", [identity]
            )
            text = cursor.fetchone()[0]
    except DatabaseError:
        return None
    return None if text is None else dict(json.loads(text))


def restore(
    identity: str, columns: list[str] | None, given: dict[str, str | None], anyway: bool
) -> bool:
    """As an ordinary change; False: the row was so already. Raises NotRestored."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "select mesh.restore_lost(%s, %s, %s::jsonb, %s)",
                [identity, columns, json.dumps(given), anyway],
            )
            return bool(cursor.fetchone()[0])
    except IntegrityError as error:
        what = {"reason": _first_line(error)}
        raise NotRestored(gettext("%(reason)s Give it another value.") % what) from None
    except DatabaseError as error:
        raise NotRestored(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    diagnostics = getattr(error.__cause__, "diag", None)
    parts = [getattr(diagnostics, name, None) for name in ("message_primary", "message_detail")]
    return ". ".join(part.rstrip(".") for part in parts if part) + "." if any(parts) else str(error)
