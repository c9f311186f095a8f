"""The desk: what people may ask for. Checks, writes down what is wanted, wakes the keeper; never does it itself.

The page and the API both come here, so that both say the same.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from provisioner import bell
from provisioner.access import Person, Role
from provisioner.catalogue import Catalogue, Template, check_name
from provisioner.errors import CatalogueError, Refusal, conflict, forbidden, invalid, not_found
from provisioner.lifecycle import State, Wanted, describe
from provisioner.settings import Settings
from provisioner.store import Change, Environment, Store, environments, now

RECENT = timedelta(hours=24)
"""How long the list still shows what has ended."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to have."""

    template: str
    variables: Mapping[str, object]
    ttl: timedelta | None = None
    keep: bool = False


class Desk:
    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.catalogue = Catalogue(settings.ansible, settings.default_ttl)

    # ---- looking

    def get(self, name: str) -> Environment:
        found = self.store.environment(name)
        if found is None:
            raise not_found(f"There is no environment {name!r}.")
        return found

    def listed(self) -> list[Environment]:
        """The open ones, then those that ended within the last day."""
        with self.store.look() as db:
            return db.environments(open=True)[::-1] + db.closed_since(now() - RECENT)

    def template(self, name: str) -> Template:
        try:
            return self.catalogue.template(name)
        except CatalogueError as error:
            raise invalid({"template": f"template: {error}"}) from error

    # ---- wanting

    def create(self, person: Person, name: str, wish: Wish) -> tuple[Environment, bool]:
        """The environment, and whether it is new. Asked again in the same words, it is the same."""
        person.must_be(Role.DEVELOPER)
        wrong: dict[str, str] = {}
        values: dict[str, Any] = {}
        for check in (
            lambda: check_name(name),
            lambda: values.update(self._checked(wish)),
        ):
            try:
                check()
            except Refusal as refusal:
                wrong |= refusal.fields
        if wrong:
            raise invalid(wrong)
        values |= {"name": name, "owner": person.name, "keep": wish.keep}
        try:
            with self.store.change() as db:
                if existing := self._existing(db, values):
                    return existing, False
                self._check_quota(db, person)
                id = db.add_environment(
                    **values,
                    state=State.REQUESTED,
                    wanted=Wanted.PRESENT,
                    open=True,
                    created_at=now(),
                )
                db.audit(person.name, "create", name, _told(wish, values))
                made = db.environment_by_id(id)
        except IntegrityError as error:  # only were two writers at work at once
            raise _taken(name) from error
        bell.ring(self.settings.wake)
        assert made is not None
        return made, True

    def _checked(self, wish: Wish) -> dict[str, Any]:
        template = self.template(wish.template)
        wrong: dict[str, str] = {}
        values: dict[str, Any] = {}
        try:
            values = template.check(wish.variables)
        except Refusal as refusal:
            wrong |= refusal.fields
        ttl = wish.ttl if wish.ttl is not None else min(template.ttl, self.settings.max_ttl)
        if not timedelta(seconds=1) <= ttl <= self.settings.max_ttl:
            most = describe(self.settings.max_ttl)
            wrong["ttl_seconds"] = f"ttl_seconds: expected at least a second and at most {most}."
        if wrong:
            raise invalid(wrong)
        return {
            "template": template.name,
            "provider": template.provider,
            "variables": values,
            "ttl_seconds": int(ttl.total_seconds()),
        }

    def _existing(self, db: Change, values: Mapping[str, Any]) -> Environment | None:
        found = db.environment(values["name"])
        if found is None or not found.open:
            return None
        if found.wanted is Wanted.ABSENT:
            raise conflict(
                "being_destroyed",
                f"{found.name} is just being destroyed: wait until it is gone, or take another name.",
                {"name": "name: is being destroyed."},
            )
        same = all(getattr(found, key) == value for key, value in values.items())
        if not same:
            raise _taken(found.name)
        return found

    def _check_quota(self, db: Change, person: Person) -> None:
        all_open = db.environments(open=True)
        theirs = [e for e in all_open if e.owner == person.name]
        limits = self.settings
        if len(theirs) >= limits.max_per_person:
            names = ", ".join(e.name for e in theirs)
            raise conflict(
                "quota",
                f"{person.name} has {len(theirs)} environments ({names}), the most one person may "
                "have: destroy one first.",
            )
        if len(all_open) >= limits.max_environments:
            raise conflict(
                "quota",
                f"There are {len(all_open)} environments, the most there may be: somebody has to "
                "destroy one first.",
            )

    def destroy(self, person: Person, name: str) -> Environment:
        """Asked twice, also at once, it is the same one destroying."""
        found = self.get(name)
        person.must_own(found)
        if found.open:
            with self.store.change() as db:
                fresh = db.environment_by_id(found.id)
                assert fresh is not None
                at_it = fresh.wanted is Wanted.ABSENT and fresh.state is not State.FAILED
                if fresh.open and not at_it:
                    db.set_environment(
                        found.id, wanted=Wanted.ABSENT, next_try_at=now(), destroy_failure=None
                    )
                    db.audit(person.name, "destroy", name, f"it was {fresh.state}")
            bell.ring(self.settings.wake)
        return self.get(name)

    def extend(self, person: Person, name: str, ttl: timedelta) -> Environment:
        """Let it live for `ttl` from now; may also shorten."""
        found = self.get(name)
        person.must_own(found)
        if found.expires_at is None or found.wanted is Wanted.ABSENT:
            raise conflict(
                "not_ready", f"{name} is {found.state}: only what is ready can be extended."
            )
        wanted = now() + ttl
        last = self.last_moment(found)
        if ttl < timedelta(seconds=1) or wanted > last:
            raise invalid(
                {
                    "ttl_seconds": "ttl_seconds: an environment may live "
                    f"{describe(self.settings.max_ttl)} in all; for {name} that is until "
                    f"{last:%Y-%m-%d %H:%M} UTC, {describe(last - now())} from now."
                }
            )
        with self.store.change() as db:
            done = db.set_environment(
                found.id,
                environments.c.wanted == str(Wanted.PRESENT),
                environments.c.open,
                expires_at=wanted,
            )
            if done:
                db.audit(person.name, "extend", name, f"until {wanted:%Y-%m-%d %H:%M} UTC")
        if not done:
            raise conflict("not_ready", f"{name} is being destroyed.")
        bell.ring(self.settings.wake)
        return self.get(name)

    def last_moment(self, environment: Environment) -> datetime:
        """Until when it may be extended at most."""
        return (environment.ready_at or environment.created_at) + self.settings.max_ttl

    def show_credentials(self, person: Person, name: str, claim: str) -> list[dict[str, Any]]:
        """Once: to the creator, under a name for this showing that they chose at random.

        The same showing may be repeated for a minute, so that a lost answer loses nothing; then they
        are deleted.
        """
        if not 16 <= len(claim) <= 64 or not claim.replace("-", "").isalnum():
            raise invalid({"claim": "claim: expected 16 to 64 random letters and digits."})
        with self.store.change() as db:
            found = db.environment(name)
            if found is None:
                raise not_found(f"There is no environment {name!r}.")
            if found.owner != person.name:
                raise forbidden(
                    f"Only {found.owner}, who created {name}, is shown its credentials."
                )
            if found.ready_at is None and found.open:
                raise conflict("not_ready", f"{name} is {found.state}: it has no credentials yet.")
            if found.claim not in (None, claim) or found.credentials is None:
                when = f" at {found.claimed_at:%Y-%m-%d %H:%M} UTC" if found.claimed_at else ""
                raise Refusal(
                    410,
                    "shown",
                    f"The credentials of {name} were shown once{when} and are deleted.",
                )
            if found.claim is None:
                db.set_environment(found.id, claim=claim, claimed_at=now())
                db.audit(person.name, "credentials", name, "shown")
            return found.credentials

    def suggest_name(self) -> str:
        taken = {e.name for e in self.store.environments(open=True)}
        while True:
            name = f"{secrets.choice(_BIRDS)}-{secrets.randbelow(90) + 10}"
            if name not in taken:
                return name


_BIRDS = (
    "crane", "dove", "eagle", "finch", "goose", "heron", "ibis", "jay", "kite", "lark", "magpie",
    "owl", "plover", "quail", "robin", "stork", "tern", "wren",
)  # fmt: skip


def _taken(name: str) -> Refusal:
    message = f"There is another environment {name}: take another name."
    return conflict("taken", message, {"name": f"name: {message}"})


def _told(wish: Wish, values: Mapping[str, Any]) -> str:
    ttl = describe(timedelta(seconds=values["ttl_seconds"]))
    return f"from {wish.template}, for {ttl}"
