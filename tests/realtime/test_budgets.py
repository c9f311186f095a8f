"""Wrong codes are counted per teacher, per address and for the cluster, in a sliding window."""

import pytest

from realtime.budgets import Budgets, network
from realtime.settings import PairingLimits

LIMITS = PairingLimits(failures_per_teacher=20, failures_per_address=60, failures_per_cluster=500)


@pytest.mark.parametrize(
    ("limits", "other", "spent"),
    [
        (PairingLimits(failures_per_teacher=3), ("ada", "10.0.0.2"), "teacher ada"),
        (PairingLimits(failures_per_address=3), ("eve", "10.0.0.1"), "address 10.0.0.1"),
        (PairingLimits(failures_per_cluster=3), ("eve", "10.0.0.2"), "cluster"),
    ],
)
def test_each_budget_ends_after_its_failures_and_heals_after_its_window(
    limits: PairingLimits, other: tuple[str, str], spent: str
) -> None:
    budgets = Budgets(limits)
    for now in range(3):
        assert budgets.spent(*other, now) == ""
        budgets.failed("ada", "10.0.0.1", now)
    assert budgets.spent(*other, 3) == spent
    assert budgets.spent(*other, limits.window_seconds + 3) == ""


def test_a_refund_takes_back_one_failure() -> None:
    budgets = Budgets(PairingLimits(failures_per_teacher=1))
    budgets.failed("ada", "a", 0)
    budgets.refund("ada", "a")
    assert budgets.spent("ada", "a", 1) == ""


def test_refunds_of_right_codes_open_no_way_past_a_budget_that_is_spent() -> None:
    budgets = Budgets(PairingLimits(failures_per_cluster=10))
    for turn in range(15):  # five of them came from other nodes in the same moment
        budgets.failed(f"eve{turn}", f"10.0.0.{turn}", 0)
    for _ in range(3):
        budgets.failed("ada", "10.0.1.1", 1)
        budgets.refund("ada", "10.0.1.1")
    assert budgets.is_shut(2)


def test_a_node_that_starts_learns_what_was_guessed_before() -> None:
    old, new = Budgets(LIMITS), Budgets(LIMITS)
    for second in range(500):
        old.failed(f"eve{second % 100}", f"10.0.{second % 50}.1", 1000 + second)
    new.learn(old.ages(2000), 10)
    assert new.is_shut(10)
    assert not new.is_shut(10 + 3600 - 1000)
    assert new.in_cluster(10 + 3600 - 502) == 1


def test_addresses_that_one_person_can_change_at_will_count_as_one() -> None:
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::1")
    assert network("2001:db8:1:3::4") != network("2001:db8:1:2::4")
    assert network("::ffff:10.0.0.1") == "10.0.0.1"
    assert network("10.0.0.1") != network("10.0.0.2")
    assert network("unknown") == "unknown"
