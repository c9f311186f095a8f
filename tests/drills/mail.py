"""Mail while its providers misbehave, and while a host dies: are requests as fast as ever, does each mail arrive once?

Two hosts (mesh, APIs, senders), two providers that are real SMTP servers over loopback. Teachers ask for new passwords,
one after the other, while the first provider behaves in one of the ways in which providers fail. What counts as arrived
is what a provider keeps; mails are told apart by Message-ID.
"""

import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.report import Figure, Plot, Report, conditions
from tests.drills.frame import Options
from tests.support.hosts import Hosts
from tests.support.mailbox import Mailbox
from tests.support.nodes import running_mesh
from tests.webapp.support import Client, manage, uuid7
from webapp.mail.outbox import Outbox

SLOW_SECONDS = 10
PATIENCE_SECONDS = 120

MANNERS = [
    "well",
    "late",
    "late-accept",
    "busy",
    "down",
    "drop",
    "accept-and-drop",
    "keep-and-drop",
]
SHORT_MANNERS = ["well", "late-accept", "down", "drop"]
"""Of what each provider does: tests/support/mailbox.py."""
USUAL_MS = 100
"""A request takes at most so much longer than while all is well (medians; they are few, and the machine is busy)."""

HOST_DIES = "host dies"
MAKE_PEOPLE = """
from webapp.accounts.models import *
school = School.objects.get(name="Firstbell Demo School")
User.objects.bulk_create([
    User(username=f"t{{n}}", email=f"t{{n}}@school.example", school=school, password="!") for n in range({count})
])
"""


@dataclass
class Told:
    """What was seen in one manner; times in milliseconds, but `last_seconds`: until the last mail was there."""

    manner: str
    requests: list[float] = field(default_factory=list)
    refused: int = 0
    copies: Counter[str] = field(default_factory=Counter)
    last_seconds: float = 0

    @property
    def lost(self) -> int:
        return len(self.requests) - self.refused - len(self.copies)

    @property
    def doubled(self) -> int:
        return sum(count > 1 for count in self.copies.values())


class Drill:
    def __init__(self, hosts: Hosts, first: Mailbox, second: Mailbox, mails: int) -> None:
        self.hosts, self.first, self.second, self.mails = hosts, first, second, mails
        self._people = iter(range(10**6))

    def misbehave(self, manner: str) -> Told:
        """Ask for mails while the first provider is so, and wait until all are there."""
        self._fresh_senders()
        self._set(manner)
        told = Told(manner)
        began = time.monotonic()
        addresses = [self._ask(told) for _ in range(self.mails)]
        self._wait(told, addresses, began)
        self.first.behave("well")
        if manner == "down":
            self.first.up()
        print(f"mail: {manner}: all there after {told.last_seconds:.1f} s", flush=True)
        return told

    def host_dies(self) -> Told:
        """Host 1 takes the requests and dies with the mails in its outbox; it comes back when host 2 has sent them."""
        self._fresh_senders()
        for mailbox in (self.first, self.second):
            mailbox.behave("busy")
        told = Told(HOST_DIES)
        began = time.monotonic()
        addresses = [self._ask(told) for _ in range(self.mails)]
        self.hosts.mesh.level()
        end = time.monotonic() + 30
        while self._waiting() < self.mails and time.monotonic() < end:
            time.sleep(0.2)
        self.hosts.kill(1)
        for mailbox in (self.first, self.second):
            mailbox.behave("well")
        self._wait(told, addresses, began)
        self.hosts.revive(1)
        end = time.monotonic() + 60
        while self._waiting() and time.monotonic() < end:
            time.sleep(0.2)
        told.copies = self._copies(addresses)
        return told

    def _waiting(self) -> int:
        """Mails in the outbox of host 1, which is asked for all."""
        local = Path(self.hosts.apis[1].env["FIRSTBELL_LOCAL_ROOT"])
        return Outbox(local / "outbox.sqlite3").counts().waiting

    def _fresh_senders(self) -> None:
        """Which have set no provider aside."""
        for node in self.hosts.senders:
            self.hosts.kill_sender(node)
            self.hosts.start_sender(node)

    def _set(self, manner: str) -> None:
        if manner == "down":
            self.first.down()
        elif manner in ("late", "late-accept"):
            self.first.behave(manner, seconds=SLOW_SECONDS)
        elif manner in ("drop", "keep-and-drop", "busy"):
            self.first.behave(manner, times=1)  # each mail once, then well
        else:
            self.first.behave(manner)

    def _ask(self, told: Told) -> str:
        number = next(self._people)
        client = Client(self.hosts.apis[1])
        client.session.headers["X-Forwarded-For"] = f"198.51.100.{number % 250}"
        address = f"t{number}@school.example"
        began = time.perf_counter()
        try:
            answer = client.put(f"password-resets/{uuid7()}", {"email": address})
            told.refused += answer.status_code != 202
        except requests.RequestException:
            told.refused += 1
        told.requests.append((time.perf_counter() - began) * 1000)
        return address

    def _copies(self, addresses: list[str]) -> Counter[str]:
        wanted = set(addresses)
        taken = [*self.first.taken, *self.second.taken]
        return Counter(one.message_id for one in taken if one.recipient in wanted)

    def _wait(self, told: Told, addresses: list[str], began: float) -> None:
        end = began + PATIENCE_SECONDS
        while len(self._copies(addresses)) < self.mails and time.monotonic() < end:
            time.sleep(0.1)
        told.last_seconds = time.monotonic() - began
        # Until the senders know it as well: who is in doubt sends once more.
        while told.manner != HOST_DIES and self._waiting() and time.monotonic() < end:
            time.sleep(0.1)
        told.copies = self._copies(addresses)


