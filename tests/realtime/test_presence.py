"""Awareness: newest state of each client; who is silent is forgotten, who moved is not."""

import json
import os

import pytest

from realtime import presence
from realtime.errors import Refusal
from realtime.presence import Presence


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
