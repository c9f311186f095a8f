"""The relay within a node and between nodes, with real servers."""

import asyncio
import contextlib
import signal

import pytest

from tests.realtime.support import (
    NatsServer,
    Page,
    Process,
    RealtimeNode,
    new_session,
    token,
    until,
    wait_until,
)


async def test_what_the_teacher_shows_reaches_the_board(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.hello(node, token(session, "board", "b"))
    teacher.change(at={"slide": 2, "step": 0}, blank="")
    await board.shows(at={"slide": 2, "step": 0}, blank="")


async def test_a_page_that_comes_late_or_back_gets_everything(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    teacher.change(at={"slide": 1, "step": 0})
    teacher.change(blank="black")
    board = await Page.hello(node, token(session, "board", "b"))
    await board.shows(at={"slide": 1, "step": 0}, blank="black")


async def test_what_a_teacher_changed_offline_arrives_by_sync(node: RealtimeNode) -> None:
    session = new_session()
    board = await Page.hello(node, token(session, "board", "b"))
    teacher = await Page.open(node)
    teacher.show["at"] = {"slide": 9, "step": 0}
    teacher.say("hello", protocol=1, token=token(session))
    await board.shows(at={"slide": 9, "step": 0})


async def test_an_update_is_not_sent_back_and_not_relayed_twice(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    standby = await Page.hello(node, token(session), standby=True)
    board = await Page.hello(node, token(session, "board", "b"))
    before = (teacher.updates, board.updates)
    teacher.change(blank="white")
    await standby.shows(blank="white")
    standby.send(b"\x00\x02" + _frame(standby))
    teacher.change(blank="")
    await board.shows(blank="")
    assert (teacher.updates, board.updates) == (before[0], before[1] + 2)


def _frame(page: Page) -> bytes:
    update = page.doc.get_update()
    return bytes([len(update)]) + update


async def test_updates_cross_nats_at_once_and_not_by_the_next_comparison(
    two_nodes: list[RealtimeNode],
) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    board = await Page.hello(two_nodes[1], token(session, "board", "b1"))
    async with asyncio.timeout(10):  # comparisons come after 1, 2, 4, 8 … seconds
        for slide in range(20):
            teacher.change(at={"slide": slide, "step": 1})
            await board.shows(at={"slide": slide, "step": 1})


async def test_a_killed_node_leaves_the_document_on_the_other(
    two_nodes: list[RealtimeNode],
) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    standby = await Page.hello(two_nodes[1], token(session), standby=True)
    teacher.change(at={"slide": 7, "step": 0})
    await standby.shows(at={"slide": 7, "step": 0})
    two_nodes[0].kill()
    await until(lambda: teacher.closed, "the teacher's first socket to break")
    board = await Page.hello(two_nodes[1], token(session, "board", "b"))
    await board.shows(at={"slide": 7, "step": 0})
    standby.change(at={"slide": 8, "step": 0})
    await board.shows(at={"slide": 8, "step": 0})
    two_nodes[0].start()
    back = await Page.hello(two_nodes[0], token(session, "board", "b"))
    await back.shows(at={"slide": 8, "step": 0})


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_what_nats_lost_is_repaired_when_it_is_back(
    two_nodes: list[RealtimeNode], nats_servers: list[NatsServer], how: str
) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    colleague = await Page.hello(two_nodes[1], token(session))
    board = await Page.hello(two_nodes[1], token(session, "board", "b"))
    teacher.change(at={"slide": 0, "step": 0})
    await board.shows(at={"slide": 0, "step": 0})
    for server in nats_servers:
        server.kill() if how == "killed" else server.signal(signal.SIGSTOP)
    pinging = asyncio.create_task(keep_pinging(teacher, colleague, board))
    await until(lambda: "nats" in str(two_nodes[0].get("/readyz")[1].get("reasons")), "not ready")
    near_board = await Page.hello(two_nodes[0], token(session, "board", "near"))
    for slide in range(1, 30):
        teacher.change(at={"slide": slide, "step": 0})
        colleague.change(blank=str(slide))
    await near_board.shows(at={"slide": 29, "step": 0})
    for server in nats_servers:
        server.start() if how == "killed" else server.signal(signal.SIGCONT)
    await board.shows(at={"slide": 29, "step": 0}, blank="29")
    await teacher.shows(at={"slide": 29, "step": 0}, blank="29")
    assert teacher.doc.get_state() == board.doc.get_state()
    pinging.cancel()
    await until(
        lambda: all(node.get("/readyz")[0] == 200 for node in two_nodes), "both to be ready"
    )


async def test_a_message_lost_on_the_bus_is_repaired_by_the_regular_comparison(
    nats_servers: list[NatsServer], tmp_path: object, launch: object
) -> None:
    import nats

    nodes = [
        RealtimeNode(
            i + 1,
            nats_servers[0].log.parent,
            REALTIME_BACKPLANE="nats",
            REALTIME_NATS_URL=nats_servers[0].url,
            REALTIME_SYNC_SECONDS="1",
        )
        for i in range(2)
    ]
    for node in nodes:
        launch(node)  # type: ignore[operator]
    session = new_session()
    # an update that only one node ever hears of: sent to its own inbox, as if the rest was lost
    teacher = await Page.hello(nodes[0], token(session))
    board = await Page.hello(nodes[1], token(session, "board", "b"))
    teacher.change(blank="a")
    await board.shows(blank="a")
    pinging = asyncio.create_task(keep_pinging(teacher, board))
    teacher.show["blank"] = "secret"
    client = await nats.connect(nats_servers[0].url)
    await client.publish(f"firstbell.rt.node.1.{session}", b"R" + teacher.doc.get_update())
    await client.flush()
    await board.shows(blank="secret")
    await client.publish(f"firstbell.rt.session.{session}", b"U\xff\xffgarbage")
    await client.publish(f"firstbell.rt.session.{session}", b"")
    await client.publish(f"firstbell.rt.session.{session}", b"S123", reply="x")
    await client.publish(f"firstbell.rt.session.{session}", b"Gt\xff{")
    await client.publish("firstbell.rt.pair", b"[]", reply="x")
    await client.publish("firstbell.rt.pair.failed", b"{")
    await client.close()
    teacher.change(blank="still works")
    await board.shows(blank="still works")
    pinging.cancel()


async def test_awareness_travels_between_nodes(two_nodes: list[RealtimeNode]) -> None:
    from realtime import presence, protocol

    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    board = await Page.hello(two_nodes[1], token(session, "board", "b"))

    def heard(clock: int) -> bool:
        state = presence.encode([(7, clock, b'{"role":"teacher","name":"Ada"}')])
        teacher.send(protocol.encode_binary(protocol.AWARENESS, state))
        return bool(board.awareness)

    clocks = iter(range(1, 10_000))
    await until(lambda: heard(next(clocks)), "the teacher's presence")


CALL = {"from": "5", "to": "7", "call": "c1", "sdp_type": "offer", "sdp": "v=0"}


async def test_signals_go_between_teachers_and_boards_and_say_whose_they_are(
    node: RealtimeNode,
) -> None:
    session = new_session()
    teacher, phone = [await Page.hello(node, token(session)) for _ in range(2)]
    boards = [await Page.hello(node, token(session, "board", name)) for name in ("b1", "b2")]
    stranger = await Page.hello(node, token(new_session()))
    teacher.say("signal", **CALL)
    for page in (phone, *boards):
        assert await page.hear("signal") == {"type": "signal", **CALL, "role": "teacher"}
    # Whoever says to be a teacher: what counts is the token.
    boards[0].say("signal", **{**CALL, "sdp_type": "answer"}, role="teacher", pairing="b2")
    answer = {"type": "signal", **CALL, "sdp_type": "answer", "role": "board", "pairing": "b1"}
    for page in (teacher, phone):
        assert await page.hear("signal") == answer
    for page in (teacher, boards[1], stranger):
        page.say("ping", t=1)
        await page.hear("pong")
        assert [m for m in page.heard if m["type"] == "signal"] == []


async def test_a_signal_needs_a_hello_and_has_a_bound(node: RealtimeNode) -> None:
    page = await Page.open(node)
    page.say("signal", **CALL)
    assert (await page.hear("error"))["code"] == "bad_frame"
    page.say("hello", protocol=1, token=token(new_session()))
    await page.hear("welcome")
    page.say("signal", **{**CALL, "sdp": "v" * 4097})
    assert (await page.hear("error"))["code"] == "bad_frame"


async def test_signals_travel_between_nodes_and_boards_hear_teachers_only(
    two_nodes: list[RealtimeNode],
) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    board = await Page.hello(two_nodes[1], token(session, "board", "b1"))
    other = await Page.hello(two_nodes[0], token(session, "board", "b2"))

    def heard(by: Page) -> bool:
        teacher.say("signal", **CALL)
        return any(m["type"] == "signal" for m in by.heard)

    await until(lambda: heard(board), "the teacher's call")
    board.say("signal", **{**CALL, "sdp_type": "answer"})
    answer = await teacher.hear("signal")
    assert (answer["role"], answer["pairing"]) == ("board", "b1")
    assert {m["role"] for m in other.heard if m["type"] == "signal"} <= {"teacher"}


async def keep_pinging(*pages: Page) -> None:
    """What a browser does each second, lest the sockets be closed for silence."""
    while True:
        for page in pages:
            with contextlib.suppress(Exception):
                page.say("ping", t=1)
        await asyncio.sleep(1)


@pytest.fixture
def forgetful_node(tmp_path: object, launch: object) -> RealtimeNode:
    node = RealtimeNode(1, tmp_path, REALTIME_UNLOAD_SECONDS="1")  # type: ignore[arg-type]
    launch(node)  # type: ignore[operator]
    assert isinstance(node, Process)
    return node


async def test_an_idle_document_is_unloaded(forgetful_node: RealtimeNode) -> None:
    teacher = await Page.hello(forgetful_node, token(new_session()))
    assert forgetful_node.get("/readyz")[1]["sessions"] == 1
    teacher.close()
    await asyncio.to_thread(
        wait_until, lambda: forgetful_node.get("/readyz")[1]["sessions"] == 0, "it to be unloaded"
    )
