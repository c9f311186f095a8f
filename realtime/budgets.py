"""How many wrong six-digit codes may be typed: by one teacher, from one address, and in the whole cluster.

Pure counting in a sliding window; each node counts what all nodes see (pair_desk.py tells them). The numbers and what
they add up to are in docs/decisions/0019.
"""

import ipaddress
from collections import deque
from collections.abc import Iterable

from realtime.errors import Refusal
from realtime.settings import PairingLimits

CLUSTER = "cluster"


class Budgets:
    """Counts wrong codes in a sliding window."""

    def __init__(self, limits: PairingLimits) -> None:
        self._limits = limits
        self._failures: dict[str, deque[float]] = {}

    def spent(self, teacher: str, address: str, now: float) -> str:
        """The budget that is used up, as "teacher 7" or "cluster"; empty if none is."""
        for key, most in self._keys(teacher, address):
            if len(self._recent(key, now)) >= most:
                return key
        return ""

    def is_shut(self, now: float) -> bool:
        """Whether the cluster's budget is used up: no six-digit code is taken."""
        return len(self._recent(CLUSTER, now)) >= self._limits.failures_per_cluster

    def in_cluster(self, now: float) -> int:
        """Wrong codes of the whole cluster within the window."""
        return len(self._recent(CLUSTER, now))

    def failed(self, teacher: str, address: str, now: float) -> None:
        """Count a wrong code."""
        for key, most in self._keys(teacher, address):
            self._add(key, most, now)

    def _add(self, key: str, most: int, at: float) -> None:
        times = self._failures.setdefault(key, deque())
        times.append(at)
        if len(times) > 2 * most:  # more than enough to say no, whatever is refunded
            times.popleft()

    def refund(self, teacher: str, address: str) -> None:
        """The code was right after all: take the newest failure back."""
        for key, _ in self._keys(teacher, address):
            times = self._failures.get(key)
            if times:
                times.pop()

    def ages(self, now: float) -> list[float]:
        """How many seconds ago the cluster's wrong codes were typed: for a node that has just started."""
        return [round(now - at, 1) for at in self._recent(CLUSTER, now)]

    def learn(self, ages: Iterable[float], now: float) -> None:
        """What another node had counted before this one started."""
        for age in sorted(ages, reverse=True):
            self._add(CLUSTER, self._limits.failures_per_cluster, now - age)

    def sweep(self, now: float) -> None:
        """Forget who has not failed for a window."""
        for key in list(self._failures):
            if not self._recent(key, now):
                del self._failures[key]

    def _keys(self, teacher: str, address: str) -> list[tuple[str, int]]:
        limits = self._limits
        return [
            (f"teacher {teacher}", limits.failures_per_teacher),
            (f"address {network(address)}", limits.failures_per_address),
            (CLUSTER, limits.failures_per_cluster),
        ]

    def _recent(self, key: str, now: float) -> deque[float]:
        times = self._failures.get(key, deque())
        while times and times[0] <= now - self._limits.window_seconds:
            times.popleft()
        return times


def network(address: str) -> str:
    """What one person can't change at will: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))


def too_many_tries() -> Refusal:
    """A failure budget is used up. Long codes are still taken."""
    message = "Too many wrong codes were typed. Scan the picture on the board, or type the long code below it."
    return Refusal("pair.too_many_tries", message)
