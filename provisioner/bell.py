"""The bell that wakes the keeper, so that a click need not wait for its next look."""

import contextlib
import socket
from pathlib import Path


def ring(path: Path) -> None:
    """Tell the keeper to look now; no matter if nobody listens, it looks every second anyway."""
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    with bell, contextlib.suppress(OSError):
        bell.sendto(b"!", str(path))
