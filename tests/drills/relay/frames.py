"""`frames`: a million frames that are wrong in every way known to us, at one node, with an honest lesson beside.

Nine of ten go to a node whose limits of rate and of errors are lifted, so that each is really read; the others to one
as in production. What must hold: the process lives, logs no fault, its memory is bounded, the honest lessons go on
and hold what their teachers wrote and nothing else.
"""

import asyncio
import contextlib

import psutil
from pycrdt import Map

from bench.report import Figure, Plot, Report, conditions
from tests.drills.frame import Options
from tests.drills.relay.crowd import Crowd, pace
from tests.drills.relay.fuzzer import Fuzzer
from tests.drills.relay.servers import Servers, serving
from tests.drills.relay.wire import HANDSHAKE
from tests.realtime.support import RealtimeNode

BURST = 400
"""Frames of one socket, then another one comes."""
SOCKETS_AT_ONCE = 8
HONEST = 3
GROWTH_MIB = 96
"""A bound on what hostile sockets may cost a process of some 60 MiB; what they sent was many times as much."""


UNBOUNDED = {
    "frames_per_second": 1e9,
    "frames_burst": 1e9,
    "bad_frames": 10**9,
    "handshakes_per_second": 1e9,
    "handshakes_burst": 1e9,
}
"""Without the limits that end a fuzzer early."""


def frames(options: Options) -> Report:
    with serving(1) as servers:
        strict = servers.nodes[1]
        loose = RealtimeNode(2, servers.folder, UNBOUNDED, **{
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
        Figure("of these, told to be wrong", fuzzer.refused, "", "a quarter, else they were not read",
               fuzzer.refused * 4 >= fuzzer.sent.total()),
        Figure("tokens that were judged and refused", fuzzer.judged, "", f"≥ {options.frames // 400}", fuzzer.judged >= options.frames // 400),
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
                await asyncio.wait_for(_stranger(port, fuzzer), 60)
                await asyncio.wait_for(_socket(port, fuzzer, min(BURST, count)), 60)

    await asyncio.gather(*(one_after_the_other() for _ in range(SOCKETS_AT_ONCE)))


async def _stranger(port: int, fuzzer: Fuzzer) -> None:
    """A socket whose first word is a token that is no good: it is judged, and the socket closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(fuzzer.bad_hello())
        with contextlib.suppress(TimeoutError):  # not each kind ends the socket
            await asyncio.wait_for(_read_all(reader, fuzzer), 0.5)
    finally:
        writer.transport.abort()


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
            fuzzer.judged += data.count(b'"bad_token"') + data.count(b'"expired_token"')
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
    own = {pair.teacher.step(number) for number in range(len(pair.teacher.sent))}
    return len(set(pair.board.steps.to_py() or []) - own) + len(
        pair.board.doc.get("show", type=Map).to_py() or {}
    )
