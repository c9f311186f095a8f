"""Comparing what we believe with what a provider really has. Pure.

The rule about orphans: only what our own state folder has a mark for is ours. Anything else that a provider
lists is somebody's (a colleague uses the provider by hand) and is reported, never touched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from provisioner.errors import ResultError
from provisioner.lifecycle import State
from provisioner.store import Environment


@dataclass(frozen=True)
class Difference:
    vanished: tuple[Environment, ...]
    """Ready here, but the provider no longer has them."""
    orphans: frozenset[str]
    """The provider has them, and they are not ours."""


def names(content: object) -> frozenset[str]:
    """What a provider's list left in its result file; raises ResultError."""
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise ResultError("its result file is no JSON array of names")
    return frozenset(content)


def compare(
    listed: frozenset[str],
    began: datetime,
    environments: Iterable[Environment],
    marks: Iterable[str],
) -> Difference:
    """`environments` are the provider's open ones; `began` is when the provider was asked.

    What became ready after that, or is being made or destroyed just now, proves nothing.
    """
    known = list(environments)
    settled = [e for e in known if e.state in (State.READY, State.EXPIRING)]
    return Difference(
        vanished=tuple(
            e for e in settled if e.name not in listed and e.ready_at and e.ready_at < began
        ),
        orphans=listed - {e.name for e in known} - set(marks),
    )
