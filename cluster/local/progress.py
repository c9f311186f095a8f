"""Progress lines with times, and bounded waiting: what a person sees of a command at work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from cluster.errors import ClusterError

POLL_SECONDS = 0.1

_started = time.monotonic()


def say(message: str) -> None:
    """One line of progress, with the seconds since the command began."""
    click.echo(f"[{time.monotonic() - _started:5.1f} s] {message}")


@contextmanager
def step(message: str) -> Iterator[None]:
    """Say what begins, and how long it took once it is done."""
    say(f"{message} …")
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took >= 1:
        say(f"{message}: done in {took:.1f} s")


def wait_until(
    what: str,
    is_true: Callable[[], bool],
    timeout_seconds: float,
    explain: Callable[[], str] = lambda: "",
) -> None:
    """Poll until `is_true()`. Raises ClusterError naming `what`, with `explain()` at the end."""
    deadline = time.monotonic() + timeout_seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {timeout_seconds:.0f} s. {explain()}".rstrip())
        time.sleep(POLL_SECONDS)