def mail(options: Options) -> Report:
    manners = SHORT_MANNERS if options.short else MANNERS
    mails = 4 if options.short else 12
    with (
        tempfile.TemporaryDirectory(prefix="firstbell-mail-") as folder,
        Mailbox() as first,
        Mailbox() as second,
        running_mesh(2) as mesh,
    ):
        hosts = Hosts(mesh, Path(folder), [first.url, second.url])
        try:
            hosts.start()
            count = mails * (len(manners) + 2)
            manage(
                hosts.apis[1].env, "shell", "--no-imports", "-c", MAKE_PEOPLE.format(count=count)
            )
            mesh.level()
            drill = Drill(hosts, first, second, mails)
            told = [drill.misbehave(manner) for manner in manners]
            told.append(drill.host_dies())
        finally:
            hosts.stop()
    return _report(told, mails, options)


def _report(told: list[Told], mails: int, options: Options) -> Report:
    slowest = max(ms for one in told for ms in one.requests)
    lost = sum(one.lost for one in told)
    # The one fault against which SMTP has no remedy: the mail was taken, and the line broke before the word of it.
    doubled = sum(one.doubled for one in told if one.manner != "keep-and-drop")
    figures = [
        Figure("mails asked for", sum(len(one.requests) for one in told)),
        Figure("requests refused", sum(one.refused for one in told), "", "0", not any(one.refused for one in told)),
        Figure("mails lost", lost, "", "0", lost == 0),
        Figure("mails that came twice", doubled, "", "0", doubled == 0),
        Figure("slowest request", round(slowest), "ms", f"no request waits for a provider: < {SLOW_SECONDS * 500}",
               slowest < SLOW_SECONDS * 500),
    ]  # fmt: skip
    usual = next(statistics.median(one.requests) for one in told if one.manner == "well")
    for one in told:
        median = statistics.median(one.requests)
        figures.append(
            Figure(f"{one.manner}: request, median", round(median, 1), "ms",
                   f"as while all is well: < {usual + USUAL_MS:.0f}", median < usual + USUAL_MS)
        )  # fmt: skip
        figures.append(
            Figure(f"{one.manner}: all mails there after", round(one.last_seconds, 1), "s")
        )
        if one.manner == "keep-and-drop":
            figures.append(
                Figure(
                    "keep-and-drop: mails with a second copy, of the same Message-ID", one.doubled
                )
            )
    names = [one.manner for one in told]
    return Report(
        "mail",
        "Mail: providers misbehave, a host dies",
        f"{mails} new passwords are asked for in each way in which the first of two providers misbehaves"
        f" (late: {SLOW_SECONDS} s), and while a host dies with the mails in its outbox.",
        figures=figures,
        plots=[
            Plot("Requests that promise a mail", "ms", names, {
                "median": [round(statistics.median(one.requests), 1) for one in told],
                "slowest": [round(max(one.requests), 1) for one in told],
            }),
            Plot("Until the last mail was there", "s", names, {"": [round(one.last_seconds, 1) for one in told]}),
        ],
        conditions=conditions(hosts=2, providers=2, **{"mails a way": mails, "short": options.short}),
        details={"ways": [{"way": one.manner, "requests_ms": one.requests, "copies": dict(one.copies)} for one in told]},
    )  # fmt: skip
