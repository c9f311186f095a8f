"""Finding and ending everything that a run started, also what its worker no longer knows of.

ansible-playbook ignores hang-ups here, and its forks have sessions of their own, so that no process group
holds them all. A mark in the environment, which every child inherits, does: the way Jenkins finds what a build
left behind. What a provider starts to stay (a virtual host) should be started with an environment of its own.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "FIRSTBELL_RUN"
TERM_SECONDS = 1.0
KILL_SECONDS = 10.0
POLL_SECONDS = 0.05


def marked(value: str) -> list[int]:
    """Process ids of all that carry this run's mark; zombies carry none."""
    wanted = f"{MARK}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            content = (entry / "environ").read_bytes()
        except OSError:  # ended meanwhile, or another user's
            continue
        if wanted in content.split(b"\0"):
            found.append(int(entry.name))
    return found


def end(value: str) -> bool:
    """SIGTERM, then SIGKILL, until none is left. False if some could not be killed in time."""
    _signal(value, signal.SIGTERM)
    if _none_within(value, TERM_SECONDS):
        return True
    end = time.monotonic() + KILL_SECONDS
    while time.monotonic() < end:
        _signal(value, signal.SIGKILL)  # again and again: what is killed may just have forked
        if _none_within(value, 4 * POLL_SECONDS):
            return True
    return False


def _none_within(value: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while marked(value):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _signal(value: str, number: int) -> None:
    for pid in marked(value):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
