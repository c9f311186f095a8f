"""Rules of pairing: codes are single use and short-lived; the number, the long form, boards that are remembered."""

import pytest

from realtime.errors import Refusal
from realtime.pairing import Claimer, CodeBook, Offer
from realtime.settings import PairingLimits

ADA = Claimer("session-1", "ada", "Ada Lovelace")
EVE = Claimer("session-2", "eve", "Eve")


def confirm(book: CodeBook, offer: Offer, who: Claimer, now: float) -> Offer:
    found = book.find(offer.pairing, who.session, who.teacher, now)
    book.confirm(found, "device", now)
    return found


def refusal_of(work: object, *args: object) -> str:
    with pytest.raises(Refusal) as refused:
        work(*args)  # type: ignore[operator]
    return refused.value.code


def test_a_code_has_six_digits_and_no_two_nodes_or_boards_share_one() -> None:
    books = [CodeBook(node) for node in (1, 2, 15)]
    codes = [book.open(f"board{i}", 0).text for book in books for i in range(500)]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 6 and code.isdecimal() for code in codes)


def test_codes_are_not_in_order() -> None:
    book = CodeBook(1)
    codes = [book.open(f"board{i}", 0).text for i in range(50)]
    assert codes != sorted(codes)
    assert len({code[:2] for code in codes}) > 10


def test_a_code_is_used_once() -> None:
    book = CodeBook(1)
    code = book.open("board", 0).text
    assert book.claim(code, ADA, 1) is not None
    assert refusal_of(book.claim, code, EVE, 2) == "pair.expired_code"


def test_the_same_teacher_may_repeat_a_claim() -> None:
    book = CodeBook(1)
    code = book.open("board", 0).text
    first, second = book.claim(code, ADA, 1), book.claim(code, ADA, 2)
    assert first is second
    assert first is not None
    confirm(book, first, ADA, 3)
    assert refusal_of(book.claim, code, ADA, 4) == "pair.expired_code"


def test_a_code_expires_after_three_minutes() -> None:
    book = CodeBook(1)
    code = book.open("board", 0).text
    assert refusal_of(book.claim, code, ADA, 180) == "pair.expired_code"


def test_an_expired_code_is_swept_and_the_board_gets_another() -> None:
    book = CodeBook(1)
    code = book.open("board", 0)
    assert book.sweep(179) == ([], [])
    assert book.sweep(180) == ([code], [])
    assert book.open("board", 180).text != code.text


def test_a_code_of_nobody_is_not_ours() -> None:
    book = CodeBook(1)
    book.open("board", 0)
    assert book.claim("000000", ADA, 1) is None


def test_the_code_of_a_closed_board_is_gone() -> None:
    book = CodeBook(1)
    code = book.open("board", 0).text
    book.drop("board", 1)
    assert refusal_of(book.claim, code, ADA, 2) == "pair.expired_code"


def test_only_the_teacher_who_claimed_may_confirm_or_reject() -> None:
    book = CodeBook(1)
    offer = book.claim(book.open("board", 0).text, ADA, 1)
    assert offer is not None
    assert refusal_of(book.find, offer.pairing, "session-2", "eve", 2) == "pair.gone"
    assert refusal_of(book.find, offer.pairing, "session-2", "ada", 2) == "pair.gone"
    assert refusal_of(book.reject, offer.pairing, "session-1", "eve") == "pair.gone"
    assert confirm(book, offer, ADA, 2).done
    offer = book.claim(book.open("board 2", 0).text, ADA, 1)
    assert offer is not None
    assert book.reject(offer.pairing, "session-1", "ada") is offer
    assert refusal_of(book.reject, offer.pairing, "session-1", "ada") == "pair.gone"
    assert refusal_of(book.find, offer.pairing, "session-1", "ada", 2) == "pair.gone"


def test_an_offer_that_nobody_confirms_in_time_is_gone() -> None:
    book = CodeBook(1)
    offer = book.claim(book.open("board", 0).text, ADA, 0)
    assert offer is not None
    assert refusal_of(book.find, offer.pairing, "session-1", "ada", 60) == "pair.gone"
    assert book.sweep(60) == ([], [offer])


def test_confirming_twice_is_harmless_and_rejecting_after_it_is_refused() -> None:
    book = CodeBook(1)
    offer = book.claim(book.open("board", 0).text, ADA, 0)
    assert offer is not None
    for now in (1, 2):
        assert confirm(book, offer, ADA, now) is offer
    assert refusal_of(book.reject, offer.pairing, "session-1", "ada") == "pair.gone"


def test_asking_again_for_a_code_repeats_it_and_withdraws_an_offer() -> None:
    book = CodeBook(1)
    code = book.open("board", 0)
    assert book.open("board", 1) is code
    offer = book.claim(code.text, ADA, 2)
    assert offer is not None
    assert book.open("board", 3).text != code.text
    assert refusal_of(book.find, offer.pairing, "session-1", "ada", 4) == "pair.gone"
    assert book.owns(offer.pairing)  # or all other nodes would be asked, and waited for
    assert book.sweep(62) == ([], [])  # the board knows
    assert not book.owns(offer.pairing)


def test_boards_that_come_and_go_cannot_use_up_the_codes() -> None:
    book = CodeBook(3)
    for i in range(70_000):  # more than there are codes in a residue class
        book.open(i, 0)
        book.drop(i, 0)
    assert book.open("board", 1).text


def test_a_full_node_says_so() -> None:
    book = CodeBook(1, PairingLimits(codes=3))
    for i in range(3):
        book.open(i, 0)
    assert refusal_of(book.open, 4, 0) == "too_fast"


def test_six_digits_are_followed_by_a_number_and_the_long_code_is_not() -> None:
    book = CodeBook(1)
    by_digits = book.claim(book.open("one", 0).text, ADA, 1)
    by_camera = book.claim(book.open("two", 0).long, ADA, 1)
    assert by_digits is not None
    assert by_camera is not None
    assert (len(by_digits.number), by_camera.number) == (4, "")


def test_both_forms_of_a_code_are_used_up_together() -> None:
    for used in ("text", "long"):
        book = CodeBook(1)
        code = book.open("board", 0)
        assert book.claim(getattr(code, used), ADA, 1) is not None
        for text in (code.text, code.long):
            assert refusal_of(book.claim, text, EVE, 2) == "pair.expired_code"


def test_a_remembered_board_is_started_only_while_it_waits_and_not_before_it_could_refuse() -> None:
    book = CodeBook(1, PairingLimits(refuse_seconds=5))
    assert book.start("board", ADA, "Room 12", 0) is None
    book.open("board", 0)
    offer = book.start("board", ADA, "Room 12", 0)
    assert offer is not None
    assert book.start("board", ADA, "Room 12", 1) is offer
    assert book.start("board", EVE, "Room 12", 1) is None
    assert refusal_of(book.find, offer.pairing, "session-1", "ada", 4) == "pair.too_early"
    assert confirm(book, offer, ADA, 5).done


def test_a_board_refuses_by_asking_for_a_code_again() -> None:
    book = CodeBook(1)
    book.open("board", 0)
    offer = book.start("board", ADA, "Room 12", 0)
    assert offer is not None
    book.open("board", 1)
    assert refusal_of(book.find, offer.pairing, "session-1", "ada", 9) == "pair.gone"
