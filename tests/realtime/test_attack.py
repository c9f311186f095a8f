"""Codes guessed from many addresses and accounts at once: what docs/decisions/0019 promises, on real nodes."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from realtime.settings import Limits, PairingLimits
from tests.realtime.support import Page, RealtimeNode, new_session, pair, token, until

LIMITS = PairingLimits()
BOARDS_PER_NODE, AT_ONCE = 500, 100
GUESSERS, GUESSES = 160, 5
CHANCE_OF_A_NUMBER = 1e-4
MOST_NODES = 5
"""Each may let its whole budget through before it has heard of the others': so the decision record reckons."""


@contextlib.asynccontextmanager
async def kept_open(pages: list[Page]) -> AsyncIterator[None]:
    """Sockets that say nothing for ten seconds are closed."""

    async def ping() -> None:
        while True:
            await asyncio.sleep(4)
            for page in pages:
                page.say("ping", t=0)
                page.heard[:] = [message for message in page.heard if message["type"] != "pong"]

    task = asyncio.create_task(ping())
    try:
        yield
    finally:
        task.cancel()


async def wait_as_board(node: RealtimeNode, address: str) -> Page:
    board = await Page.open(node, address=address)
    board.say("pair.open")
    return board


async def all_boards(nodes: list[RealtimeNode]) -> list[Page]:
    """No faster than the nodes take new sockets."""
    boards: list[Page] = []
    for _ in range(BOARDS_PER_NODE // AT_ONCE):
        coming = (wait_as_board(node, "127.0.1.1") for node in nodes for _ in range(AT_ONCE))
        boards += await asyncio.gather(*coming)
        await asyncio.sleep(AT_ONCE / Limits.handshakes_per_second)
    return boards


async def guess(node: RealtimeNode, number: int) -> Counter[str]:
    """One stolen account at one address; a hit is confirmed with a guessed number too."""
    address = f"127.0.{10 + number // 200}.{1 + number % 200}"
    teacher = await Page.hello(
        node, token(new_session(), subject=f"stolen {number}"), address=address
    )
    seen: Counter[str] = Counter()
    for _ in range(GUESSES):
        teacher.say("pair.claim", code=f"{random.randrange(10**6):06d}")
        answer = await first_of(teacher, "error", "pair.claimed")
        seen[answer.get("code", "hit")] += 1
        if answer["type"] == "pair.claimed":
            teacher.say("pair.confirm", pairing=answer["pairing"], number="0731")
            seen[(await first_of(teacher, "error", "pair.done")).get("code", "taken")] += 1
    teacher.close()
    return seen


async def first_of(page: Page, *kinds: str) -> dict[str, str]:
    tasks = [asyncio.create_task(page.hear(kind)) for kind in kinds]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    return done.pop().result()


@pytest.mark.timeout(120)
async def test_guessing_from_many_addresses_is_hopeless_and_honest_teachers_go_on(
    two_nodes: list[RealtimeNode],
) -> None:
    honest = await Page.hello(two_nodes[0], token(new_session(), subject="ada"))
    boards = await all_boards(two_nodes)
    async with kept_open([honest, *boards]):
        codes = [await board.hear("pair.code") for board in boards]
        assert len({code["code"] for code in codes}) == 2 * BOARDS_PER_NODE
        await pair(await Page.open(two_nodes[1]), honest)  # across nodes, before the attack

        found = await asyncio.gather(
            *(guess(two_nodes[number % 2], number) for number in range(GUESSERS))
        )
        seen = sum(found, Counter[str]())
        admitted = seen["pair.wrong_code"] + seen["pair.expired_code"] + seen["hit"]
        print(f"guesses: {dict(seen)}, admitted {admitted}")
        assert admitted + seen["pair.too_many_tries"] == GUESSERS * GUESSES
        assert LIMITS.failures_per_cluster <= admitted
        assert admitted <= LIMITS.failures_per_cluster * len(two_nodes)
        assert seen["taken"] == 0
        assert not [m for board in boards for m in board.heard if m["type"] == "pair.done"]
        most = LIMITS.failures_per_cluster * MOST_NODES
        assert most * len(codes) / 10**6 * CHANCE_OF_A_NUMBER <= 1e-4

        for node in two_nodes:
            figures = node.get("/readyz")[1]
            assert figures["six_digit_codes"] == "shut"
            assert figures["wrong_codes"] >= LIMITS.failures_per_cluster
            await until(lambda: "six-digit codes open→shut" in node.log.read_text(), "a log line")  # noqa: B023

        # six digits, though right, are refused in words that say what to do; the picture's code works
        board = boards[-1]
        board.say("pair.open")
        code = await board.hear("pair.code")
        honest.say("pair.claim", code=code["code"])
        error = await honest.hear("error")
        assert error["code"] == "pair.too_many_tries"
        assert "picture" in error["message"]
        honest.say("pair.claim", code=code["long_code"])
        claimed = await honest.hear("pair.claimed")
        honest.say("pair.confirm", pairing=claimed["pairing"])
        await board.hear("pair.done")
