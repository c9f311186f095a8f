"""Clients that hop: each request goes to a random host first, with the position of the last answer, as a page's would.

Registers are lessons, values the versions of their saves, all through the product's API over HTTP. Each client is a
teacher's page with a board of its own, paired through a real realtime node: the board begins with the position that
`pair.done` handed it, and reads with its role token.

How a page goes on is `webapp/frontend/src/core/api.ts`: each host at most once for a request; `409 behind` and hosts
that don't answer send it to the next; if none is left and one was behind, it forgets its position, says that what it
shows may be older, and asks once more.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.drills.history import Event
from tests.drills.hosts import Hosts
from tests.realtime.support import Page, RealtimeNode
from tests.realtime.support import pair as pair_pages
from tests.webapp.support import PAGE_ORIGIN, Client, uuid7

REQUEST_SECONDS = 5.0
"""Longer than an agent takes to let commits go on without a peer."""
ANSWERS_PER_SECOND = 20
GONE = (502, 503, 504)
WRITES, BOARD_READS, PAIRINGS = 0.25, 0.25, 0.03
"""Shares of what a client does next; the rest is reading."""


class Behind(Exception):
    """No host could answer, and one at least because it lacks what this client was told."""


class Unreachable(Exception):
    """No host could answer."""


@dataclass
class Reader:
    """What a page keeps: its position, and what it was shown last of each register. `name`: in what is found broken."""

    name: str
    hosts: Hosts
    random: random.Random
    http: requests.Session
    headers: dict[str, str]
    path: str = "/api/v1/lessons/"
    position: str = ""
    shown: dict[str, str] = field(default_factory=dict)
    history: list[Event] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """As a page asks. Raises Unreachable."""
        try:
            return self._ask_each(method, path, **options)
        except Behind:
            self.position = ""
            self.shown.clear()
            self.history.append(Event("older"))
            self.answers["went on with what may be older"] += 1
        try:
            return self._ask_each(method, path, **options)
        except Behind as error:  # without a position nobody is behind
            raise AssertionError("behind what?") from error

    def _ask_each(self, method: str, path: str, **options: Any) -> requests.Response:
        behind = False
        for node in self.random.sample(self.hosts.numbers, len(self.hosts.numbers)):
            try:
                answer = self.ask_one(node, method, path, **options)
            except requests.RequestException:
                self.answers["no answer"] += 1
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == 409:
                behind = True
            elif answer.status_code not in GONE:
                self.position = answer.headers.get("Firstbell-Position") or self.position
                return answer
        raise Behind if behind else Unreachable

    def ask_one(self, node: int, method: str, path: str, **options: Any) -> requests.Response:
        """One request to one host. Raises requests.RequestException."""
        headers = {**self.headers, "Origin": PAGE_ORIGIN}
        if self.position:
            headers["Firstbell-Position"] = self.position
        url = self.hosts.url(node, path)
        return self.http.request(method, url, headers=headers, timeout=REQUEST_SECONDS, **options)

    def read(self, register: str) -> None:
        """Ask for one register, and note what was shown. Raises Unreachable."""
        self.note(register, self.ask("GET", self.path + register))

    def note(self, register: str, answer: requests.Response) -> None:
        """What an answer to a read showed; one that is neither it nor `not found` is none."""
        host = int(answer.headers.get("Firstbell-Node") or 0)
        if answer.status_code in (401, 403, 404):  # its session, or the lesson, is not there
            self.history.append(Event("read", register, None, host))
        elif answer.ok:
            self.saw("read", register, answer.json()["version"], host)

    def saw(self, kind: Any, register: str, value: str, host: int) -> None:
        self.shown[register] = value
        self.history.append(Event(kind, register, value, host))


class Hopper(threading.Thread):
    """One client, until `stop` is set: a teacher's page, and the boards that it pairs one after the other."""

    def __init__(
        self, name: str, hosts: Hosts, signed_in: Client, registers: list[str], seed: str,
        realtime: RealtimeNode, stop: threading.Event,
    ):  # fmt: skip
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.registers, self.realtime, self._stop_it = registers, realtime, stop
        http = requests.Session()
        http.cookies.update(signed_in.session.cookies)  # valid on all hosts
        headers = {"X-CSRFToken": signed_in.csrf_token}
        self.page = Reader(name, hosts, self.random, http, headers)
        self.boards: list[Reader] = []
        self.failed: Exception | None = None

    @property
    def readers(self) -> list[Reader]:
        return [self.page, *self.boards]

    def run(self) -> None:
        try:
            while not self._stop_it.is_set():
                try:
                    self._choose()()
                except Unreachable:
                    self.page.answers["gave up: nobody answered"] += 1
        except Exception as error:
            self.failed = error

    def _choose(self) -> Callable[[], None]:
        die = self.random.random()
        register = self.random.choice(self.registers)
        if die < PAIRINGS and self.page.shown:
            return lambda: self._pair(register)
        if die < PAIRINGS + BOARD_READS and self.boards:
            return lambda: self.boards[-1].read(register)
        if die < PAIRINGS + BOARD_READS + WRITES and register in self.page.shown:
            return lambda: self._write(register)
        return lambda: self.page.read(register)

    def _write(self, register: str) -> None:
        value = uuid7()
        body = {"title": "Register", "markdown": f"# {value}\n", "version": value,
                "base_version": self.page.shown[register]}  # fmt: skip
        answer = self.page.ask("PUT", self.page.path + register, json=body)
        host = int(answer.headers.get("Firstbell-Node") or 0)
        if answer.status_code == 412 and (current := answer.json()["current"]):
            self.page.saw("read", register, current["version"], host)
        elif answer.ok:
            self.page.saw("write", register, value, host)
        else:
            self.page.note(register, answer)

    def _pair(self, register: str) -> None:
        """A new teaching session, and a board paired into it, which is handed the page's position."""
        teaching = uuid7()
        answer = self.page.ask("PUT", f"/api/v1/teachings/{teaching}", json={"lesson": register})
        if not answer.ok:
            return self.page.note(register, answer)
        done = asyncio.run(self._through_realtime(answer.json()["token"]))
        board = Reader(
            f"{self.page.name}, board {len(self.boards) + 1}", self.page.hosts, self.random, requests.Session(),
            {"Authorization": f"Bearer {done['token']}"}, f"/api/v1/teachings/{done['session']}/lessons/",
            done.get("position", ""),
        )  # fmt: skip
        for known, value in self.page.shown.items():
            board.saw("told", known, value, 0)
        self.boards.append(board)

    async def _through_realtime(self, token: str) -> dict[str, Any]:
        """pair.done, as the board hears it."""
        teacher = await Page.hello(self.realtime, token)
        board = await Page.open(self.realtime)
        try:
            return await pair_pages(board, teacher, position=self.page.position)
        finally:
            teacher.close()
            board.close()


