"""`frames`: a million frames that are wrong in every way known to us, at one node, with an honest lesson beside.

Nine of ten go to a node whose limits of rate and of errors are lifted, so that each is really read; the others to one
as in production. What must hold: the process lives, logs no fault, its memory is bounded, the honest lessons go on
and hold what their teachers wrote and nothing else.
"""

import asyncio
import contextlib
import json
import random
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import psutil
from pycrdt import Doc, Map

from bench.report import Figure, Plot, Report, conditions
from realtime import presence, protocol
from tests.drills.frame import Options
from tests.drills.relay.crowd import Crowd, pace
from tests.drills.relay.servers import Servers, serving
from tests.drills.relay.wire import BINARY, HANDSHAKE, TEXT, frame
from tests.realtime.support import RealtimeNode, new_session, token

BURST = 400
"""Frames of one socket, then another one comes."""
SOCKETS_AT_ONCE = 8
HONEST = 3
GROWTH_MIB = 96
"""A bound on what hostile sockets may cost a process of some 60 MiB; what they sent was many times as much."""


class Unbounded(RealtimeNode):
    """See unbounded_node.py."""

    def run(self, command: list[str], **environ: str) -> None:
        super().run([sys.executable, "-m", "tests.drills.relay.unbounded_node"], **environ)


