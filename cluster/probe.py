"""Does the cluster work for people? Does what a teacher and a board do, through public addresses.

`clusterctl probe` decides with it whether an environment is ready and a deployment went well. It knows
no more of the hosts than a browser does, trusts no certificate it was not told to, and leaves what any
lesson leaves: a teaching session, of a lesson that it deletes again. It mends nothing.
"""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cluster.visitor import Socket, Trouble, Visitor

MARKDOWN = "# Probe\n\n---\n\n## Second slide\n\nNote: made and deleted by clusterctl probe."
CLOSE_REVOKED = 4403


@dataclass(frozen=True)
class Host:
    """A host as a browser knows it."""

    name: str
    public_url: str


@dataclass(frozen=True)
class Target:
    """Where to go and as whom."""

    page_url: str
    hosts: tuple[Host, ...]
    username: str
    password: str = field(repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True)
class Step:
    """One thing done. `failure` is None if it worked."""

    name: str
    host: str
    url: str
    seconds: float
    failure: str | None = None


@dataclass
class Report:
    """One lesson: the teacher on one host, the board on the same or another one."""

    teacher: str
    board: str
    steps: list[Step] = field(default_factory=list)

    @property
    def failure(self) -> Step | None:
        return next((step for step in self.steps if step.failure), None)


def pairs(hosts: tuple[Host, ...], host: str | None, each: bool) -> list[tuple[Host, Host]]:
    """Hosts of teacher and board: one `host` for both, each host with the next, or the first with the last."""
    if host is not None:
        return [(one, one) for one in hosts if one.name == host]
    if each:
        return list(zip(hosts, (*hosts[1:], hosts[0]), strict=True))
    return [(hosts[0], hosts[-1])]


def run(
    target: Target, lessons: list[tuple[Host, Host]], ask_page: bool, seconds: float
) -> list[Report]:
    """Teach these lessons, all at once. No wait is longer than `seconds`."""

    async def all_at_once() -> list[Report]:
        probes = [_Probe(target, teacher, board, seconds) for teacher, board in lessons]
        await asyncio.gather(*(probe.run(ask_page and probe is probes[0]) for probe in probes))
        return [probe.report for probe in probes]

    return asyncio.run(all_at_once())


class _Stop(Exception):
    """A step failed; the report says which."""


