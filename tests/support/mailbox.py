"""A mail provider for tests: it takes mail, and misbehaves as it is told. aiosmtpd, on a port of its own.

What it took stands in `taken`; `copies(message_id)` counts. Each manner is one way in which real providers fail.
"""

import asyncio
import email
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from tests.support.ports import free_port


@dataclass
class Manner:
    """How the provider behaves, from now on. `times`: only the first tries of each mail, then well."""

    kind: str = "well"
    """well; late (answers each command after `seconds`); late-accept (takes `seconds` to take the text); refuse (5xx);
    busy (4xx); drop (reads the text, keeps nothing, hangs up); keep-and-drop (takes it, hangs up without a word);
    accept-and-drop (says 250 and hangs up at once)."""
    seconds: float = 0
    times: int | None = None
    tries: Counter[str] = field(default_factory=Counter)

    def takes_hold(self, message_id: str) -> bool:
        self.tries[message_id] += 1
        return self.times is None or self.tries[message_id] <= self.times


@dataclass(frozen=True)
class Taken:
    recipient: str
    message: Message
    at: float = field(default_factory=time.time)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        payload = self.message.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload.decode()


class Mailbox:
    """A provider that listens while the block lasts; `down()` and `up()` in between."""

    def __init__(
        self,
        kind: str = "well",
        seconds: float = 0,
        times: int | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        """`tls`: it offers STARTTLS with this. `login`: and takes mail only from who gives this name and password."""
        self.tls, self.login = tls, login
        self.port = free_port()
        self.manner = Manner(kind, seconds, times)
        self.taken: list[Taken] = []
        self.tries = 0
        self.at_once = self.most_at_once = 0
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def behave(self, kind: str, seconds: float = 0, times: int | None = None) -> None:
        self.manner = Manner(kind, seconds, times)

    def copies(self, message_id: str) -> int:
        return sum(one.message_id == message_id for one in self.taken)

    def to(self, recipient: str) -> list[Taken]:
        return [one for one in self.taken if one.recipient == recipient]

    # ---- what aiosmtpd calls

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.tries += 1
        if self.manner.kind == "late":
            await asyncio.sleep(self.manner.seconds)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content)
        holds = self.manner.takes_hold(str(message["Message-ID"]))
        kind = self.manner.kind if holds else "well"
        if kind == "refuse":
            return "554 5.7.1 We do not like this mail"
        if kind == "busy":
            return "451 4.7.1 Try again later"
        if kind != "drop":
            self.taken += [Taken(recipient, message) for recipient in envelope.rcpt_tos]
        if kind == "late-accept":
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            await asyncio.sleep(self.manner.seconds)
            self.at_once -= 1
        if kind in ("drop", "keep-and-drop"):
            server.transport.abort()
        if kind == "accept-and-drop":
            server.transport.write(b"250 OK\r\n")
            asyncio.get_running_loop().call_later(0.05, server.transport.abort)
            await asyncio.sleep(0.2)
        return "250 OK"


class _Controller(Controller):
    def __init__(self, mailbox: Mailbox, **options: Any) -> None:
        super().__init__(mailbox, **options)
        self.mailbox = mailbox

    def factory(self) -> SMTP:
        options: dict[str, Any] = {}
        if login := self.mailbox.login:

            def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
                return AuthResult(success=(data.login.decode(), data.password.decode()) == login)

            options = {"auth_required": True, "authenticator": check}
        return SMTP(self.mailbox, enable_SMTPUTF8=True, tls_context=self.mailbox.tls, **options)


class Silence:
    """A provider that accepts connections and never says a word."""

    def __init__(self) -> None:
        import socket

        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"smtp+plain://127.0.0.1:{self.port}"
        self._held: list[Any] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._held.append(self._socket.accept())
            except OSError:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        for connection, _address in self._held:
            connection.close()
