"""Role tokens: who may do what in which teaching session. The web application mints the same.

They are the only credential of a socket. Revocation is not in here: of boards it is in the document, of teachers'
devices in revocations.py.
"""

import time
import uuid
from dataclasses import dataclass

import jwt

from realtime.errors import CLOSE_BAD_TOKEN, Refusal

ALGORITHM = "HS256"
ISSUER = "firstbell"
AUDIENCE = "firstbell-realtime"
ROLES = ("teacher", "board")
BOARD_SECONDS = 30 * 24 * 3600
LEEWAY_SECONDS = 10  # hosts' clocks are kept by chrony; a fresh token may seem to be of tomorrow
LONGEST_TOKEN = 4096
LONGEST_NAME = 200


@dataclass(frozen=True)
class Role:
    """What a verified token says: role in one session; `subject` is a user or a pairing."""

    session: str
    role: str
    subject: str
    name: str
    sign_in: str = ""
    """A teacher's: the sign-in the token was given to, with which it ends (revocations.py). "": an older token."""

    @property
    def is_teacher(self) -> bool:
        return self.role == "teacher"


def mint(role: Role, key: str, seconds: int = BOARD_SECONDS, now: float | None = None) -> str:
    """A signed token for `role`, valid for `seconds` from now."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sid": role.session,
        "role": role.role,
        "sub": role.subject,
        "name": role.name,
        **({"sign_in": role.sign_in} if role.sign_in else {}),
        "iat": issued,
        "exp": issued + seconds,
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def verify(token: str, key: str) -> Role:
    """The role a token gives; raises Refusal (expired_token or bad_token)."""
    if len(token) > LONGEST_TOKEN:
        raise _bad("it is too long")
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "sid", "role"]},
        )
    except jwt.ExpiredSignatureError as error:
        message = "The token has expired. Fetch a new one, or pair the board again."
        raise Refusal("expired_token", message, CLOSE_BAD_TOKEN) from error
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise _bad("it is not signed by this school") from error
    return _role(claims)


def _role(claims: dict[str, object]) -> Role:
    role, subject, session = claims["role"], claims["sub"], claims["sid"]
    if role not in ROLES or not isinstance(role, str):
        raise _bad("its role is unknown")
    if not isinstance(subject, str) or not subject or len(subject) > LONGEST_NAME:
        raise _bad("its subject is missing")
    name = claims.get("name")
    sign_in = str(claims.get("sign_in") or "")[:LONGEST_NAME]
    return Role(_uuid(session), role, subject, str(name or "")[:LONGEST_NAME], sign_in)


def _uuid(value: object) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError as error:
        raise _bad("its session is not a UUID") from error


def _bad(why: str) -> Refusal:
    return Refusal("bad_token", f"This token can't be used: {why}.", CLOSE_BAD_TOKEN)