class Fuzzer:
    """Frames, from a seed. Each kind is a method; `lesson` is the honest one that its tokens are good for."""

    def __init__(self, seed: int, lesson: str) -> None:
        self.random = random.Random(seed)
        self.lesson = lesson
        self.sent: Counter[str] = Counter()
        self.refused = 0
        self._valid = list(self._good_frames())
        self._kinds: list[Callable[[], tuple[int, bytes]]] = [
            self.noise, self.mutated, self.mutated, self.mutated, self.replayed, self.spliced, self.long_lengths,
            self.text, self.text, self.mutated_text, self.token, self.awareness, self.oversized,
        ]  # fmt: skip

    def _good_frames(self) -> Iterator[bytes]:
        """Updates of a document in which things come and go, vectors, awareness: what pages really send."""
        doc: Doc = Doc(client_id=77)
        show = doc.get("show", type=Map)
        for number in range(60):
            before = doc.get_state()
            show["at"] = {"slide": number, "step": 0}
            if number % 3 == 0:
                show[f"ink {number % 7}"] = [number] * self.random.randrange(40)
            if number % 5 == 4:
                show.pop(f"ink {self.random.randrange(7)}", None)
            yield protocol.encode_binary(protocol.UPDATE, doc.get_update(before))
        yield protocol.encode_binary(protocol.STEP1, doc.get_state())
        yield protocol.encode_binary(protocol.STEP2, doc.get_update())
        state = json.dumps({"role": "teacher", "name": "Zoë"}).encode()
        yield protocol.encode_binary(protocol.AWARENESS, presence.encode([(77, 1, state)]))

    def next(self) -> bytes:
        kind = self.random.choice(self._kinds)
        self.sent[kind.__name__] += 1
        return frame(*kind())

    # binary

    def noise(self) -> tuple[int, bytes]:
        return BINARY, self.random.choice((b"", b"\0\0", b"\0\1", b"\0\2", b"\1")) + self._bytes(60)

    def _bytes(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most))

    def replayed(self) -> tuple[int, bytes]:
        """Valid, out of order, again and again."""
        return BINARY, self.random.choice(self._valid)

    def mutated(self) -> tuple[int, bytes]:
        data = bytearray(self.random.choice(self._valid))
        for _ in range(self.random.randrange(1, 5)):
            at = self.random.randrange(len(data))
            what = self.random.randrange(4)
            if what == 0:
                data[at] = self.random.randrange(256)
            elif what == 1:
                data[at] ^= 1 << self.random.randrange(8)
            elif what == 2:
                del data[at : at + self.random.randrange(1, 4)]
            else:
                data[at:at] = self._bytes(4)
            if not data:
                break
        return BINARY, bytes(data)

    def spliced(self) -> tuple[int, bytes]:
        one, other = self.random.choice(self._valid), self.random.choice(self._valid)
        return BINARY, one[: self.random.randrange(len(one))] + other[
            self.random.randrange(len(other)) :
        ]

    def long_lengths(self) -> tuple[int, bytes]:
        """Numbers that say there is far more than comes."""
        huge = protocol.write_varint(self.random.choice((2**31, 2**32, 2**53, 2**62, 2**63 - 1)))
        body = b"".join(self.random.choice((huge, b"\1", b"\0", b"\x7f")) for _ in range(6))
        kind = self.random.choice(
            (protocol.STEP1, protocol.STEP2, protocol.UPDATE, protocol.AWARENESS)
        )
        return BINARY, protocol.encode_binary(kind, body)

    def awareness(self) -> tuple[int, bytes]:
        """Well made, and lies: another role, another's client, many clients, states that pages can't read."""
        state = self.random.choice(
            (b"null", b'{"role": "teacher"}', b'{"role": "board", "pairing": "x"}', b"{}", b'{"a": NaN}',
             b"7", b"\xff\xfe", b"[" * 500, b'{"role": "teacher", "x": "' + b"y" * 9000 + b'"}')
        )  # fmt: skip
        client = self.random.choice((77, self.random.getrandbits(32), 2**53, 2**60))
        entries = [(client, self.random.getrandbits(20), state)] * self.random.choice((1, 1, 1, 30))
        return BINARY, protocol.encode_binary(protocol.AWARENESS, presence.encode(entries))

    def oversized(self) -> tuple[int, bytes]:
        """Over 16 KiB of text, over 1 MiB, over the 4 MiB at which the websocket layer closes; rarely, for their size."""
        if self.random.random() < 0.9:
            return self.noise()
        size = self.random.choice((20_000, 20_000, 20_000, 2**20 + 1, 2**22 + 1))
        return self.random.choice((TEXT, BINARY)), self.random.choice((b"x", b"\0\2\xff")) * size

    # text

    def text(self) -> tuple[int, bytes]:
        kind = self.random.choice((*protocol.CLIENT, "move", "no.such", ""))
        values: tuple = (
            None, 0, -1, 1e308, 2**70, "", "1", "123456", "x" * 5000, [], {}, True, "\ud800", str(uuid.uuid4()),
        )  # fmt: skip
        fields = {name: self.random.choice(values) for name in protocol.CLIENT.get(kind, {"x": ()})}
        return TEXT, json.dumps({"type": kind, **fields}).encode()

    def mutated_text(self) -> tuple[int, bytes]:
        text = bytearray(self.random.choice((
            b'{"type": "ping", "t": 1}', b'{"type": "pair.claim", "code": "123456"}', b'{"type": "pair.open"}',
            b'{"type": "pair.revoke", "pairing": "00000000-0000-4000-8000-000000000000"}', b"[" * 3000, b'"\\ud800"',
        )))  # fmt: skip
        for _ in range(self.random.randrange(3)):
            text[self.random.randrange(len(text))] = self.random.randrange(32, 127)
        return TEXT, bytes(text)

    def token(self) -> tuple[int, bytes]:
        """A hello with a token that is mutated, expired, of another key, of another session, or cut off."""
        make = self.random.choice((
            lambda: token(self.lesson, seconds=-60),
            lambda: token(self.lesson, key="another key of more than 32 bytes!"),
            lambda: token("no uuid"),
            lambda: token(self.lesson, role="admin"),
            lambda: token(new_session()),
            lambda: token(self.lesson)[: self.random.randrange(200)],
            lambda: "".join(self.random.choice((c, c, c, "A", ".")) for c in token(self.lesson)),
            lambda: "x" * 20_000,
        ))  # fmt: skip
        hello = {"type": "hello", "protocol": self.random.choice((1, 1, 2)), "token": make()}
        return TEXT, json.dumps(hello).encode()

    # sockets

    def greeting(self) -> bytes:
        """How a socket begins: as nobody, as the honest lesson's board, as a board or teacher of a lesson of its own."""
        role, session = self.random.choice(
            (
                ("", ""),
                *[("board", self.lesson), ("board", new_session()), ("teacher", new_session())] * 3,
            )
        )
        if not role:
            return b""
        hello = {"type": "hello", "protocol": 1, "token": token(session, role, str(uuid.uuid4()))}
        return frame(TEXT, json.dumps(hello).encode())

    def broken_wire(self) -> bytes:
        """Frames that are no websocket's: wrong opcodes, unmasked, never ended, too long, control frames too long."""
        return self.random.choice((
            b"\x83\x80\0\0\0\0", b"\xf2\x80\0\0\0\0", b"\x82\x05hello", b"\x02\x81\0\0\0\0x" * 30,
            b"\x82\xff" + (2**62).to_bytes(8) + b"\0\0\0\0", b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256,
            b"\x88\x81\0\0\0\0x", b"\x80\x80\0\0\0\0", b"\x81\x82\0\0\0\0\xff\xfe", b"GET / HTTP/1.1\r\n\r\n",
        ))  # fmt: skip


def frames(options: Options) -> Report:
    with serving(1) as servers:
        strict = servers.nodes[1]
        loose = Unbounded(2, servers.folder, **{
            key: value for key, value in strict.environ.items()
            if key in ("REALTIME_BACKPLANE", "REALTIME_NATS_URL", "REALTIME_SYNC_SECONDS")
        }, REALTIME_UNLOAD_SECONDS="2")  # fmt: skip
        servers.nodes[2] = loose
        loose.start()
        return asyncio.run(_round(servers, options))


