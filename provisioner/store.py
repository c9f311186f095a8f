"""The database: environments, runs, tokens, sessions, audit. SQLite by default, Postgres by URL.

Deliberately knows no rules: what may follow what is lifecycle.py's, what people may ask is
environments.py's. Every change is one short transaction; nothing here waits for anything but the database.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from provisioner.errors import ProvisionerError
from provisioner.lifecycle import Failure, Kind, Outcome, State, Wanted

SCHEMA_VERSION = "1"
WRITERS = 8500
"""Key of the advisory lock that makes writers on Postgres wait for one another."""


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """Always aware and always UTC, also on SQLite, which has no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()
_Json = sa.JSON(none_as_null=True)

environments = sa.Table(
    "environment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(12), nullable=False),
    sa.Column("template", sa.String(64), nullable=False),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("variables", _Json, nullable=False),
    sa.Column("ttl_seconds", sa.Integer, nullable=False),
    sa.Column("keep", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("wanted", sa.String(16), nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("failure", _Json),
    sa.Column("destroy_failure", _Json),
    sa.Column("result", _Json),
    sa.Column("ca_pem", sa.Text),
    sa.Column("credentials", _Json),
    sa.Column("claim", sa.String(64)),
    sa.Column("claimed_at", UTCDateTime),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("ready_at", UTCDateTime),
    sa.Column("expires_at", UTCDateTime),
    sa.Column("next_try_at", UTCDateTime),
    sa.Column("ended_at", UTCDateTime),
)
# A name is free again once nothing can be left of its last bearer.
sa.Index(
    "environment_open_name",
    environments.c.name,
    unique=True,
    sqlite_where=environments.c.open,
    postgresql_where=environments.c.open,
)

runs = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("environment_id", sa.ForeignKey("environment.id", ondelete="CASCADE"), index=True),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(16)),
    sa.Column("stopped_because", sa.Text),
    sa.Column("failure", _Json),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("ended_at", UTCDateTime),
    # An id is a folder's name too: it must never be given out twice.
    sqlite_autoincrement=True,
)

audits = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("environment", sa.String(12), index=True),
    sa.Column("detail", sa.Text, nullable=False),
)

