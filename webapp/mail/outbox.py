"""This host's outbox: mails that wait for a provider, in a SQLite file that no other host sees.

Putting a mail here is all that a request ever does about mail. A row is one mail to one recipient, named by its
Message-ID, so that putting it twice keeps one. Deliberately knows nothing of Django, letters or providers, and keeps
no connection: gunicorn's workers are forks, and the sender has threads.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUSY_SECONDS = 5
"""How long one writer waits for another; each holds the file for about a millisecond."""

SCHEMA = """
create table if not exists mail (
    message_id text not null,
    recipient text not null,
    sender text not null,
    content blob not null,         -- as it goes over the line (RFC 5322); emptied once the provider has it
    queued_at real not null,       -- this and all moments: Unix seconds
    next_try_at real not null,
    tries integer not null default 0,
    doubt text not null default '',  -- the provider that may have it already
    doubt_at real,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead')),
    provider text not null default '',
    error text not null default '',
    ended_at real,
    told integer not null default 0,  -- whether its letter knows that it has ended
    primary key (message_id, recipient)
);
create index if not exists mail_due on mail (state, next_try_at);
"""


@dataclass(frozen=True)
class Mail:
    """One waiting mail. `doubt`: name of the provider that may have it; "": none has."""

    message_id: str
    recipient: str
    sender: str
    content: bytes
    queued_at: float
    tries: int
    doubt: str
    doubt_at: float | None

    @property
    def key(self) -> tuple[str, str]:
        return self.message_id, self.recipient


@dataclass(frozen=True)
class Counts:
    waiting: int
    dead: int
    oldest_seconds: float
    """How long the oldest waiting mail has waited; 0 when none waits."""


class Outbox:
    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, message_id: str, recipient: str, sender: str, content: bytes) -> bool:
        """Keep a mail, on disk when this returns; False: it is here already, in whatever state."""
        now = time.time()
        with self._open() as db:
            done = db.execute(
                "insert into mail (message_id, recipient, sender, content, queued_at, next_try_at)"
                " values (?, ?, ?, ?, ?, ?) on conflict do nothing",
                (message_id, recipient, sender, content, now, now),
            )
            return done.rowcount == 1

    def knows(self, message_id_start: str) -> bool:
        """Whether a mail whose Message-ID begins so was ever put here."""
        with self._open() as db:
            found = db.execute(
                "select 1 from mail where substr(message_id, 1, ?) = ? limit 1",
                (len(message_id_start), message_id_start),
            )
            return found.fetchone() is not None

    def due(self, now: float, limit: int) -> list[Mail]:
        with self._open() as db:
            rows = db.execute(
                "select message_id, recipient, sender, content, queued_at, tries, doubt, doubt_at"
                " from mail where state = 'waiting' and next_try_at <= ? order by next_try_at limit ?",
                (now, limit),
            )
            return [Mail(*row) for row in rows]

    def in_doubt(self, mail: Mail, provider: str) -> None:
        """Written before the provider gets the text: whatever happens next, it may have the mail."""
        self._change(mail, "doubt = ?, doubt_at = coalesce(doubt_at, ?)", provider, time.time())

    def later(self, mail: Mail, at: float, error: str, still_in_doubt: bool) -> None:
        """A try failed; the next one is at `at`."""
        doubt = "" if still_in_doubt else ", doubt = '', doubt_at = null"
        self._change(mail, "tries = tries + 1, next_try_at = ?, error = ?" + doubt, at, error[:500])

    def end(self, mail: Mail, state: str, provider: str = "", error: str = "") -> None:
        """`sent` or `dead`. The text of a dead one is kept, to try again."""
        keep = "content" if state == "dead" else "x''"
        self._change(
            mail,
            f"state = ?, provider = ?, error = ?, ended_at = ?, tries = tries + 1, content = {keep}",
            state, provider, error[:500], time.time(),
        )  # fmt: skip

    def remove(self, mail: Mail) -> None:
        """It is another host's now; should it come back, it is put here anew."""
        with self._open() as db:
            db.execute(
                "delete from mail where message_id = ? and recipient = ? and state = 'waiting'",
                mail.key,
            )

    def ended_untold(self) -> list[tuple[str, str]]:
        """(Message-ID, state) of ended mails whose letters do not know it yet."""
        with self._open() as db:
            return db.execute(
                "select message_id, state from mail where state <> 'waiting' and not told limit 500"
            ).fetchall()

    def mark_told(self, message_id: str) -> None:
        with self._open() as db:
            db.execute(
                "update mail set told = 1 where message_id = ? and state <> 'waiting'",
                (message_id,),
            )

    def counts(self) -> Counts:
        with self._open() as db:
            waiting, dead, oldest = db.execute(
                "select count(*) filter (where state = 'waiting'), count(*) filter (where state = 'dead'),"
                " min(queued_at) filter (where state = 'waiting') from mail"
            ).fetchone()
            return Counts(waiting, dead, max(0.0, time.time() - oldest) if oldest else 0.0)

    def listed(self) -> list[dict[str, object]]:
        """What waits and what is dead, for operators; without the texts, which hold secrets."""
        with self._open() as db:
            db.row_factory = sqlite3.Row
            rows = db.execute(
                "select message_id, recipient, state, tries, doubt, error, queued_at, next_try_at"
                " from mail where state in ('waiting', 'dead') order by queued_at"
            )
            return [dict(row) for row in rows]

    def retry_dead(self) -> int:
        """Dead mails wait again, with all their tries; how many."""
        with self._open() as db:
            done = db.execute(
                "update mail set state = 'waiting', tries = 0, next_try_at = ?, ended_at = null,"
                " told = 0, doubt = '', doubt_at = null where state = 'dead'",
                (time.time(),),
            )
            return done.rowcount

    def drop_dead(self) -> int:
        """Dead mails are given up for good; how many."""
        with self._open() as db:
            return db.execute("delete from mail where state = 'dead'").rowcount

    def forget(self, ended_before: float) -> None:
        """Ended mails, but dead ones, are remembered only for as long as they could be put here again."""
        with self._open() as db:
            db.execute(
                "delete from mail where state = 'sent' and told and ended_at < ?",
                (ended_before,),
            )

    def _change(self, mail: Mail, assignments: str, *values: object) -> None:
        with self._open() as db:
            db.execute(
                f"update mail set {assignments} where message_id = ? and recipient = ?",  # noqa: S608
                (*values, *mail.key),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction; what it wrote is on disk when the block ends."""
        db = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            # FULL: a commit survives a power cut.
            _write_ahead(db)
            db.execute("pragma synchronous = full")
            db.executescript(SCHEMA)
            with db:
                yield db
        finally:
            db.close()


def _write_ahead(db: sqlite3.Connection) -> None:
    """Who reads never waits for who writes. A new file becomes so once, and for that SQLite itself does not wait."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
