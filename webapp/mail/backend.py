"""Django's door for mail, `EMAIL_BACKEND`: whatever the application sends goes into this host's outbox.

It returns when the mail is on this host's disk, within milliseconds, whatever the providers do. What must survive
this host is a letter (letters.py), which replicates before it is promised.
"""

from collections.abc import Sequence
from email.utils import formataddr, make_msgid, parseaddr
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address

from webapp.mail.outbox import Outbox


def outbox() -> Outbox:
    return Outbox(Path(settings.FIRSTBELL_LOCAL_ROOT) / "outbox.sqlite3")


def domain() -> str:
    """The domain of the sender's address; Message-IDs are made in it."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2] or "localhost"


class OutboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many messages were new to the outbox: one with a Message-ID that it knows is kept once."""
        return sum(self._keep(message) for message in email_messages if message.recipients())

    def _keep(self, message: EmailMessage) -> bool:
        # The name is set on the message itself, so that sending the same object again repeats it.
        headers: dict[str, Any] = message.extra_headers
        headers.setdefault("Message-ID", make_msgid(domain=domain()))
        encoding = message.encoding or settings.DEFAULT_CHARSET
        sender = parseaddr(sanitize_address(message.from_email, encoding))[1]
        content = message.message().as_bytes(linesep="\r\n")
        # One row a recipient: each is delivered, refused and tried again for itself.
        recipients = {parseaddr(sanitize_address(one, encoding))[1] for one in message.recipients()}
        added = [
            outbox().add(str(headers["Message-ID"]), recipient, sender, content)
            for recipient in sorted(recipients)
        ]
        return any(added)


def named(name: str, address: str) -> str:
    """`Ada Lovelace <ada@school.example>`, quoted as it must be."""
    return formataddr((name, address))