tokens = sa.Table(
    "token",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("hash", sa.String(64), unique=True, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("created_by", sa.String(64), nullable=False),
)

sessions = sa.Table(
    "session",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("expires_at", UTCDateTime, nullable=False),
)

orphans = sa.Table(
    "orphan",
    metadata,
    sa.Column("provider", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("since", UTCDateTime, nullable=False),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Environment:
    id: int
    name: str
    template: str
    provider: str
    owner: str
    variables: dict[str, Any]
    ttl_seconds: int
    keep: bool
    state: State
    wanted: Wanted
    open: bool
    failure: Failure | None
    destroy_failure: Failure | None
    result: dict[str, Any] | None
    ca_pem: str | None
    credentials: list[dict[str, Any]] | None
    claim: str | None
    claimed_at: datetime | None
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    next_try_at: datetime | None
    ended_at: datetime | None

    @property
    def at_rest(self) -> bool:
        """Nothing is being done, and nothing waits to be done soon."""
        return not self.open or (
            self.wanted is Wanted.PRESENT
            and self.state in (State.READY, State.EXPIRING, State.FAILED)
        )


@dataclass(frozen=True)
class Run:
    id: int
    environment_id: int | None
    provider: str
    kind: Kind
    attempt: int
    outcome: Outcome | None
    stopped_because: str | None
    failure: Failure | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Audit:
    id: int
    at: datetime
    who: str
    what: str
    environment: str | None
    detail: str


@dataclass(frozen=True)
class Token:
    name: str
    role: str
    hash: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Orphan:
    provider: str
    name: str
    since: datetime


_READ: dict[str, Callable[[Any], Any]] = {
    "state": State,
    "wanted": Wanted,
    "kind": Kind,
    "outcome": Outcome,
    "failure": lambda v: Failure(**v),
    "destroy_failure": lambda v: Failure(**v),
}
_Row = TypeVar("_Row", Environment, Run, Audit, Token, Orphan)


def _as(kind: type[_Row], row: Mapping[Any, Any]) -> _Row:
    def one(name: str) -> Any:
        value = row[name]
        return _READ[name](value) if name in _READ and value is not None else value

    values: dict[str, Any] = {f.name: one(f.name) for f in fields(kind)}
    return kind(**values)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, Failure):
            return {"message": value.message, "task": value.task}
        return str(value) if isinstance(value, State | Wanted | Kind | Outcome) else value

    return {key: one(value) for key, value in values.items()}


def now() -> datetime:
    return datetime.now(UTC)


def moment(value: datetime | None) -> str | None:
    """As the API writes it: RFC 3339, UTC, whole seconds."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if value else None


class Store:
    def __init__(self, url: str) -> None:
        self._engine = _engine(url)

    def prepare(self) -> None:
        """Make the tables that are missing; raises on a database of a newer version."""
        metadata.create_all(self._engine)
        with self.change() as change:
            found = change.meta("schema", SCHEMA_VERSION)
        if found != SCHEMA_VERSION:
            raise ProvisionerError(
                f"The database has schema version {found}, this provisioner knows "
                f"{SCHEMA_VERSION}: run the version that made it, or a newer one."
            )

    @contextmanager
    def change(self) -> Iterator["Change"]:
        """One transaction that may write."""
        with self._engine.execution_options(immediate=True).begin() as connection:
            if connection.dialect.name == "postgresql":
                # One writer at a time, as on SQLite: quotas are counted and then kept.
                connection.exec_driver_sql(f"select pg_advisory_xact_lock({WRITERS})")
            yield Change(connection)

    @contextmanager
    def look(self) -> Iterator["Change"]:
        """One transaction that only reads."""
        with self._engine.begin() as connection:
            yield Change(connection)

    # One-query conveniences.

    def environment(self, name: str) -> Environment | None:
        with self.look() as db:
            return db.environment(name)

    def environments(self, **equal: Any) -> list[Environment]:
        with self.look() as db:
            return db.environments(**equal)

    def runs(self, environment_id: int) -> list[Run]:
        with self.look() as db:
            return db.runs(environment_id)

    def dispose(self) -> None:
        self._engine.dispose()


class Change:
    """What can be asked and done within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # ---- environments

    def environment(self, name: str) -> Environment | None:
        """The open one of that name, else the one that ended last."""
        table = environments
        query = sa.select(table).where(table.c.name == name)
        query = query.order_by(table.c.open.desc(), table.c.id.desc()).limit(1)
        row = self._db.execute(query).mappings().first()
        return _as(Environment, row) if row else None

    def environment_by_id(self, id: int) -> Environment | None:
        row = self._db.execute(sa.select(environments).where(environments.c.id == id))
        found = row.mappings().first()
        return _as(Environment, found) if found else None

    def environments(self, **equal: Any) -> list[Environment]:
        query = sa.select(environments).order_by(environments.c.id)
        for column, value in _plain(equal).items():
            query = query.where(environments.c[column] == value)
        return [_as(Environment, row) for row in self._db.execute(query).mappings()]

    def closed_since(self, moment: datetime) -> list[Environment]:
        table = environments
        query = sa.select(table).where(sa.not_(table.c.open), table.c.ended_at >= moment)
        rows = self._db.execute(query.order_by(table.c.ended_at.desc())).mappings()
        return [_as(Environment, row) for row in rows]

    def add_environment(self, **values: Any) -> int:
        """Raises sqlalchemy.exc.IntegrityError when an open one has that name."""
        done = self._db.execute(environments.insert().values(**_plain(values)))
        return _new_id(done)

    def set_environment(self, id: int, *only_if: Any, **values: Any) -> bool:
        """False when it is not there (any more), or `only_if` does not hold."""
        done = self._db.execute(
            environments.update()
            .where(environments.c.id == id, *only_if)
            .values(**_plain(values))
        )  # fmt: skip
        return done.rowcount == 1

    def delete_closed_before(self, moment: datetime) -> list[int]:
        """Forget what ended long ago. Returns the ids of its runs, whose folders must go too."""
        old = sa.select(environments.c.id).where(
            sa.not_(environments.c.open), environments.c.ended_at < moment
        )
        gone = [row[0] for row in self._db.execute(sa.select(runs.c.id).where(
            runs.c.environment_id.in_(old)))]  # fmt: skip
        self._db.execute(runs.delete().where(runs.c.id.in_(gone)))
        self._db.execute(environments.delete().where(environments.c.id.in_(old)))
        return gone

    # ---- runs

    def runs(self, environment_id: int) -> list[Run]:
        query = sa.select(runs).where(runs.c.environment_id == environment_id).order_by(runs.c.id)
        return [_as(Run, row) for row in self._db.execute(query).mappings()]

    def open_runs(self, kind: Kind) -> list[Run]:
        query = sa.select(runs).where(runs.c.kind == str(kind), runs.c.outcome.is_(None))
        return [_as(Run, row) for row in self._db.execute(query.order_by(runs.c.id)).mappings()]

    def newest_run(self, environment_id: int) -> Run | None:
        found = self.runs(environment_id)
        return found[-1] if found else None

    def environment_of_run(self, id: int) -> int | None:
        """Its id; None for a run that is of no environment, or not known."""
        return self._db.execute(sa.select(runs.c.environment_id).where(runs.c.id == id)).scalar()

    def run_ids(self) -> set[int]:
        return {row[0] for row in self._db.execute(sa.select(runs.c.id))}

    def add_run(self, **values: Any) -> Run:
        done = self._db.execute(runs.insert().values(**_plain(values), created_at=now()))
        id = _new_id(done)
        row = self._db.execute(sa.select(runs).where(runs.c.id == id)).mappings().one()
        return _as(Run, row)

    def set_run(self, id: int, **values: Any) -> None:
        self._db.execute(runs.update().where(runs.c.id == id).values(**_plain(values)))

    def delete_run(self, id: int) -> None:
        self._db.execute(runs.delete().where(runs.c.id == id))

    # ---- audit

    def audit(self, who: str, what: str, environment: str | None = None, detail: str = "") -> None:
        self._db.execute(
            audits.insert().values(
                at=now(), who=who, what=what, environment=environment, detail=detail
            )
        )

    def audits(self, environment: str | None = None, limit: int = 200) -> list[Audit]:
        """The newest first."""
        query = sa.select(audits).order_by(audits.c.id.desc()).limit(limit)
        if environment is not None:
            query = query.where(audits.c.environment == environment)
        return [_as(Audit, row) for row in self._db.execute(query).mappings()]

    # ---- tokens and sessions

    def tokens(self) -> list[Token]:
        query = sa.select(tokens).order_by(tokens.c.name)
        return [_as(Token, row) for row in self._db.execute(query).mappings()]

    def token(self, **equal: str) -> Token | None:
        query = sa.select(tokens)
        for column, value in equal.items():
            query = query.where(tokens.c[column] == value)
        row = self._db.execute(query).mappings().first()
        return _as(Token, row) if row else None

    def put_token(self, name: str, **values: Any) -> None:
        self._db.execute(tokens.delete().where(tokens.c.name == name))
        self._db.execute(tokens.insert().values(name=name, created_at=now(), **values))

    def delete_token(self, name: str) -> bool:
        return self._db.execute(tokens.delete().where(tokens.c.name == name)).rowcount == 1

    def add_session(self, **values: Any) -> None:
        self._db.execute(sessions.delete().where(sessions.c.expires_at < now()))
        self._db.execute(sessions.insert().values(**values))

    def session(self, hash: str) -> tuple[str, str] | None:
        """The token's hash and the CSRF token of a session that has not ended."""
        query = sa.select(sessions.c.token_hash, sessions.c.csrf)
        query = query.where(sessions.c.hash == hash, sessions.c.expires_at > now())
        row = self._db.execute(query).first()
        return (row[0], row[1]) if row else None

    def delete_session(self, hash: str) -> None:
        self._db.execute(sessions.delete().where(sessions.c.hash == hash))

    # ---- the rest

    def orphans(self) -> list[Orphan]:
        query = sa.select(orphans).order_by(orphans.c.provider, orphans.c.name)
        return [_as(Orphan, row) for row in self._db.execute(query).mappings()]

    def set_orphans(self, provider: str, names: set[str]) -> set[str]:
        """Make these the known orphans of a provider; returns those that are new."""
        known = {o.name for o in self.orphans() if o.provider == provider}
        of_it = orphans.c.provider == provider
        self._db.execute(orphans.delete().where(of_it, orphans.c.name.in_(known - names)))
        for name in names - known:
            self._db.execute(orphans.insert().values(provider=provider, name=name, since=now()))
        return names - known

    def meta(self, key: str, default: str) -> str:
        """A fact about the whole database; the first to ask decides what it is."""
        found = self._db.execute(sa.select(meta.c.value).where(meta.c.key == key)).scalar()
        if found is None:
            self._db.execute(meta.insert().values(key=key, value=default))
        return found if found is not None else default


def _new_id(done: sa.CursorResult[Any]) -> int:
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    engine = sa.create_engine(url, connect_args={"timeout": 15})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # Python's own idea of when a transaction begins is too late for BEGIN IMMEDIATE.
        connection.isolation_level = None
        for pragma in ("journal_mode=wal", "foreign_keys=on", "synchronous=full"):
            connection.execute(f"pragma {pragma}")
        # Shown credentials are overwritten, not just unlinked.
        connection.execute("pragma secure_delete=on")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A reader that turns writer can fail at once; whoever means to write says so first.
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("begin immediate" if immediate else "begin")

    return engine