class _Probe:
    """One lesson from sign-in to sign-out."""

    def __init__(self, target: Target, teacher: Host, board: Host, seconds: float) -> None:
        self._target, self._at, self._board_at = target, teacher, board
        self._visitor = Visitor(target.page_url, target.ca_file, seconds)
        self._classroom = Visitor(target.page_url, target.ca_file, seconds)
        self.report = Report(teacher.name, board.name)

    async def run(self, ask_page: bool) -> None:
        try:
            if ask_page:
                await self._page()
            async with AsyncExitStack() as undo:
                await self._lesson(undo)
        except _Stop:
            pass

    async def _lesson(self, undo: AsyncExitStack) -> None:
        """Each step that leaves something puts on `undo` how it is taken away: done in any case."""
        teacher, board = self._at, self._board_at
        async with self._step("sign in", teacher):
            await self._sign_in()
        undo.push_async_callback(self._undo, "sign out", self._sign_out)
        lesson, teaching = str(_uuid7()), str(_uuid7())
        undo.push_async_callback(self._undo, "delete the lesson", self._delete, lesson)
        async with self._step("save a lesson", teacher):
            await self._save(lesson)
        async with self._step("start teaching", teacher):
            token = await self._start_teaching(teaching, lesson)
        async with self._step("board shows a code", board):
            screen = await self._classroom.socket(board.public_url)
            undo.callback(screen.close)
            await screen.send("pair.open")
            code = (await screen.receive("pair.code"))["code"]
        async with self._step("teacher joins", teacher):
            desk = await self._visitor.socket(teacher.public_url)
            undo.callback(desk.close)
            await desk.hello(token)
        async with self._step("type the code", teacher):
            pairing, symbol = await self._claim(desk, code)
        async with self._step("board shows the symbol", board):
            offer = await screen.receive("pair.offer")
            if offer["symbol"] != symbol:
                raise Trouble("it is not the symbol that the teacher sees")
        async with self._step("tell the number", teacher):
            await desk.send("pair.confirm", pairing=pairing, number=offer["number"])
            await desk.receive("pair.done")
        async with self._step("board joins", board):
            role = (await screen.receive("pair.done"))["token"]
            await screen.hello(role)
        async with self._step("board reads the lesson", board):
            await self._read(teaching, lesson, role)
        async with self._step("change the slide", teacher):
            await desk.change(lesson={"id": lesson, "version": lesson}, at=_place(1))
        async with self._step("board follows", board):
            await screen.shows("at", _place(1))
        async with self._step("send the board away", board):
            await self._revoke(desk, screen, pairing)

    # ---- what the steps do

    async def _page(self) -> None:
        page = Host("page", self._target.page_url)
        async with self._step("page names the hosts", page):
            config = await self._visitor.ask("GET", f"{page.public_url}/config.json", (200,))
            named = {str(host.get("api")) for host in config.get("hosts", [])}
            expected = {host.public_url for host in self._target.hosts}
            if named != expected:
                missing = ", ".join(sorted(expected - named)) or "none is missing"
                extra = ", ".join(sorted(named - expected)) or "none is extra"
                raise Trouble(f"config.json names other hosts; missing: {missing}; extra: {extra}")

    async def _sign_in(self) -> None:
        body = {"username": self._target.username, "password": self._target.password}
        answer = await self._visitor.ask("POST", self._api("session"), (200,), json=body)
        self._visitor.carry(answer["csrf_token"])

    async def _sign_out(self) -> None:
        await self._visitor.ask("DELETE", self._api("session"), (204,))
        await self._visitor.ask("GET", self._api("session"), (401,))

    async def _save(self, lesson: str) -> None:
        body = {
            "title": f"Probe of {self._at.name}",
            "markdown": MARKDOWN,
            "version": lesson,
            "base_version": None,
        }
        # A repeated save is harmless, but nobody else knows this id: it must be new.
        await self._visitor.ask("PUT", self._api(f"lessons/{lesson}"), (201,), json=body)

    async def _delete(self, lesson: str) -> None:
        await self._visitor.ask("DELETE", self._api(f"lessons/{lesson}"), (204,))

    async def _start_teaching(self, teaching: str, lesson: str) -> str:
        url = self._api(f"teachings/{teaching}")
        return (await self._visitor.ask("PUT", url, (201,), json={"lesson": lesson}))["token"]

    async def _claim(self, desk: Socket, code: str) -> tuple[str, str]:
        await desk.send("pair.claim", code=code, position=self._visitor.position)
        claimed = await desk.receive("pair.claimed")
        return claimed["pairing"], claimed["symbol"]

    async def _read(self, teaching: str, lesson: str, token: str) -> None:
        """The teacher's host may be ahead of the board's: the position says what must be there."""
        self._classroom.position = self._visitor.position
        url = f"{self._board_at.public_url}/api/v1/teachings/{teaching}/lessons/{lesson}"
        headers = {"Authorization": f"Bearer {token}"}
        shown = await self._classroom.ask("GET", url, (200,), headers=headers)
        if len(shown["slides"]) != 2:
            raise Trouble(f"it has {len(shown['slides'])} slides instead of 2")

    async def _revoke(self, desk: Socket, screen: Socket, pairing: str) -> None:
        await desk.send("pair.revoke", pairing=pairing)
        code = await screen.is_closed()
        if code != CLOSE_REVOKED:
            raise Trouble(f"its socket was closed with {code} instead of {CLOSE_REVOKED}")

    def _api(self, path: str) -> str:
        return f"{self._at.public_url}/api/v1/{path}"

    # ---- the report

    async def _undo(self, name: str, action: Callable[..., Awaitable[None]], *what: str) -> None:
        """A step that is done after a failure too; then its own failure is not the news."""
        async with self._step(name, self._at):
            await action(*what)

    @asynccontextmanager
    async def _step(self, name: str, host: Host) -> AsyncIterator[None]:
        """Time what is done inside, and note it. Raises _Stop when it fails."""
        began, failure = time.monotonic(), None
        try:
            yield
        except Trouble as trouble:
            failure = str(trouble)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            failure = f"an answer was not what the protocol says: {error!r}"
        seconds = time.monotonic() - began
        self.report.steps.append(Step(name, host.name, host.public_url, seconds, failure))
        if failure is not None:
            raise _Stop


def _place(slide: int) -> dict[str, int]:
    return {"slide": slide, "step": 0}


def _uuid7() -> uuid.UUID:
    """A UUID version 7 (RFC 9562, section 5.7), which names what a page makes."""
    milliseconds = time.time_ns() // 1_000_000 & ((1 << 48) - 1)
    value = (
        milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    )
    return uuid.UUID(int=value)


def as_json(reports: list[Report], seconds: float) -> dict:
    """The outcome as `clusterctl probe --json` prints it."""
    return {
        "well": not any(report.failure for report in reports),
        "seconds": round(seconds, 3),
        "lessons": [
            {
                "teacher": report.teacher,
                "board": report.board,
                "steps": [asdict(step) for step in report.steps],
            }
            for report in reports
        ],
    }
