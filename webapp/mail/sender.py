"""The sender: takes mails out of this host's outbox and hands them to providers. One process a host.

Deciding (`next_step`, pure) is apart from doing. What it never does: forget a mail without saying so, or hand one to
a second provider while the first may have it.
"""

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webapp.mail.outbox import Mail, Outbox
from webapp.mail.providers import Outcome, Provider, Result

logger = logging.getLogger(__name__)

ROUND_SECONDS = 0.5
LINES = 4
"""Mails under way at once: one slow provider must not hold up the mails of all."""
ASIDE_SECONDS = 60
"""A provider that failed is asked last for so long."""
DOUBT_SECONDS = 600
"""So long a mail in doubt stays with the provider that may have it: only that one can tell that it is the same."""
RETRY_SECONDS = (5, 15, 60, 300, 900, 1800, 3600, 3600, 3600, 3600, 3600, 3600)
"""After each failed try; a mail that fails once more is dead, seven hours after it was written."""
REMEMBER_SECONDS = 8 * 24 * 3600
"""Longer than letters live, so that none is put into the outbox a second time."""


class Office(Protocol):
    """What the sender asks of letters.py; without one, there are only plain mails."""

    def round(self) -> None:
        """Put into the outbox what was promised, tell the promises what became of it. Never raises."""

    def ours(self, mail: Mail) -> bool | None:
        """Whether this host is to send it; None: that can't be told now."""


class Busy(Exception):
    """Another sender works on this outbox."""


@dataclass(frozen=True)
class Step:
    """What happens to a mail after a try: it ends (`state`), or waits until `at`."""

    state: str
    provider: str = ""
    at: float = 0.0
    in_doubt: bool = False


def next_step(mail: Mail, results: Sequence[tuple[str, Result]], now: float) -> Step:
    """From what the providers said, in the order they were asked; at least one was."""
    name, last = results[-1]
    if last.outcome is Outcome.SENT:
        return Step("sent", name)
    # A provider that was in doubt before and now says a clear no has not got it from this try, yet may have it
    # from the earlier one.
    doubt = last.outcome is Outcome.DOUBT or bool(mail.doubt)
    refused = all(result.outcome is Outcome.REFUSED for _, result in results)
    if (refused and not mail.doubt) or mail.tries >= len(RETRY_SECONDS):
        return Step("dead", name)
    return Step("waiting", at=now + RETRY_SECONDS[mail.tries], in_doubt=doubt)


def candidates(mail: Mail, providers: Sequence[Provider], aside: dict[str, float], now: float):
    """Whom to ask, in order. A mail in doubt: for a while only the provider that may have it."""
    if mail.doubt and mail.doubt_at and now - mail.doubt_at < DOUBT_SECONDS:
        same = [one for one in providers if one.name == mail.doubt]
        if same:
            return same
    return sorted(providers, key=lambda one: aside.get(one.name, 0) > now)


class Sender:
    def __init__(self, outbox: Outbox, providers: Sequence[Provider], office: Office | None = None):
        self._outbox, self._providers, self._office = outbox, providers, office
        self._aside: dict[str, float] = {}
        self._under_way: set[tuple[str, str]] = set()
        self._pool = ThreadPoolExecutor(LINES, "mail")

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; then what is under way comes to its end. Raises Busy, OSError."""
        with Path(f"{self._outbox.path}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy("another sender works on this outbox") from None
            while not stop.is_set():
                alive_file(self._outbox).touch()
                self._guarded(self._round)
                stop.wait(ROUND_SECONDS)
            self._pool.shutdown(wait=True)
            if self._office is not None:
                self._office.round()

    def _round(self) -> None:
        if self._office is not None:
            self._office.round()
        self._outbox.forget(time.time() - REMEMBER_SECONDS)
        if not self._providers:
            return
        # Those under way are still due; ask for as many more as there are free lines.
        for mail in self._outbox.due(time.time(), LINES + len(self._under_way)):
            if len(self._under_way) >= LINES:
                break
            if mail.key in self._under_way:
                continue
            ours = True if self._office is None else self._office.ours(mail)
            if ours is False:
                self._outbox.remove(mail)
            elif ours:
                self._under_way.add(mail.key)
                self._pool.submit(self._guarded, self._carry, mail)

    def _carry(self, mail: Mail) -> None:
        try:
            results = self._ask(mail)
            self._note(mail, next_step(mail, results, time.time()), results)
        finally:
            self._under_way.discard(mail.key)

    def _ask(self, mail: Mail) -> list[tuple[str, Result]]:
        """Until one has the mail, or may have it."""
        results: list[tuple[str, Result]] = []
        for provider in candidates(mail, self._providers, self._aside, time.time()):
            name = provider.name

            def before_text(name: str = name) -> None:
                self._outbox.in_doubt(mail, name)

            results.append((name, result := provider.send(mail, before_text)))
            if result.outcome in (Outcome.FAILED, Outcome.DOUBT):
                self._aside[name] = time.time() + ASIDE_SECONDS
            if result.outcome in (Outcome.SENT, Outcome.DOUBT):
                break
        return results

    def _note(self, mail: Mail, step: Step, results: Sequence[tuple[str, Result]]) -> None:
        said = "; ".join(
            f"{name}: {result.text or result.outcome.value}" for name, result in results
        )
        if step.state == "waiting":
            self._outbox.later(mail, step.at, said, step.in_doubt)
            logger.info("mail=%s waiting in_doubt=%s said=%s", mail.message_id, step.in_doubt, said)
            return
        self._outbox.end(mail, step.state, step.provider, "" if step.state == "sent" else said)
        if step.state == "dead":
            logger.error("mail=%s waiting→dead tries=%s said=%s", mail.message_id, mail.tries, said)
        else:
            logger.info("mail=%s waiting→sent provider=%s", mail.message_id, step.provider)

    @staticmethod
    def _guarded(work: Callable[..., None], *arguments: object) -> None:
        """A defect, or a full disk, costs one round: mails stay in the outbox."""
        try:
            work(*arguments)
        except Exception:
            logger.exception("a round of the mail sender failed; tried again")


def alive_file(outbox: Outbox) -> Path:
    """Touched by a running sender each round."""
    return Path(f"{outbox.path}.alive")
