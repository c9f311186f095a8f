"""`manage.py mail send|list|retry|drop`: this host's sender, and a look into this host's outbox."""

import signal
import threading
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.mail.backend import outbox
from webapp.mail.letters import PostOffice
from webapp.mail.sender import Busy, Sender
from webapp.multimaster.durability import durability


class Command(BaseCommand):
    help = (
        "The mails of this host: send them (runs until it is stopped), list what waits or is dead."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="what", required=True)
        kinds.add_parser("send", help="the sender; one runs on each host")
        kinds.add_parser("list", help="what waits and what is dead, and why")
        kinds.add_parser("retry", help="dead mails wait again")
        kinds.add_parser("drop", help="give dead mails up")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        getattr(self, f"_{what}")()

    def _send(self) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        sender = Sender(outbox(), settings.FIRSTBELL_MAIL_PROVIDERS, PostOffice())
        try:
            # Whether a letter was sent is worth no wait for a peer: a host that never hears of it sends once more.
            with durability("local"):
                sender.run(stop)
        except Busy as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{outbox().path} can't be used: {error}") from None

    def _list(self) -> None:
        found = outbox().listed()
        for mail in found:
            queued = datetime.fromtimestamp(float(str(mail["queued_at"])), UTC)
            doubt = f" in_doubt_at={mail['doubt']}" if mail["doubt"] else ""
            self.stdout.write(
                f"{mail['state']} {mail['message_id']} to={mail['recipient']} queued={queued:%Y-%m-%dT%H:%M:%SZ}"
                f" tries={mail['tries']}{doubt} said={mail['error'] or '-'}"
            )
        if not found:
            self.stdout.write("no mail waits, and none is dead")

    def _retry(self) -> None:
        self.stdout.write(f"{outbox().retry_dead()} dead mails wait again")

    def _drop(self) -> None:
        self.stdout.write(f"{outbox().drop_dead()} dead mails dropped")
