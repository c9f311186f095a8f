"""How durable a write must be when Django says that it is done: `peer` or `local`.

- `peer`: this node has flushed it to disk, and at least one other node has applied it;
- `local`: this node has flushed it. If the host dies for good within the next moments, it may be lost.

`MULTIMASTER_DURABILITY` in the settings is the default (`peer` when it is not set). For a block or a view:

    with durability("local"):
        remember_where_the_mouse_was()

Every statement asks for the level of the `durability` blocks around it, the strongest if they are nested, or for the
default when there are none. A transaction commits at the strongest level that any of its statements asked for. So a
`local` block takes nothing away from what its surroundings promised.

What is asked for is not always what is in force: while no peer follows, the agent lets commits of this node go on
without one. `acknowledged()` says what a request's writes really got.
"""

import inspect
from contextlib import ContextDecorator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

SYNCHRONOUS_COMMIT = {"local": "local", "peer": "remote_apply"}
"""Levels from the weakest to the strongest, as Postgres' setting `synchronous_commit` has them."""

LET_GO = "canceling wait for synchronous replication"
"""In Postgres' notice to a client whose commit is durable here, and whose wait for a peer was ended by the agent."""

LEVELS = list(SYNCHRONOUS_COMMIT)
DEFAULT = "peer"


def strongest(*levels: str | None) -> str | None:
    """The strongest of some levels; None counts as none, and is the answer when there are none."""
    return max((level for level in levels if level), key=LEVELS.index, default=None)


def default_level() -> str:
    """The level of the settings. Raises ImproperlyConfigured when there is no such level."""
    level = getattr(settings, "MULTIMASTER_DURABILITY", DEFAULT)
    if level not in LEVELS:
        raise ImproperlyConfigured(f"MULTIMASTER_DURABILITY is {level!r}; it can be {_choices()}")
    return level


class durability(ContextDecorator):
    """A block, or a function as decorator, whose statements ask for `level` on the database `using`.

    Raises ValueError for an unknown level, TypeError for a coroutine function, whose statements would run when the
    block is long over. Means nothing on a database of another engine.
    """

    def __init__(self, level: str, using: str = DEFAULT_DB_ALIAS):
        if level not in LEVELS:
            raise ValueError(f"there is no durability {level!r}; it can be {_choices()}")
        self.level = level
        self.using = using

    def __call__(self, func):
        if inspect.iscoroutinefunction(func):
            raise TypeError(
                f"durability can't decorate the coroutine function {func.__qualname__}; decorate what it calls"
                " through sync_to_async"
            )
        return super().__call__(func)

    def __enter__(self):
        self._blocks().append(self.level)

    def __exit__(self, *exc_info):
        if blocks := self._blocks():  # none: a database of another engine
            blocks.pop()

    def _blocks(self) -> list[str]:
        found = getattr(connections[self.using], "durability", None)
        return found.blocks if found else []


class Requested:
    """What the statements of one connection asked for, and what it committed. Belongs to a DatabaseWrapper."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.committed: str | None = None
        """The strongest level of the transactions that wrote since start(); None: nothing was written."""
        self.forget_connection()

    def forget_connection(self) -> None:
        """A new connection to Postgres: nothing is known of it yet."""
        self.session: str | None = None
        self.end_transaction()

    def end_transaction(self) -> None:
        self.transaction: str | None = None
        self.writes = False

    def level(self) -> str:
        """What a statement asks for just now."""
        return strongest(*self.blocks) or default_level()

    def note_commit(self, level: str | None) -> None:
        self.committed = strongest(self.committed, level)


def start(connection) -> None:
    """A request begins: what was committed before is not its business."""
    if found := getattr(connection, "durability", None):
        found.committed = None
        _notices(connection).clear()


def acknowledged(connection, standbys: str) -> str:
    """What the writes since start() got: the level of the strongest, but `local` when no peer was waited for.

    `standbys`: Postgres' `synchronous_standby_names` as it is after the last commit. When nothing was written, what
    a write would get.
    """
    found = getattr(connection, "durability", None)
    asked = (found.committed if found else None) or default_level()
    waited = standbys and not any(LET_GO in notice for notice in _notices(connection))
    return asked if waited else "local"


def _notices(connection) -> list[str]:
    """What Postgres told besides its answers; the newest 50."""
    return getattr(connection.connection, "notices", [])


def _choices() -> str:
    return " or ".join(repr(level) for level in reversed(LEVELS))
