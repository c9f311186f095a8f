"""Pairing over real sockets, on one node and across two."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from realtime import tokens
from realtime.errors import CLOSE_RESTART
from realtime.node import Node
from realtime.settings import Limits, PairingLimits, Settings
from realtime.sockets import listen
from tests.realtime.support import (
    KEY,
    ORIGIN,
    NatsServer,
    Page,
    RealtimeNode,
    new_session,
    pair,
    token,
)
from tests.support.ports import free_port


class Inside:
    """A node in this process, for lifetimes and budgets too small to be settings."""

    def __init__(self, settings: Settings) -> None:
        self.url = f"ws://127.0.0.1:{settings.port}/rt/v1/socket"


@asynccontextmanager
async def inside(number: int = 1, nats: str = "", **limits: float) -> AsyncIterator[Inside]:
    pairing = dataclasses.replace(PairingLimits(), **limits)  # type: ignore[arg-type]
    settings = Settings(
        node=number, name=f"host{number}", key=KEY, origins=frozenset({ORIGIN}), port=free_port(),
        database_url=None, backplane="nats" if nats else "local", nats_url=nats, pairing=pairing,
        limits=Limits(),
    )  # fmt: skip
    node = Node(settings)
    server = await listen(node)
    await node.start()
    try:
        yield Inside(settings)
    finally:
        server.close()
        for socket in tuple(node.sockets):
            socket.end(CLOSE_RESTART, "The test is over.")
        for task in node._tasks:
            task.cancel()
        await node.backplane.stop()


async def code_of(board: Page) -> str:
    board.say("pair.open")
    return (await board.hear("pair.code"))["code"]


async def refused(teacher: Page, code: str) -> str:
    teacher.say("pair.claim", code=code)
    return (await teacher.hear("error"))["code"]


def another(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_both_screens_show_the_same_symbol_and_the_teachers_name(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session, name="Ada Lovelace"))
    board = await Page.open(node)
    code = await code_of(board)
    teacher.say("pair.claim", code=code, position="1:5")
    claimed, offer = await teacher.hear("pair.claimed"), await board.hear("pair.offer")
    assert (claimed["symbol"], claimed["symbol_name"]) == (offer["symbol"], offer["symbol_name"])
    assert offer["teacher_name"] == "Ada Lovelace"
    teacher.say("pair.confirm", pairing=claimed["pairing"], number=offer["number"])
    done = await board.hear("pair.done")
    assert (done["session"], done["position"]) == (session, "1:5")
    told = await teacher.hear("pair.done")
    assert set(told) == {"type", "pairing", "board", "proof"}
    assert told["board"] == tokens.verify_device(done["device"], KEY)
    board.say("hello", protocol=1, token=done["token"])
    assert (await board.hear("welcome"))["role"] == "board"
    teacher.say("pair.confirm", pairing=claimed["pairing"])
    await teacher.hear("pair.done")


async def test_the_token_comes_only_after_the_confirmation(node: RealtimeNode) -> None:
    teacher = await Page.hello(node, token(new_session()))
    board = await Page.open(node)
    code = await code_of(board)
    teacher.say("pair.claim", code=code)
    await teacher.hear("pair.claimed")
    await board.hear("pair.offer")
    board.say("ping", t=1)
    await board.hear("pong")
    assert [message["type"] for message in board.heard] == []


async def test_pairing_works_across_nodes(two_nodes: list[RealtimeNode]) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    done = await pair(await Page.open(two_nodes[1]), teacher)
    board = await Page.hello(two_nodes[1], done["token"])
    teacher.change(blank="black")
    await board.shows(blank="black")
    teacher.say("pair.revoke", pairing=done["pairing"])
    await board.is_closed(4403)


async def test_a_claim_may_be_confirmed_or_rejected_through_another_node(
    two_nodes: list[RealtimeNode],
) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    elsewhere = await Page.hello(two_nodes[1], token(session))
    board = await Page.open(two_nodes[1])
    teacher.say("pair.claim", code=await code_of(board))
    claimed = await teacher.hear("pair.claimed")
    elsewhere.say("pair.reject", pairing=claimed["pairing"])
    assert (await board.hear("pair.rejected"))["reason"] == "rejected"
    teacher.say("pair.claim", code=(await board.hear("pair.code"))["code"])
    claimed = await teacher.hear("pair.claimed")
    await board.hear("pair.offer")
    number = (await board.hear("pair.offer"))["number"]
    elsewhere.say("pair.confirm", pairing=claimed["pairing"], number=number)
    assert (await board.hear("pair.done"))["session"] == session


async def test_a_rejected_board_gets_a_new_code_and_no_token(node: RealtimeNode) -> None:
    teacher = await Page.hello(node, token(new_session()))
    board = await Page.open(node)
    code = await code_of(board)
    teacher.say("pair.claim", code=code)
    claimed = await teacher.hear("pair.claimed")
    teacher.say("pair.reject", pairing=claimed["pairing"])
    await teacher.hear("pair.rejected")
    assert (await board.hear("pair.rejected"))["pairing"] == claimed["pairing"]
    assert (await board.hear("pair.code"))["code"] != code
    teacher.say("pair.confirm", pairing=claimed["pairing"])
    assert (await teacher.hear("error"))["code"] == "pair.gone"
    assert not [message for message in board.heard if message["type"] == "pair.done"]


async def test_wrong_and_used_codes_are_told_apart(two_nodes: list[RealtimeNode]) -> None:
    ada = await Page.hello(two_nodes[0], token(new_session()))
    eve = await Page.hello(two_nodes[0], token(new_session(), subject="8"))
    board = await Page.open(two_nodes[1])
    code = await code_of(board)
    assert await refused(ada, another(code)) == "pair.wrong_code"
    assert await refused(ada, "12") == "pair.wrong_code"
    ada.say("pair.claim", code=code)
    await ada.hear("pair.claimed")
    assert await refused(eve, code) == "pair.expired_code"


async def test_two_boards_are_paired_with_the_right_teachers(two_nodes: list[RealtimeNode]) -> None:
    sessions = [new_session(), new_session()]
    teachers = [
        await Page.hello(two_nodes[i], token(sessions[i], subject=str(i), name=f"teacher {i}"))
        for i in range(2)
    ]
    boards = [await Page.open(two_nodes[0]) for _ in range(2)]
    codes = [await code_of(board) for board in boards]
    for teacher, code in zip(teachers, codes, strict=True):
        teacher.say("pair.claim", code=code)
    for i, teacher in enumerate(teachers):
        offer = await boards[i].hear("pair.offer")
        assert offer["teacher_name"] == f"teacher {i}"
        pairing = (await teacher.hear("pair.claimed"))["pairing"]
        teacher.say("pair.confirm", pairing=pairing, number=offer["number"])
    for i, board in enumerate(boards):
        assert (await board.hear("pair.done"))["session"] == sessions[i]


async def test_whoever_does_not_see_the_number_gets_no_board_and_has_one_try(
    two_nodes: list[RealtimeNode],
) -> None:
    eve = await Page.hello(two_nodes[0], token(new_session(), subject="eve"))
    board = await Page.open(two_nodes[1])
    for guess in ({}, {"number": ""}, {"number": "x"}, {"number": "1234"}):
        eve.say("pair.claim", code=await code_of(board))
        claimed = await eve.hear("pair.claimed")
        assert claimed["digits"] == 4
        offer = await board.hear("pair.offer")
        if guess.get("number") == offer["number"]:  # once in ten thousand runs
            continue
        eve.say("pair.confirm", pairing=claimed["pairing"], **guess)
        assert (await eve.hear("error"))["code"] == "pair.wrong_number"
        assert (await board.hear("pair.rejected"))["reason"] == "wrong_number"
        eve.say("pair.confirm", pairing=claimed["pairing"], number=offer["number"])
        assert (await eve.hear("error"))["code"] == "pair.gone"
        await board.hear("pair.code")
    assert not [message for message in board.heard if message["type"] == "pair.done"]


async def test_the_long_code_pairs_from_another_node_without_a_number(
    two_nodes: list[RealtimeNode],
) -> None:
    teacher = await Page.hello(two_nodes[0], token(new_session()))
    board = await Page.open(two_nodes[1])
    board.say("pair.open")
    long = (await board.hear("pair.code"))["long_code"]
    teacher.say("pair.claim", code=f"{long[:4]} {long[4:8].lower()}-{long[8:]}")
    claimed = await teacher.hear("pair.claimed")
    assert "digits" not in claimed
    assert (await board.hear("pair.offer"))["symbol"] == claimed["symbol"]
    teacher.say("pair.confirm", pairing=claimed["pairing"], name="  Room\n12 ")
    await teacher.hear("pair.done")
    await board.hear("pair.done")
    assert teacher.boards[claimed["pairing"]]["name"] == "Room 12"


async def test_a_board_says_that_it_is_the_same_as_before_or_goes_on_as_a_new_one(
    node: RealtimeNode,
) -> None:
    teacher = await Page.hello(node, token(new_session()))
    first = await pair(await Page.open(node), teacher)
    known = tokens.verify_device(first["device"], KEY)
    again = await Page.open(node)
    again.say("pair.open", device=first["device"])
    offer_code = (await again.hear("pair.code"))["long_code"]
    teacher.say("pair.claim", code=offer_code)
    teacher.say("pair.confirm", pairing=(await teacher.hear("pair.claimed"))["pairing"])
    assert tokens.verify_device((await again.hear("pair.done"))["device"], KEY) == known
    for bad in ("", "rubbish", "x" * 4000, token(new_session(), "board"), first["token"]):
        stranger = await Page.open(node)
        stranger.say("pair.open", device=bad)
        assert (await stranger.hear("error"))["code"] == "bad_device"
        await code_of(stranger)
        stranger.say("hello", protocol=1, token=first["device"])
        assert (await stranger.hear("error"))["code"] == "bad_token"
        await stranger.is_closed(4401)


async def test_one_session_can_have_two_boards(node: RealtimeNode) -> None:
    teacher = await Page.hello(node, token(new_session()))
    done = [await pair(await Page.open(node), teacher) for _ in range(2)]
    boards = [await Page.hello(node, each["token"]) for each in done]
    teacher.say("pair.revoke", pairing=done[0]["pairing"])
    await boards[0].is_closed(4403)
    teacher.change(blank="black")
    await boards[1].shows(blank="black")


async def test_an_expired_code_is_renewed_and_the_old_one_refused() -> None:
    async with inside(code_seconds=1) as node:
        teacher = await Page.hello(node, token(new_session()))
        board = await Page.open(node)
        old = await code_of(board)
        new = (await board.hear("pair.code"))["code"]
        assert new != old
        assert await refused(teacher, old) == "pair.expired_code"


async def test_an_unconfirmed_offer_expires_and_the_board_gets_a_new_code() -> None:
    async with inside(offer_seconds=1) as node:
        teacher = await Page.hello(node, token(new_session()))
        board = await Page.open(node)
        teacher.say("pair.claim", code=await code_of(board))
        claimed = await teacher.hear("pair.claimed")
        assert (await board.hear("pair.rejected"))["reason"] == "expired"
        await board.hear("pair.code")
        teacher.say("pair.confirm", pairing=claimed["pairing"])
        assert (await teacher.hear("error"))["code"] == "pair.gone"


async def test_a_socket_has_five_tries_and_then_the_long_code_is_still_taken(
    node: RealtimeNode,
) -> None:
    teacher = await Page.hello(node, token(new_session(), subject="five"))
    board = await Page.open(node)
    board.say("pair.open")
    code = await board.hear("pair.code")
    for _ in range(5):
        assert await refused(teacher, another(code["code"])) == "pair.wrong_code"
    assert await refused(teacher, code["code"]) == "pair.too_many_tries"
    teacher.say("pair.claim", code=code["long_code"])
    await teacher.hear("pair.claimed")


async def test_codes_that_are_used_or_cannot_be_asked_about_count_as_wrong(
    tmp_path: Path,
) -> None:
    alone = RealtimeNode(
        1, tmp_path, REALTIME_BACKPLANE="nats", REALTIME_NATS_URL="nats://127.0.0.1:1"
    )
    alone.start(ready=False)
    try:
        ada = await Page.hello(alone, token(new_session()))
        board = await Page.open(alone)
        used = await code_of(board)
        ada.say("pair.claim", code=used)
        await ada.hear("pair.claimed")
        eve = await Page.hello(alone, token(new_session(), subject="eve"))
        for code, why in ((used, "pair.expired_code"), (another(used), "pair.unreachable")):
            assert await refused(eve, code) == why
        for _ in range(3):
            await refused(eve, another(used))
        assert await refused(eve, another(used)) == "pair.too_many_tries"
    finally:
        alone.kill()


async def test_a_teachers_tries_count_over_all_sockets_and_nodes(
    nats_servers: list[NatsServer],
) -> None:
    limits = {"failures_per_teacher": 4, "failures_per_socket": 2}
    async with (
        inside(1, nats_servers[0].url, **limits) as one,
        inside(2, nats_servers[1].url, **limits) as two,
    ):
        board = await Page.open(one)
        code = await code_of(board)
        await claimable_from(two, one)
        for node in (one, one, two, two):
            teacher = await Page.hello(node, token(new_session(), subject="eve"))
            seen = await refused(teacher, another(code))
        assert seen == "pair.wrong_code"
        for node in (one, two):
            teacher = await Page.hello(node, token(new_session(), subject="eve"))
            assert await refused(teacher, code) == "pair.too_many_tries"
        other = await Page.hello(two, token(new_session(), subject="ada"))
        other.say("pair.claim", code=code)
        await other.hear("pair.claimed")


async def claimable_from(here: Inside, there: Inside) -> None:
    """Wait until the bus carries a claim from one node to the other."""
    board = await Page.open(there)
    code = await code_of(board)
    for number in range(50):
        teacher = await Page.hello(here, token(new_session(), subject=f"probe {number}"))
        teacher.say("pair.claim", code=code)
        answered = lambda: [m for m in teacher.heard if m["type"] in ("pair.claimed", "error")]  # noqa: E731, B023
        from tests.realtime.support import until

        await until(answered, "an answer to the claim")
        if teacher.heard[0]["type"] == "pair.claimed":
            return
    raise AssertionError("the bus does not carry claims")


async def test_the_whole_cluster_has_a_budget() -> None:
    async with inside(failures_per_cluster=3) as node:
        code = await code_of(await Page.open(node))
        for number in range(3):
            teacher = await Page.hello(node, token(new_session(), subject=f"eve{number}"))
            assert await refused(teacher, another(code)) == "pair.wrong_code"
        last = await Page.hello(node, token(new_session(), subject="ada"))
        assert await refused(last, code) == "pair.too_many_tries"


async def test_claims_in_parallel_do_not_slip_past_a_budget() -> None:
    async with inside(failures_per_address=3) as node:
        code = await code_of(await Page.open(node))
        teachers = [
            await Page.hello(node, token(new_session(), subject=f"eve{n}")) for n in range(8)
        ]
        for teacher in teachers:
            teacher.say("pair.claim", code=another(code))
        answers = [(await teacher.hear("error"))["code"] for teacher in teachers]
        assert answers.count("pair.wrong_code") == 3
        assert answers.count("pair.too_many_tries") == 5
