"""Providers: who carries a mail on. Each try ends within a bound, in one of four ways.

What a short time-out may end and what it may not: until the text is handed over, giving up is safe, since a mail
without its final dot was not accepted (RFC 5321, 4.1.1.4). After the dot the provider may have the mail, so it gets
long to say so, and a line that breaks then leaves the mail in doubt (4.5.3.2.6 asks for that patience because
impatient clients are what doubles mail). Deliberately without retries: sender.py decides.
"""

import contextlib
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from webapp.mail.outbox import Mail

COMMAND_SECONDS = 15
"""One answer before the text. Providers answer within one second; some greet late on purpose, by ten."""
DIALOGUE_SECONDS = 45
"""All answers before the text: one that sends a byte now and then must not hold a thread for hours."""
ACCEPT_SECONDS = 120
"""The answer to the text. The RFC says ten minutes; behind a thread that waits others wait as well."""


class Outcome(Enum):
    SENT = "sent"
    REFUSED = "refused"
    """For good, by this provider (5xx)."""
    FAILED = "failed"
    """For now, and surely not accepted."""
    DOUBT = "in doubt"
    """The line broke after the text was handed over: it may have been accepted."""


@dataclass(frozen=True)
class Result:
    outcome: Outcome
    text: str = ""


class Provider(Protocol):
    @property
    def name(self) -> str:
        """For logs and the outbox; holds no password."""

    def send(self, mail: Mail, before_text: Callable[[], None]) -> Result:
        """Hand one mail over. `before_text` is called right before the provider could accept it."""


class SmtpProvider:
    """`smtp://user:password@host:587` (STARTTLS, or no mail), `smtps://…:465` (TLS), `smtp+plain://…:25` (none)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or ""
        self._port = parts.port or {"smtp": 587, "smtps": 465}.get(parts.scheme, 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        if not self._host:
            raise ValueError("it names no host")
        if self._user and parts.scheme == "smtp+plain":
            raise ValueError("smtp+plain would send the password in the clear: use smtp or smtps")

    @property
    def name(self) -> str:
        return f"{self._host}:{self._port}"

    def send(self, mail: Mail, before_text: Callable[[], None]) -> Result:
        try:
            line = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            return Result(Outcome.FAILED, _words(error))
        try:
            with _within(DIALOGUE_SECONDS, line):
                refusal = self._begin(line, mail)
            if refusal:
                return refusal
            before_text()
            with _within(ACCEPT_SECONDS, line):
                return self._hand_over(line, mail)
        except (OSError, smtplib.SMTPException) as error:
            return Result(Outcome.FAILED, _words(error))
        finally:
            _hang_up(line)

    def _connect(self) -> smtplib.SMTP:
        """A line whose provider has greeted. Raises OSError, SMTPException."""
        where = (self._host, self._port)
        if self._scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(*where, timeout=COMMAND_SECONDS, context=context)
        return smtplib.SMTP(*where, timeout=COMMAND_SECONDS)

    def _begin(self, line: smtplib.SMTP, mail: Mail) -> Result | None:
        """All up to the text; None: it may follow. Raises what smtplib raises."""
        line.ehlo()
        if self._scheme == "smtp":
            line.starttls(context=ssl.create_default_context())
            line.ehlo()
        if self._user:
            line.login(self._user, self._password)
        options = ["BODY=8BITMIME"] if line.has_extn("8bitmime") else []
        for code, reply in _envelope(line, mail, options):
            if code not in (250, 251):
                return _refusal(code, reply)
        return None

    def _hand_over(self, line: smtplib.SMTP, mail: Mail) -> Result:
        assert line.sock is not None
        line.sock.settimeout(ACCEPT_SECONDS)
        try:
            code, reply = line.data(mail.content)
        except smtplib.SMTPDataError as error:  # it did not even want the text
            return _refusal(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            return Result(Outcome.DOUBT, _words(error))
        return Result(Outcome.SENT) if code == 250 else _refusal(code, reply)


def _envelope(line: smtplib.SMTP, mail: Mail, options: list[str]) -> Iterator[tuple[int, bytes]]:
    yield line.mail(mail.sender, options)
    yield line.rcpt(mail.recipient)


def _refusal(code: int, reply: bytes | str) -> Result:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    outcome = Outcome.REFUSED if 500 <= code < 600 else Outcome.FAILED
    return Result(outcome, f"{code} {' '.join(text.split())}")


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _within(seconds: float, line: smtplib.SMTP) -> Iterator[None]:
    """Cuts the line when the block takes longer: what waits on it then raises SMTPServerDisconnected."""

    def cut() -> None:
        with contextlib.suppress(OSError, AttributeError):
            line.sock.shutdown(2)  # type: ignore[union-attr]

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(line: smtplib.SMTP) -> None:
    """The answer to QUIT says nothing about the mail, so nobody waits for it."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        if line.sock is not None:
            line.putcmd("quit")
    line.close()


class FolderProvider:
    """`folder:///path`: one file a mail, for laptops and tests, where nobody is to get any."""

    def __init__(self, url: str) -> None:
        self._folder = Path(unquote(urlsplit(url).path))
        if not self._folder.is_absolute():
            raise ValueError("it names no folder")

    @property
    def name(self) -> str:
        return f"folder {self._folder}"

    def send(self, mail: Mail, before_text: Callable[[], None]) -> Result:
        name = quote(f"{mail.message_id.strip('<>')} {mail.recipient}", safe=" @.") + ".eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f".{name}"
            draft.write_bytes(mail.content)
            draft.rename(self._folder / name)
        except OSError as error:
            return Result(Outcome.FAILED, _words(error))
        return Result(Outcome.SENT)


KINDS: dict[str, Callable[[str], Provider]] = {
    "smtp": SmtpProvider,
    "smtps": SmtpProvider,
    "smtp+plain": SmtpProvider,
    "folder": FolderProvider,
}


def provider(url: str) -> Provider:
    """The provider that an address names. Raises ValueError, which never repeats the address: it has a password."""
    scheme = urlsplit(url).scheme
    if scheme not in KINDS:
        raise ValueError(f"its scheme is {scheme or 'missing'}; it can be {', '.join(KINDS)}")
    return KINDS[scheme](url)
