"""Who may do what: tokens with roles, and sessions of the page. Only hashes are stored.

Tokens are 256 random bits, so a fast hash is enough: there is nothing to guess.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from provisioner.errors import conflict, forbidden, invalid, not_found
from provisioner.store import Environment, Store, now

PREFIX = "fbp_"
"""So that scanners of repositories recognise a token that leaked."""

SESSION_LIFE = timedelta(hours=12)
NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")


class Role(IntEnum):
    """Each may do all that the ones before it may."""

    VIEWER = 1  # look at everything but credentials
    DEVELOPER = 2  # create; extend and destroy what is theirs
    OPERATOR = 3  # extend and destroy anybody's; hand out tokens


@dataclass(frozen=True)
class Person:
    """Whoever holds a token: a developer, or a machine such as the pipeline."""

    name: str
    role: Role
    csrf: str | None = None
    """Of the page's session; None for those who came with a token."""

    def must_be(self, role: Role) -> None:
        if self.role < role:
            raise forbidden(
                f"This needs the role {role.name.lower()}; {self.name} is {self.label}."
            )

    def must_own(self, environment: Environment) -> None:
        self.must_be(Role.DEVELOPER)
        if self.name != environment.owner and self.role < Role.OPERATOR:
            raise forbidden(
                f"{environment.name} is {environment.owner}'s: ask them, or an operator."
            )

    def may_change(self, environment: Environment) -> bool:
        return self.role is Role.OPERATOR or (
            self.role is Role.DEVELOPER and self.name == environment.owner
        )

    @property
    def label(self) -> str:
        return self.role.name.lower()


def put_token(store: Store, by: str, name: str, role: str) -> str:
    """Make a token, or replace the one of that name: the old one ends. Returns the only copy of it."""
    wrong = {}
    if not NAME.fullmatch(name):
        wrong["name"] = (
            f"name: {name!r} can't be a name. Expected a letter, then a-z, 0-9, . _ or -."
        )
    if role.upper() not in Role.__members__:
        wrong["role"] = f"role: {role!r} is not viewer, developer or operator."
    if wrong:
        raise invalid(wrong)
    token = PREFIX + secrets.token_urlsafe(32)
    with store.change() as db:
        db.put_token(name, role=role.lower(), hash=digest(token), created_by=by)
        db.audit(by, "token", None, f"{name} is {role.lower()}")
    return token


def delete_token(store: Store, by: str, name: str) -> None:
    if by == name:
        raise conflict("own_token", "This is the token you use: ask another operator to end it.")
    with store.change() as db:
        if not db.delete_token(name):
            raise not_found(f"There is no token {name}.")
        db.audit(by, "token-end", None, name)


def by_token(store: Store, token: str) -> Person | None:
    with store.look() as db:
        found = db.token(hash=digest(token.strip()))
    return Person(found.name, Role[found.role.upper()]) if found else None


def sign_in(store: Store, token: str) -> str | None:
    """A session's cookie value, or None if nobody has such a token."""
    person = by_token(store, token)
    if person is None:
        return None
    cookie = secrets.token_urlsafe(32)
    with store.change() as db:
        db.add_session(
            hash=digest(cookie),
            token_hash=digest(token.strip()),
            csrf=secrets.token_urlsafe(24),
            expires_at=now() + SESSION_LIFE,
        )
        db.audit(person.name, "sign-in")
    return cookie


def by_session(store: Store, cookie: str) -> Person | None:
    """Ends with its token: it names the token, not the person."""
    with store.look() as db:
        session = db.session(digest(cookie))
        found = db.token(hash=session[0]) if session else None
    if session is None or found is None:
        return None
    return Person(found.name, Role[found.role.upper()], session[1])


def sign_out(store: Store, cookie: str) -> None:
    with store.change() as db:
        db.delete_session(digest(cookie))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
