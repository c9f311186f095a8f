"""`python -m bench.generator`: the pages of all realtime benchmarks, in a process of their own.

One job as JSON on stdin, one answer as JSON on stdout; diagnostics on stderr. All contestants get the same frames, which
are those of a page that shows the next step (or, `awareness`, moves a pointer). Only a Firstbell node is also told who
the page is, asked for its state, and pinged once a second, as its pages do; the others are spared that.
"""

import asyncio
import gc
import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from pycrdt import Doc, Map

from bench.cores import Used, allow_files
from realtime import presence, protocol
from realtime.settings import Limits
from tests.drills.relay.waits import BOARD_PRESENCE_TICKS
from tests.drills.relay.wire import BINARY, TEXT, Wire, frame, handshake
from tests.realtime.support import token

FRAME_BYTES = 120
"""Between a step (60) and a pointer (170); the length of numbers in a frame varies by two or three."""
CLIENT = 77
HANDSHAKES_AT_ONCE = 50
HANDSHAKES_PER_SECOND = 0.8 * Limits().handshakes_per_second
"""Of pages on all contestants; a node of ours refuses more than it allows."""
CONNECT_SECONDS = 60.0
WARM_SECONDS = 1.0
STALLED_SECONDS = 10.0
BURST = 0.5 * Limits().frames_burst
"""No page of ours may send more than a node takes from one; with pairs enough they are far from it."""


def updates(count: int) -> list[bytes]:
    """What one page sends while it goes on step by step. Each session is a document of its own, so all may send the same."""
    doc: Doc = Doc(client_id=CLIENT)
    show = doc.get("show", type=Map)
    frames = []
    for number in range(count):
        before = doc.get_state()
        show["at"] = {"slide": number % 60, "step": 0, "padding": "x" * (FRAME_BYTES - 62)}
        frames.append(protocol.encode_binary(protocol.UPDATE, doc.get_update(before)))
    return frames


def pointers(count: int) -> list[bytes]:
    """What one page sends while a pointer moves: relayed without a look into the document."""
    frames = []
    for number in range(count):
        state: dict[str, Any] = {
            "role": "teacher",
            "name": "Ada",
            "pointer": {"kind": "laser", "slide": 1, "x": number % 5120, "y": 99},
        }
        state["padding"] = "x" * (FRAME_BYTES - 28 - len(json.dumps(state)))
        body = presence.encode([(CLIENT, number + 1, json.dumps(state).encode())])
        frames.append(protocol.encode_binary(protocol.AWARENESS, body))
    return frames


FRAMES: dict[str, Callable[[int], list[bytes]]] = {
    "plain": updates,
    "updates": updates,
    "awareness": pointers,
}


class Peer(Wire):
    """One socket. `role`: teacher or board; `plain`: to a rival, which knows no roles."""

    def __init__(self, session: str, role: str, kind: str) -> None:
        super().__init__()
        self.plain = kind == "plain"
        if self.plain:
            self.request = handshake(f"/{session}")
        self.session, self.role = session, role
        self.subject = "7" if role == "teacher" else session
        self.ready = asyncio.get_running_loop().create_future()
        self.mark = b"\1" if kind == "awareness" else b"\0\2"
        self.on_frame: Callable[[], None] = lambda: None
        self.pongs: list[float] = []
        self.errors: list[str] = []
        self.closed: int | None = None
        self._asked_at = 0.0

    def opened(self) -> None:
        if self.plain:
            self.ready.set_result(None)
            return
        hello = {
            "type": "hello",
            "protocol": 1,
            "token": token(self.session, self.role, self.subject),
        }
        self.write(frame(TEXT, json.dumps(hello).encode()))
        self.write(frame(BINARY, protocol.encode_binary(protocol.STEP1, b"\0")))

    def text(self, payload: bytes) -> None:
        if b'"pong"' in payload:
            self.pongs.append(time.perf_counter() - self._asked_at)
        elif b'"welcome"' in payload:
            self.ready.set_result(None)
        elif b'"error"' in payload:
            self.errors.append(json.loads(payload)["code"])

    def binary(self, payload: bytes) -> None:
        if payload.startswith(self.mark):
            self.on_frame()

    def ended(self, code: int) -> None:
        self.closed = code
        if not self.ready.done():
            self.ready.set_exception(
                ConnectionError(f"no socket for a {self.role}: {code} {self.errors}")
            )

    def ping(self) -> None:
        self._asked_at = time.perf_counter()
        self.write(frame(TEXT, b'{"type":"ping","t":%d}' % (self._asked_at * 1000)))

    async def live(self) -> None:
        """What a page does by itself once a second: a ping, and who is there (a board says so more rarely)."""
        state = {"role": self.role, **({} if self.role == "teacher" else {"pairing": self.subject})}
        loop = asyncio.get_running_loop()
        due, every = (
            loop.time() + random.random(),
            1 if self.role == "teacher" else BOARD_PRESENCE_TICKS,
        )
        ticks = random.randrange(every)
        client = random.getrandbits(31) + CLIENT + 1
        while self.closed is None:
            await asyncio.sleep(due - loop.time())
            due, ticks = due + 1, ticks + 1
            self.ping()
            if ticks % every == 0 and self.mark != b"\1":
                body = presence.encode([(client, ticks + 1, json.dumps(state).encode())])
                self.write(frame(BINARY, protocol.encode_binary(protocol.AWARENESS, body)))