async def _round(servers: Servers, options: Options) -> Report:
    say = pace("frames")
    crowd = Crowd(servers.hosts, HONEST, options.seed, 0.5)
    await crowd.arrive()
    crowd.steer()
    fuzzer = Fuzzer(options.seed, crowd.pairs[0].board.session)
    memory = {node.name: [_mib(node)] for node in servers.nodes.values()}
    pids = {node.name: node.pid for node in servers.nodes.values()}
    part = max(1, options.frames // 20)
    while (sent := fuzzer.sent.total()) < options.frames:
        # production's limits end a socket after five faults: most of its burst is never read
        for node, share in ((servers.nodes[2], 0.9), (servers.nodes[1], 0.1)):
            await _burst(node.port, fuzzer, int(part * share))
        for node in servers.nodes.values():
            memory[node.name].append(_mib(node))
        say(
            f"{sent + part} frames; MiB: { {name: round(found[-1]) for name, found in memory.items()} }"
        )
        if any(_mib(node) == 0 for node in servers.nodes.values()):
            break
    await crowd.settle()
    stray = sum(_strays(pair) for pair in crowd.pairs)
    crowd.leave()
    alive = sum(pids[node.name] == node.pid and _mib(node) > 0 for node in servers.nodes.values())
    faults = servers.faults()
    # the first parts fill caches and arenas; from then on it must not grow with what is sent
    growth = max(max(found) - found[min(2, len(found) - 1)] for found in memory.values())
    figures = [
        Figure("frames sent", fuzzer.sent.total()),
        Figure("of these, told to be wrong", fuzzer.refused, "", "a third, else they were not read",
               fuzzer.refused * 3 >= fuzzer.sent.total()),
        Figure("nodes that live as they began", alive, "of 2", "2", alive == 2),
        Figure("errors in the nodes' logs", len(faults), "", "0", not faults),
        Figure("memory that a node took beyond its first tenth", round(growth), "MiB", f"≤ {GROWTH_MIB}", growth <= GROWTH_MIB),
        *crowd.figures(),
        Figure("what nobody's teacher wrote, in the honest lessons", stray, "", "0", stray == 0),
    ]  # fmt: skip
    return Report(
        "frames",
        "Realtime: wrong frames",
        f"{fuzzer.sent.total()} frames that are malformed, oversized, replayed, out of order or lie about who sends them,"
        f" at two nodes with {HONEST} honest lessons on them; one of the nodes has its limits lifted, so that it reads all.",
        figures=figures,
        plots=[Plot("Memory of the nodes", "MiB", [str(n) for n in range(len(memory["host1"]))],
                    {name: [round(one) for one in found] for name, found in memory.items()}, "line")],
        conditions=conditions(seed=options.seed, frames=options.frames, short=options.short),
        details={"kinds": dict(fuzzer.sent), "faults": faults[:20]},
    )  # fmt: skip


async def _burst(port: int, fuzzer: Fuzzer, count: int) -> None:
    """So many frames, over as many sockets as they need."""
    goal = fuzzer.sent.total() + count

    async def one_after_the_other() -> None:
        while fuzzer.sent.total() < goal:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await asyncio.wait_for(_socket(port, fuzzer, min(BURST, count)), 60)

    await asyncio.gather(*(one_after_the_other() for _ in range(SOCKETS_AT_ONCE)))


async def _socket(port: int, fuzzer: Fuzzer, burst: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = None
    try:
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        reading = asyncio.create_task(_read_all(reader, fuzzer))
        writer.write(fuzzer.greeting())
        for number in range(burst):
            writer.write(fuzzer.next())
            if number % 10 == 0:
                await asyncio.sleep(0)  # or it would not be seen that the node has ended it
            if writer.transport.get_write_buffer_size() > 65536:
                draining = asyncio.ensure_future(writer.drain())
                await asyncio.wait({draining, reading}, return_when=asyncio.FIRST_COMPLETED)
                draining.cancel()
            if reading.done() or writer.transport.is_closing():
                return  # the node has ended it
        writer.write(fuzzer.broken_wire())
        writer.write_eof()
        await asyncio.wait_for(reading, 3)
    finally:
        if reading is not None:
            reading.cancel()
        writer.transport.abort()


async def _read_all(reader: asyncio.StreamReader, fuzzer: Fuzzer) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            fuzzer.refused += data.count(b'"type": "error"')
            if _ends_with_close(data):
                return


def _ends_with_close(data: bytes) -> bool:
    """Whether the node's last word is a close frame; it would wait 5 s for an answer."""
    at = data.rfind(b"\x88", -127)
    return at >= 0 and len(data) >= at + 2 and data[at + 1] == len(data) - at - 2


def _mib(node: RealtimeNode) -> float:
    """Resident memory; 0 if the process is gone."""
    try:
        return psutil.Process(node.pid).memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


def _strays(pair) -> int:
    """Entries of a board's document that its teacher did not write."""
    pair.board.doc.get("show", type=Map)
    own = {f"{pair.teacher.doc.client_id} {n}" for n in range(len(pair.teacher.sent))}
    return len(set(pair.board.steps.to_py() or []) - own) + len(
        pair.board.doc.get("show", type=Map).to_py() or {}
    )
