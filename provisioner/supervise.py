"""`python -m provisioner serve`: gunicorn and the keeper, started again when they die.

Runs are nobody's children here: they outlive all of this (docs/decisions/0009).
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Between a death and the next start: long enough not to spin, short enough not to be missed."""

END_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1  # prctl(2)

PARTS = {
    "web": [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(Path(__file__).with_name("gunicorn.conf.py")),
    ],
    "keeper": [sys.executable, "-m", "provisioner", "keeper"],
}


def serve() -> None:
    """Until SIGTERM or Ctrl-C."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    not_before = dict.fromkeys(PARTS, 0.0)
    while not ended:
        for name, command in PARTS.items():
            process = running.get(name)
            if process and process.poll() is not None:
                logger.warning(
                    "%s ended, exit code %s; it is started again", name, process.returncode
                )
                not_before[name] = time.monotonic() + AGAIN_SECONDS
                del running[name]
            if name not in running and time.monotonic() >= not_before[name]:
                running[name] = _start(command)
        time.sleep(0.2)
    for process in running.values():
        process.terminate()
    for process in running.values():
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None)  # before the fork: a child should do as little as possible
    parent = os.getpid()

    def die_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    # A group of their own: Ctrl-C reaches us alone, and we end them in order.
    return subprocess.Popen(command, process_group=0, preexec_fn=die_with_parent)