class Hoppers:
    """`with Hoppers(...) as clients:` they hop meanwhile. Raises what a client failed with."""

    def __init__(
        self, hosts: Hosts, registers: list[str], count: int, seed: int, realtime: RealtimeNode
    ):
        self._stop = threading.Event()
        client = Client(hosts.apis[hosts.numbers[0]])
        answer = client.sign_in("ada")
        assert answer.ok, answer.text
        for register in registers:
            body = {"title": "Register", "markdown": "# 0\n", "version": uuid7(), "base_version": None}  # fmt: skip
            answer = client.put(f"lessons/{register}", body)
            assert answer.status_code == 201, answer.text
        hosts.level(
            60
        )  # the session above all: it is `local`, and a host that dies now took it along
        self.each = [
            Hopper(f"client {i}", hosts, client, registers, f"{seed}/{i}", realtime, self._stop)
            for i in range(1, count + 1)
        ]

    def __enter__(self) -> "Hoppers":
        for hopper in self.each:
            hopper.start()
        return self

    def wait(self, seconds: float) -> bool:
        """Let them hop for so long; on a machine that is busy, until there were some answers too."""
        had, began = self.answers.total(), time.monotonic()
        while (passed := time.monotonic() - began) < 8 * seconds:
            if passed >= seconds and self.answers.total() - had >= ANSWERS_PER_SECOND * seconds:
                break
            time.sleep(0.05)
        return True

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for hopper in self.each:
            hopper.join(60)
        for hopper in self.each:
            if hopper.failed:
                raise hopper.failed

    @property
    def readers(self) -> list[Reader]:
        return [reader for hopper in self.each for reader in hopper.readers]

    @property
    def last(self) -> list[Reader]:
        """The pages, and of each the board that it paired last."""
        return [r for hopper in self.each for r in (hopper.page, *hopper.boards[-1:])]

    @property
    def answers(self) -> Counter[str]:
        return sum((Counter(reader.answers) for reader in self.readers), Counter[str]())
