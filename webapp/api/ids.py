"""UUIDs: made here for rows people see, checked here when a client made them.

Version 7 (RFC 9562, section 5.7) because it sorts by time, which keeps index pages together.
"""

import hashlib
import secrets
import time
import uuid
from functools import reduce

from webapp.api.errors import ApiError
from webapp.api.messages import Message


def uuid7() -> uuid.UUID:
    """A new UUID version 7: 48 bits of Unix milliseconds, 74 random bits."""
    return _build(time.time_ns() // 1_000_000, secrets.randbits(74))


def derived_uuid7(parent: uuid.UUID, name: str) -> uuid.UUID:
    """A UUID version 7 with the parent's time, the same on every host for the same name."""
    digest = hashlib.sha256(parent.bytes + name.encode()).digest()
    return _build(parent.int >> 80, int.from_bytes(digest) & ((1 << 74) - 1))


def _build(milliseconds: int, random_bits: int) -> uuid.UUID:
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 7 << 76 | (random_bits >> 62) << 64
    return uuid.UUID(int=value | 0b10 << 62 | random_bits & ((1 << 62) - 1))


def _either(one: str, other: str) -> str:
    return Message("%(one)s or %(other)s", one=one, other=other)


def parse_uuid(text: str, what: str, versions: tuple[int, ...] = (7,)) -> uuid.UUID:
    """The UUID in its one spelling: lower case with dashes. Raises ApiError 400 `bad_id`."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text or found.version not in versions:
        message = Message(
            "%(what)s must be a UUID of version %(versions)s in lower case, but is %(found)s.",
            what=what,
            versions=reduce(_either, map(str, versions)),
            found=repr(text[:60]),
        )
        raise ApiError(400, "bad_id", message, {what: [message]})
    return found
