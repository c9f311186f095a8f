"""The errors of this room. A Refusal is told to whoever asked; the others stay on this side."""


class ProvisionerError(Exception):
    """Base class of all errors of this room: one line that says what was found and what to do."""


class SettingsError(ProvisionerError):
    """A variable is missing or wrong; the message names it."""


class CatalogueError(ProvisionerError):
    """A provider or template can't be used; the message names its file and what is wrong in it."""


class ResultError(ProvisionerError):
    """What a provider's playbook left behind is not what the contract asks for."""


class Refusal(ProvisionerError):
    """An answer of the API other than success: `{code, message, fields}` with an HTTP status."""

    def __init__(
        self, status: int, code: str, message: str, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields or {}

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message, "fields": self.fields}


def invalid(fields: dict[str, str]) -> Refusal:
    """What was entered can't be used; `fields` says which entry, and why."""
    return Refusal(422, "invalid", " ".join(fields.values()), fields)


def not_found(what: str) -> Refusal:
    return Refusal(404, "not_found", what)


def conflict(code: str, message: str, fields: dict[str, str] | None = None) -> Refusal:
    return Refusal(409, code, message, fields)


def forbidden(message: str) -> Refusal:
    return Refusal(403, "forbidden", message)
