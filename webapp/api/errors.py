"""The errors that features raise, each with its one JSON body: {"code", "message", "fields"}.

Deliberately imports nothing of Django: ids and tokens use it before any application is set up.
"""

from typing import Any

from webapp.api.messages import Message


class ApiError(Exception):
    """An answer other than success; `extra` joins the body beside code, message and fields.

    The body is in English; who answers with it has it shown (messages.py).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: Message,
        fields: dict[str, Any] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message, "fields": fields or {}}
        self.body.update(extra)


class NotFound(ApiError):
    def __init__(self, what: Message) -> None:
        message = Message("There is no such %(what)s for you.", what=what)
        super().__init__(404, "not_found", message)
