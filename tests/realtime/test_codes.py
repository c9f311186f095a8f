"""What boards show: digits that tell nothing, long codes that people can type."""

from collections import Counter

import pytest

from realtime import codes
from realtime.errors import Refusal

KEY = "a key that only these tests know"


def test_every_number_has_six_digits_of_its_own() -> None:
    sample = range(0, 10**6, 97)
    assert len({codes.scramble(number, KEY) for number in sample}) == len(sample)
    assert codes.scramble(1, KEY) != codes.scramble(1, KEY + "!")


def test_codes_of_one_node_are_spread_over_all_residues_and_digits() -> None:
    drawn = [codes.draw(3, KEY) for _ in range(16_000)]
    residues = Counter(int(code) % codes.CLASSES for code in drawn)
    assert len(residues) == codes.CLASSES
    assert max(residues.values()) < 1_250  # 1,000 are expected; eight standard deviations
    assert len({code[:2] for code in drawn}) == 100


def test_typed_codes_may_have_spaces_and_letters_that_look_alike_but_nothing_else() -> None:
    assert codes.clean(" 042-917 ") == "042917"
    assert codes.clean("k7qm 2xpd 9rto") == "K7QM2XPD9RT0"
    assert codes.clean("il0o il0o il0o") == "110011001100"
    wrongs = (
        "",
        "12345",
        "1234567",
        "12345a",
        "１２３４５６",
        "K7QM2XPD9RT",
        "K7QM2XPD9RTU",
        "\ud800" * 12,
    )
    for wrong in wrongs:
        with pytest.raises(Refusal) as refused:
            codes.clean(wrong)
        assert refused.value.code == "pair.wrong_code"
        assert "six digits" in refused.value.message


def test_long_codes_and_numbers_have_their_lengths() -> None:
    assert all(codes.clean(long) == long for long in (codes.draw_long() for _ in range(100)))
    assert {len(codes.draw_number()) for _ in range(1000)} == {4}
