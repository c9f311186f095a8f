"""Role tokens: who may do what in which teaching session. The web application mints the same.

They are the only credential of a socket. Revocation is not in here: of boards it is in the document and in boards.py,
of teachers' devices in revocations.py. Beside them a board has a device token, which says that it is the same browser
as before and opens nothing by itself; and a teacher who was paired gets a proof of it, for the web application.
"""

import time
import uuid
from dataclasses import dataclass, field

import jwt

from realtime.errors import CLOSE_BAD_TOKEN, Refusal, bad_device

ALGORITHM = "HS256"
ISSUER = "firstbell"
AUDIENCE = "firstbell-realtime"
ROLES = ("teacher", "board")
BOARD_SECONDS = 30 * 24 * 3600
DEVICE_AUDIENCE, DEVICE_SECONDS = "firstbell-board", 400 * 24 * 3600  # anew at each pairing
PROOF_AUDIENCE, PROOF_SECONDS = "firstbell-remember", 3600
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
    issued: int = field(default=0, compare=False)
    """When, in seconds since 1970; 0 for one that is yet to be minted."""

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


def mint_device(board: str, key: str) -> str:
    """A token by which a board's browser is known again."""
    return _mint({"aud": DEVICE_AUDIENCE, "sub": board}, DEVICE_SECONDS, key)


def mint_proof(teacher: str, board: str, key: str) -> str:
    """A proof for the web application that this teacher was paired with this board just now."""
    return _mint({"aud": PROOF_AUDIENCE, "sub": teacher, "board": board}, PROOF_SECONDS, key)


def _mint(claims: dict[str, str], seconds: int, key: str) -> str:
    issued = int(time.time())
    times = {"iat": issued, "exp": issued + seconds}
    return jwt.encode({"iss": ISSUER, **claims, **times}, key, algorithm=ALGORITHM)


def verify_device(token: str, key: str) -> str:
    """The board's id; raises Refusal bad_device, after which it may go on as a new board."""
    try:
        claims = jwt.decode(
            token[:LONGEST_TOKEN],
            key,
            algorithms=[ALGORITHM],
            audience=DEVICE_AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub"]},
        )
        return str(uuid.UUID(str(claims["sub"])))
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise bad_device() from error


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
    issued = int(float(str(claims["iat"])))
    return Role(_uuid(session), role, subject, str(name or "")[:LONGEST_NAME], sign_in, issued)


def _uuid(value: object) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError as error:
        raise _bad("its session is not a UUID") from error


def _bad(why: str) -> Refusal:
    return Refusal("bad_token", f"This token can't be used: {why}.", CLOSE_BAD_TOKEN)
