"""The errors of this room. A Refusal is told to the client; the others stay on this side."""


class RealtimeError(Exception):
    """Base class of all errors of this room."""


class SettingsError(RealtimeError):
    """A variable is missing or wrong; the message names it."""


class Refusal(RealtimeError):
    """The client is told `code` and `message`; the socket is closed if `close_code` is given."""

    def __init__(self, code: str, message: str, close_code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = code in RETRYABLE
        self.close_code = close_code
        self.pairing: str | None = None
        """Which one the answer is about, if about one: it may come when the page is at another."""


RETRYABLE = frozenset(
    {
        "pair.too_many_tries", "pair.too_early", "pair.not_waiting", "pair.unreachable", "too_fast",
        "internal",
    }
)  # fmt: skip

CLOSE_RESTART = 1012
CLOSE_BAD_FRAME = 4400
CLOSE_BAD_TOKEN = 4401
CLOSE_REVOKED = 4403
CLOSE_IDLE = 4408
CLOSE_TOO_SLOW = 4409


def bad_frame(message: str) -> Refusal:
    """A frame that doesn't follow PROTOCOL.md."""
    return Refusal("bad_frame", message)


def read_only() -> Refusal:
    """A board tried what only teachers may do."""
    return Refusal("read_only", "A board can look, but not change anything.")


def signed_out() -> Refusal:
    """The teacher's device was signed out."""
    return Refusal("bad_token", "This device was signed out. Sign in again.", CLOSE_BAD_TOKEN)


def bad_device() -> Refusal:
    """What a board said it is can't be believed; it may go on as a new one."""
    message = "This board is not known here any more. It can be paired by its code."
    return Refusal("bad_device", message)


def revoked() -> Refusal:
    """The board's pairing has ended."""
    return Refusal("revoked", "This board was disconnected. Pair it again.", CLOSE_REVOKED)
