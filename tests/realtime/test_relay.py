"""The relay within a node and between nodes, with real servers."""

from tests.realtime.support import Page, RealtimeNode, new_session, pair, token


async def test_what_the_teacher_shows_reaches_the_board(node: RealtimeNode) -> None:
    session = new_session()
    teacher = await Page.hello(node, token(session))
    board = await Page.open(node)
    done = await pair(board, teacher)
    board.say("hello", protocol=1, token=done["token"])
    assert (await board.hear("welcome"))["session"] == session
    teacher.change(at={"slide": 2, "step": 0}, blank="")
    await board.shows(at={"slide": 2, "step": 0}, blank="")


async def test_two_nodes_share_a_session_over_nats(two_nodes: list[RealtimeNode]) -> None:
    session = new_session()
    teacher = await Page.hello(two_nodes[0], token(session))
    board = await Page.hello(two_nodes[1], token(session, "board", "b1"))
    teacher.change(at={"slide": 4, "step": 1})
    await board.shows(at={"slide": 4, "step": 1})