async def _connect(peer: Peer, port: int) -> None:
    await asyncio.get_running_loop().create_connection(lambda: peer, "127.0.0.1", port)


class Pages:
    """Pairs of a teacher's and a board's socket. `ports`: the teachers' server, and the boards' if it is another one."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.kind, self.ports = job["kind"], job["ports"]
        self.pairs: list[tuple[Peer, Peer]] = []
        self._lives: list[asyncio.Task[None]] = []

    async def arrive(self, count: int) -> None:
        """That many pairs, all welcomed; raises ConnectionError or TimeoutError."""
        began = time.perf_counter()
        for start in range(0, count, HANDSHAKES_AT_ONCE // 2):
            new = [
                self._new_pair() for _ in range(start, min(count, start + HANDSHAKES_AT_ONCE // 2))
            ]
            sockets = [
                (peer, port)
                for pair in new
                for peer, port in zip(pair, (self.ports[0], self.ports[-1]), strict=True)
            ]
            await asyncio.gather(*(_connect(*each) for each in sockets))
            await asyncio.wait_for(
                asyncio.gather(*(peer.ready for peer, _ in sockets)), CONNECT_SECONDS
            )
            self.pairs += new
            due = began + 2 * len(self.pairs) / HANDSHAKES_PER_SECOND
            await asyncio.sleep(due - time.perf_counter())
            if self.kind != "plain":
                self._lives += [asyncio.create_task(peer.live()) for peer, _ in sockets]

    def _new_pair(self) -> tuple[Peer, Peer]:
        session = str(uuid.uuid4())
        return Peer(session, "teacher", self.kind), Peer(session, "board", self.kind)

    @property
    def peers(self) -> list[Peer]:
        return [peer for pair in self.pairs for peer in pair]

    def leave(self) -> dict[str, Any]:
        """Who fared ill: errors told, sockets lost."""
        ill = {
            "errors": [e for p in self.peers for e in p.errors],
            "closed": sum(p.closed is not None for p in self.peers),
        }
        for task in self._lives:
            task.cancel()
        for peer in self.peers:
            peer.end()
        return ill


async def relay(job: dict[str, Any]) -> dict[str, Any]:
    """As many as the server relays: each pair sends its next frame when the board has the one before."""
    pages, seconds = Pages(job), job["seconds"]
    await pages.arrive(job["pairs"])
    frames = [
        frame(BINARY, one) for one in FRAMES[job["kind"]](int(130 * (seconds + WARM_SECONDS)) + 400)
    ]
    done = [0] * job["pairs"]
    loop, arrived, allowed = (
        asyncio.get_running_loop(),
        time.perf_counter(),
        0.9 * Limits().frames_per_second,
    )

    def next_of(number: int, teacher: Peer) -> Callable[[], None]:
        def send() -> None:
            done[number] += 1
            early = done[number] - allowed * (time.perf_counter() - arrived) - BURST
            if early > 0 and not teacher.plain:
                loop.call_later(early / allowed, teacher.write, frames[done[number] % len(frames)])
            else:
                teacher.write(frames[done[number] % len(frames)])

        return send

    for number, (teacher, board) in enumerate(pages.pairs):
        board.on_frame = next_of(number, teacher)
        teacher.write(frames[0])
    await asyncio.sleep(WARM_SECONDS)
    began, first, used = time.perf_counter(), sum(done), _used(job)
    lost, seen, since = 0, list(done), [began] * len(done)
    while (now := time.perf_counter()) - began < seconds:
        await asyncio.sleep(min(1.0, seconds - (now - began)))
        for number, (teacher, _) in enumerate(pages.pairs):
            if done[number] != seen[number]:
                seen[number], since[number] = done[number], now
            elif now - since[number] > STALLED_SECONDS:
                lost, since[number] = lost + 1, now
                teacher.write(frames[done[number] % len(frames)])
    took = time.perf_counter() - began
    count = sum(done) - first
    return {
        "messages": count,
        "seconds": took,
        "lost": lost,
        **_shares(job, used, took),
        **pages.leave(),
    }


async def latency(job: dict[str, Any]) -> dict[str, Any]:
    """Each teacher sends at `rate`, at moments of her own, whatever became of the frames before; ms until the board has each."""
    pages, seconds, rate = Pages(job), job["seconds"], job["rate"]
    await pages.arrive(job["pairs"])
    frames = [
        frame(BINARY, one) for one in FRAMES[job["kind"]](int(rate * (seconds + WARM_SECONDS)) + 10)
    ]
    took: list[float] = []
    late = 0.0
    loop = asyncio.get_running_loop()
    measuring = False
    sent = 0

    async def steer(teacher: Peer, board: Peer) -> None:
        nonlocal late, sent
        waiting: list[float] = []

        def came() -> None:
            at = waiting.pop(0) if waiting else None
            if at is not None and at >= 0:
                took.append((time.perf_counter() - at) * 1000)

        board.on_frame = came
        due = loop.time() + random.random() / rate
        for one in frames:
            await asyncio.sleep(due - loop.time())
            late = max(late, loop.time() - due) if measuring else late
            due += 1 / rate
            waiting.append(time.perf_counter() if measuring else -1.0)
            sent += measuring
            teacher.write(one)

    work = [asyncio.create_task(steer(*pair)) for pair in pages.pairs]
    await asyncio.sleep(WARM_SECONDS)
    measuring, began, used = True, time.perf_counter(), _used(job)
    await asyncio.sleep(seconds)
    measuring, shares = False, _shares(job, used, time.perf_counter() - began)
    await asyncio.sleep(1)
    for task in work:
        task.cancel()
    return {
        "took_ms": [round(one, 3) for one in took],
        "sent": sent,
        "late_ms": late * 1000,
        **shares,
        **pages.leave(),
    }


async def idle(job: dict[str, Any]) -> dict[str, Any]:
    """Sockets that do no more than pages that nobody touches; KiB of the server's memory for each."""
    before = Used.by(job["servers"]).memory
    pages = Pages(job)
    began = time.perf_counter()
    await pages.arrive(job["sockets"] // 2)
    arrived = time.perf_counter() - began
    await asyncio.sleep(job["seconds"] / 2)
    for peer in pages.peers:
        peer.pongs.clear()
    used, began = _used(job), time.perf_counter()
    await asyncio.sleep(job["seconds"] / 2)
    shares = _shares(job, used, time.perf_counter() - began)
    after = Used.by(job["servers"]).memory
    pongs = [round(one * 1000, 2) for peer in pages.peers for one in peer.pongs]
    return {"kib": (after - before) / (2 * len(pages.pairs)), "sockets": 2 * len(pages.pairs), "arrived_seconds": arrived,
            "pongs_ms": pongs, **shares, **pages.leave()}  # fmt: skip


def _used(job: dict[str, Any]) -> list[float]:
    servers = Used.by(job["servers"])
    return [servers.cpu, servers.waited, Used.by(job["helpers"]).cpu, time.process_time()]


def _shares(job: dict[str, Any], before: list[float], seconds: float) -> dict[str, float]:
    """Of one core, since then: the servers' (and what they wanted while others had it), what they lean on, this process."""
    now = _used(job)
    names = ("server_share", "server_waited", "helper_share", "generator_share")
    return {name: (a - b) / seconds for name, a, b in zip(names, now, before, strict=True)}


def main() -> int:
    job = json.load(sys.stdin)
    gc.disable()  # pauses of ours would be taken for the server's
    allow_files(job.get("files") or job.get("sockets") or 2 * job["pairs"])
    if job["what"] == "revival":
        from bench.revival import pages  # its pages know all that links.ts knows

        work = pages(job)
    else:
        work = {"relay": relay, "latency": latency, "idle": idle}[job["what"]](job)
    json.dump(asyncio.run(work), sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
