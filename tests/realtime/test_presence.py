"""Awareness: newest state of each client; who is silent is forgotten, who moved is not."""

import json
import os

import pytest

from realtime import presence
from realtime.errors import Refusal
from realtime.presence import Presence
from realtime.tokens import Role


def state(client: int, clock: int, name: str | None) -> bytes:
    text = b"null" if name is None else json.dumps({"name": name}, ensure_ascii=False).encode()
    return presence.encode([(client, clock, text)])


def test_new_states_are_handed_on_and_old_ones_are_not() -> None:
    found = Presence()
    assert found.apply(state(7, 1, "Zoë"), "socket", 0) == state(7, 1, "Zoë")
    assert found.apply(state(7, 1, "Zoë"), "standby", 0) is None
    assert found.apply(state(7, 0, "old"), "socket", 0) is None
    assert found.known() == state(7, 1, "Zoë")


def test_a_client_whose_only_socket_closed_is_announced_as_gone_after_a_moment() -> None:
    found = Presence()
    found.apply(state(7, 1, "Ada"), "socket", 0)
    found.drop_carrier("socket")
    assert found.sweep(2.9) is None
    assert found.sweep(3.1) == state(7, 1, None)
    assert found.known() is None
    assert found.apply(state(7, 2, "Ada"), "socket", 4) is not None


def test_a_client_with_a_second_socket_stays() -> None:
    found = Presence()
    found.apply(state(7, 1, "Ada"), "socket", 0)
    found.apply(state(7, 1, "Ada"), "standby", 0)
    found.drop_carrier("socket")
    assert found.sweep(10) is None


def test_another_nodes_removal_does_not_count_while_the_client_is_here() -> None:
    found = Presence()
    found.apply(state(7, 1, "Ada"), "socket", 0)
    assert found.apply(state(7, 1, None), None, 1) is None
    found.drop_carrier("socket")
    assert found.apply(state(7, 1, None), None, 1) == state(7, 1, None)


def test_broken_awareness_is_a_bad_frame() -> None:
    found = Presence()
    broken = [b"", b"\x01", b"\x01\x07\x05\x04nul", b"\x01\x07\x05\x03abc", state(7, 1, "x") + b"x"]
    for payload in [*broken, *(os.urandom(20) for _ in range(500))]:
        if payload[0:1] == b"\x00":
            continue
        with pytest.raises(Refusal):
            found.apply(payload, "socket", 0)


@pytest.mark.parametrize(
    "text",
    [b'{"a": NaN}', '{"a": 1}'.encode("utf-16"), b"\xef\xbb\xbf{}", b'{"a": "\xff"}', b"[" * 9000],
    ids=["NaN", "UTF-16", "byte order mark", "not UTF-8", "deep"],
)  # fmt: skip
def test_a_state_that_pages_could_not_read_is_a_bad_frame(text: bytes) -> None:
    """It would go out in one frame with the states of all, and nobody would see anybody."""
    with pytest.raises(Refusal):
        presence.parse(presence.encode([(7, 1, text)]))
    for client, clock in ((2**53, 1), (7, 2**53)):
        with pytest.raises(Refusal):
            presence.parse(presence.encode([(client, clock, b"{}")]))


def board_state(client: int, pairing: str) -> bytes:
    text = json.dumps({"role": "board", "pairing": pairing}).encode()
    return presence.encode([(client, 1, text)])


def test_one_socket_can_not_fill_the_room() -> None:
    found, by = Presence(), Role("s", "board", "b", "")
    for client in range(presence.MOST_CLIENTS_OF_A_SOCKET):
        assert found.apply(board_state(client, "b"), "socket", 0, by)
    with pytest.raises(Refusal):
        found.apply(board_state(99, "b"), "socket", 0, by)


def test_what_a_node_let_pass_before_it_had_heard_of_the_teacher_yields_to_her() -> None:
    found, board = Presence(), Role("s", "board", "b", "")
    found.apply(board_state(7, "b"), "socket", 0, board)
    teacher = presence.encode([(7, 2, b'{"role":"teacher"}')])
    assert found.apply(teacher, None, 0) == teacher
    assert (
        found.apply(presence.encode([(7, 3, b'{"role":"board","pairing":"b"}')]), None, 0) is None
    )
    with pytest.raises(Refusal):
        found.apply(presence.encode([(7, 4, b"null")]), "socket", 0, board)
