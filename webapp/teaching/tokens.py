"""Role tokens: who may do what in one teaching session. Realtime makes and reads the same ones.

JWT (RFC 7519), HS256, one key per cluster. Deliberately not told of revoked boards: realtime
refuses those; what a board can read here is the lesson it was shown anyway.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

ISSUER = "firstbell"
AUDIENCE = "firstbell-realtime"
ROLES = ("teacher", "board")
TEACHER_LIFETIME = timedelta(hours=12)


class BadToken(Exception):
    """The token cannot be used; `code` is bad_token or expired_token."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Role:
    session: str
    role: str
    subject: str
    name: str
    sign_in: str = ""
    """A teacher's: the sign-in that it was given to, with which it ends."""


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
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=10,  # seconds; hosts' clocks differ a little
            options={"require": ["exp", "iat", "sub", "sid", "role"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise BadToken(
            "expired_token", "This pairing has expired. Pair the board again."
        ) from error
    except jwt.InvalidTokenError as error:
        raise BadToken("bad_token", "This is not a valid role token.") from error
    if claims["role"] not in ROLES:
        raise BadToken("bad_token", "This role token is for another use.")
    name, sign_in = str(claims.get("name", "")), str(claims.get("sign_in", ""))
    return Role(str(claims["sid"]), claims["role"], claims["sub"], name, sign_in)
