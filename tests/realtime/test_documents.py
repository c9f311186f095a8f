"""Documents: bad input changes nothing, and two copies can always be compared."""

import contextlib
import os
import time

import pytest
from pycrdt import Doc, Map

from realtime.documents import SharedDocument, read_state_vector
from realtime.errors import Refusal

PANIC = bytes.fromhex(
    "0102010028010473686f7702617401760205736c6964657c3f8000000473746570780000000021010473686f7705"
    "626c615b6b24010101f802"
)


def updates(client: int = 1, count: int = 3) -> list[bytes]:
    doc: Doc = Doc(client_id=client)
    show = doc.get("show", type=Map)
    found: list[bytes] = []
    subscription = doc.observe(lambda event: found.append(event.update))
    for number in range(count):
        show["at"] = {"slide": number, "step": 0}
    doc.unobserve(subscription)
    return found


def test_an_update_is_new_once_only() -> None:
    document, (first, *_) = SharedDocument(), updates()
    assert len(document.apply(first).new) == 1
    again = document.apply(first)
    assert (again.new, again.pending) == ((), False)


def test_an_update_whose_predecessor_is_missing_waits_and_comes_with_it() -> None:
    document, (first, second, _) = SharedDocument(), updates()
    waiting = document.apply(second)
    assert (waiting.new, waiting.pending) == ((), True)
    other = SharedDocument()
    for update in document.apply(first).new:
        other.apply(update)
    assert other.state_vector() == document.state_vector() != b"\x00"


def test_a_broken_update_changes_nothing() -> None:
    document = SharedDocument()
    document.apply(updates()[0])
    before = document.encode()
    for broken in (b"", b"\x01", b"abc", *(os.urandom(30) for _ in range(300))):
        with contextlib.suppress(Refusal):  # anything else is a failure
            document.apply(broken)
    assert document.diff(b"\x00")[:1] == before[:1]


def test_an_update_that_makes_the_library_panic_loses_nothing() -> None:
    document = SharedDocument()
    for update in updates(client=5, count=250):
        document.apply(update)
    document.revoke("b")
    before = document.state_vector()
    with pytest.raises(Refusal):
        document.apply(PANIC)
    assert document.state_vector() == before
    assert document.revoked("b")
    assert document.revoke("c").new


def test_a_broken_state_vector_is_refused_at_once() -> None:
    document = SharedDocument()
    document.apply(updates()[0])
    started = time.monotonic()
    for broken in (b"", b"\xff\xff\xff\xff\x0f", b"\x01\x01", b"\x00\x00", b"\xff" * 20,
                   b"\x01" + b"\xff" * 8 + b"\x00\x01"):  # fmt: skip
        with pytest.raises(Refusal):
            document.diff(broken)
    for _ in range(2000):
        with contextlib.suppress(Refusal):  # anything else is a failure
            document.diff(os.urandom(16))
    assert time.monotonic() - started < 5


def test_equal_documents_have_nothing_to_exchange() -> None:
    first, second = SharedDocument(), SharedDocument()
    for update in [*updates(1), *updates(2)]:
        first.apply(update)
    for update in [*updates(2), *updates(1)]:
        second.apply(update)
    assert read_state_vector(first.state_vector()) == read_state_vector(second.state_vector())
    assert first.compare(second.sync_request()) == (b"", False)


def test_comparing_tells_both_directions() -> None:
    first, second = SharedDocument(), SharedDocument()
    first.apply(updates(1)[0])
    second.apply(updates(2)[0])
    lacking, we_lack = first.compare(second.sync_request())
    assert lacking
    assert we_lack
    second.apply(lacking)
    assert first.compare(second.sync_request())[1]
    assert second.compare(first.sync_request())[0]


def test_a_lost_deletion_is_noticed_though_state_vectors_are_equal() -> None:
    doc: Doc = Doc(client_id=3)
    show = doc.get("show", type=Map)
    show["blank"] = "black"
    first, second = SharedDocument(), SharedDocument()
    first.apply(doc.get_update())
    second.apply(doc.get_update())
    del show["blank"]
    first.apply(doc.get_update())
    assert first.state_vector() == second.state_vector()
    lacking, _ = first.compare(second.sync_request())
    assert second.apply(lacking).new
    assert first.compare(second.sync_request()) == (b"", False)


def test_recording_a_pairing_again_does_not_undo_its_revocation() -> None:
    document = SharedDocument()
    assert document.record_pairing("b").new
    assert not document.revoked("b")
    document.revoke("b")
    assert not document.record_pairing("b").new
    assert document.revoked("b")


def test_updates_that_wait_for_what_never_comes_are_forgotten_in_time() -> None:
    """pycrdt would keep them for ever. Who sends them is asked for what is between, and sends all of it again."""
    document = SharedDocument()
    document.apply(updates(client=1)[0])
    doc: Doc = Doc(client_id=9)
    show = doc.get("show", type=Map)
    show["first"] = "never sent"
    for number in range(150):
        before = doc.get_state()
        show[f"later {number}"] = "x" * 40_000
        assert document.apply(doc.get_update(before)).pending
        assert len(document.encode()) < 5_000_000
    assert len(document.apply(doc.get_update()).new) == 1
    assert len(document.encode()) > 6_000_000


def test_what_waits_is_not_kept_with_what_a_document_is_rebuilt_from() -> None:
    document = SharedDocument()
    doc: Doc = Doc(client_id=9)
    show = doc.get("show", type=Map)
    show["first"] = "never sent"
    before = doc.get_state()
    show["later"] = "x" * 40_000
    assert document.apply(doc.get_update(before)).pending
    for update in updates(client=5, count=250):
        document.apply(update)
    assert len(document.encode()) > 40_000
    with pytest.raises(Refusal):
        document.apply(PANIC)
    assert read_state_vector(document.state_vector()) == {5: 250}
    assert len(document.encode()) < 10_000
