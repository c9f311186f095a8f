"""The errors that features raise, each with its one JSON body: {"code", "message", "fields"}.

Deliberately imports nothing of Django: ids and tokens use it before any application is set up.
"""

from typing import Any


class ApiError(Exception):
    """An answer other than success; `extra` joins the body beside code, message and fields."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: dict[str, Any] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message, "fields": fields or {}}
        self.body.update(extra)


class NotFound(ApiError):
    def __init__(self, what: str) -> None:
        super().__init__(404, "not_found", f"There is no such {what} for you.")
