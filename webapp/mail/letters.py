"""Letters on their way: promised in a request, written by the host that promised them, taken over if that host is gone.

A request calls `promise()`; the row replicates like any other of people's work. The sender of the host named in the
row writes the mail, as the letter's kind says, and sends it by Django's door into its outbox. If the letter is still
open and that sender has been silent for the take-over time, another host makes it its own. Both may then send it – the
first may only have been cut off – but both give it the same Message-ID. docs/decisions/0015-letters-and-outboxes.md
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone
from django.utils.translation import get_language, override

from webapp.mail.backend import domain, outbox
from webapp.mail.models import Letter, SenderSeen
from webapp.mail.outbox import Mail
from webapp.multimaster import health

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1
"""How often the sender asks its database for letters."""
LIFE = timedelta(days=1)
"""A letter that was not sent for so long is not sent any more: nobody expects it."""
KEPT = timedelta(days=7)
BATCH = 50

Writer = Callable[[Letter], list[EmailMessage]]
_writers: dict[str, Writer] = {}
_NAMED = re.compile(r"<([0-9a-f-]{36})\.\d+@")


def writes(kind: str) -> Callable[[Writer], Writer]:
    """Decorator: who writes the letters of a kind. An empty list: there is nobody to write to."""

    def register(writer: Writer) -> Writer:
        _writers[kind] = writer
        return writer

    return register


def promise(key: UUID, kind: str, address: str, about: UUID | None = None) -> None:
    """Somebody will get this letter, in the language of this request. Promised again with the same key, it is one."""
    Letter.objects.get_or_create(
        id=key,
        defaults={
            "kind": kind,
            "address": address,
            "about": about,
            "language": get_language() or settings.LANGUAGE_CODE,
            "node": settings.FIRSTBELL_NODE,
        },
    )


def message_id(letter: Letter, number: int) -> str:
    """The same on every host, so that whoever gets a mail twice can tell."""
    return f"<{letter.id}.{number}@{domain()}>"


class PostOffice:
    """The sender's part that knows the database. Used by one thread."""

    def __init__(self) -> None:
        self._looked_at = self._seen_at = float("-inf")
        self._away = False

    def round(self) -> None:
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        close_old_connections()
        with self._database():
            self._tell()
            self._take_over()
            self._write()
            self._say_that_we_work()

    def ours(self, mail: Mail) -> bool | None:
        """Whether this host is still to send it. An old letter's may have been taken over while this host was away,
        and a host that has just come back does not know that yet: then nobody can say (None)."""
        found = _NAMED.match(mail.message_id)
        if found is None or _is_young(datetime.fromtimestamp(mail.queued_at, UTC)):
            return True
        mine = None
        with self._database():
            if _is_fit():
                mine = Letter.objects.filter(
                    id=UUID(found[1]), done_at=None, node=settings.FIRSTBELL_NODE
                ).exists()
        return mine

    def _take_over(self) -> None:
        """Make letters our own whose host is gone. Hosts wait differently long, so that usually one does it."""
        patience = timedelta(seconds=settings.FIRSTBELL_MAIL_TAKE_OVER_SECONDS)
        now = timezone.now()
        open_ones = Letter.objects.filter(done_at=None, asked_at__gt=now - LIFE)
        late = open_ones.filter(asked_at__lt=now - patience).exclude(node=settings.FIRSTBELL_NODE)
        seen = dict(SenderSeen.objects.values_list("node", "seen_at")) if late.exists() else {}
        for letter in late[:BATCH]:
            turn = (letter.id.int + settings.FIRSTBELL_NODE) % 15
            silent = now - seen.get(letter.node, letter.asked_at)
            if silent > patience * (1 + turn / 8) and _is_fit():
                mine = Letter.objects.filter(id=letter.id, done_at=None, node=letter.node)
                if mine.update(node=settings.FIRSTBELL_NODE):
                    logger.warning(
                        "letter=%s node=%s→%s taken over: the sender of its host is silent",
                        letter.id, letter.node, settings.FIRSTBELL_NODE,
                    )  # fmt: skip

    def _write(self) -> None:
        now = timezone.now()
        mine = Letter.objects.filter(done_at=None, node=settings.FIRSTBELL_NODE)
        for letter in mine.filter(asked_at__gt=now - LIFE).order_by("asked_at")[:BATCH]:
            if outbox().knows(f"<{letter.id}.") or not (_is_young(letter.asked_at) or _is_fit()):
                continue
            writer = _writers.get(letter.kind)
            with override(letter.language):
                messages = writer(letter) if writer else []
            for number, message in enumerate(messages):
                message.extra_headers["Message-ID"] = message_id(letter, number)
                message.send()
            if not messages:
                _done(letter.id, "nobody")

    def _tell(self) -> None:
        """Letters learn what became of their mails. A letter of several mails is done with the first that ends."""
        for name, state in outbox().ended_untold():
            if found := _NAMED.match(name):
                _done(UUID(found[1]), state)
            outbox().mark_told(name)

    def _say_that_we_work(self) -> None:
        every = settings.FIRSTBELL_MAIL_TAKE_OVER_SECONDS / 4
        if time.monotonic() - self._seen_at > every:
            SenderSeen.objects.update_or_create(
                node=settings.FIRSTBELL_NODE, defaults={"seen_at": timezone.now()}
            )
            self._seen_at = time.monotonic()
            old = Letter.objects.filter(asked_at__lt=timezone.now() - KEPT)
            old.filter(node=settings.FIRSTBELL_NODE).delete()

    @contextmanager
    def _database(self):
        """What is asked of the database. Without it, mails that are in the outbox go on."""
        try:
            yield
            away = False
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            away = True
            if not self._away:
                words = " ".join(str(error).split())
                logger.warning("letters wait: the database is away: %s", words)
        self._away = away


def _is_young(moment: datetime) -> bool:
    """Too young to have been taken over from a host that was at work then."""
    return (timezone.now() - moment).total_seconds() < settings.FIRSTBELL_MAIL_TAKE_OVER_SECONDS / 2


def _is_fit() -> bool:
    """Whether this host's database is compared with its peers' and may serve."""
    return not health.reasons()


def _done(key: UUID, outcome: str) -> None:
    Letter.objects.filter(id=key).exclude(outcome="sent").update(
        done_at=timezone.now(), outcome=outcome
    )
