"""Role tokens: who may do what in one teaching session. Realtime makes and reads the same ones.

JWT (RFC 7519), HS256, one key per cluster. Beside role tokens, realtime gives a board a device token, by which it is
known again, and the teacher a proof that she was paired with it. Which boards were forgotten is asked in boards.py.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from webapp.api.messages import Message

ISSUER = "firstbell"
AUDIENCE = "firstbell-realtime"
DEVICE_AUDIENCE = "firstbell-board"
PROOF_AUDIENCE = "firstbell-remember"
ROLES = ("teacher", "board")
TEACHER_LIFETIME = timedelta(hours=12)


class BadToken(Exception):
    """The token cannot be used; `code` is bad_token or expired_token."""

    def __init__(self, code: str, message: Message) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Role:
    session: str
    role: str
    subject: str
    name: str
    sign_in: str = ""
    """A teacher's: the sign-in that it was given to, with which it ends."""
    issued: datetime | None = None


def mint_teacher(key: str, session: UUID, user: UUID, name: str, sign_in: UUID | None) -> str:
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sid": str(session),
        "role": "teacher",
        "sub": str(user),
        "name": name,
        **({"sign_in": str(sign_in)} if sign_in else {}),
        "iat": now,
        "exp": now + TEACHER_LIFETIME,
    }
    return jwt.encode(claims, key, algorithm="HS256")


def verify(key: str, token: str) -> Role:
    """The role a token gives. Raises BadToken."""
    claims = _decode(key, token, AUDIENCE, ["exp", "iat", "sub", "sid", "role"])
    if claims["role"] not in ROLES:
        raise BadToken("bad_token", Message("This role token is for another use."))
    name, sign_in = str(claims.get("name", "")), str(claims.get("sign_in", ""))
    issued = datetime.fromtimestamp(claims["iat"], UTC)
    return Role(str(claims["sid"]), claims["role"], claims["sub"], name, sign_in, issued)


def verify_device(key: str, token: str) -> UUID:
    """Which board it is. Raises BadToken."""
    claims = _decode(key, token, DEVICE_AUDIENCE, ["exp", "iat", "sub"])
    return _uuid(claims["sub"])


def verify_proof(key: str, token: str, teacher: UUID, board: UUID) -> datetime:
    """When this teacher was paired with this board, within the hour. Raises BadToken."""
    claims = _decode(key, token, PROOF_AUDIENCE, ["exp", "iat", "sub", "board"])
    if (str(claims["sub"]), _uuid(claims["board"])) != (str(teacher), board):
        raise BadToken("bad_token", Message("This proof is of another pairing."))
    return datetime.fromtimestamp(claims["iat"], UTC)


def _decode(key: str, token: str, audience: str, required: list[str]) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            audience=audience,
            issuer=ISSUER,
            leeway=10,  # seconds; hosts' clocks differ a little
            options={"require": required},
        )
    except jwt.ExpiredSignatureError as error:
        message = Message("This pairing has expired. Pair the board again.")
        raise BadToken("expired_token", message) from error
    except jwt.InvalidTokenError as error:
        raise BadToken("bad_token", Message("This is not a valid role token.")) from error


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise BadToken("bad_token", Message("This token names no board.")) from error
