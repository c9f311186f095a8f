"""Ports for servers of tests, also when several runs of tests share a machine."""

import secrets
import socket
from collections import deque

LOWEST, HIGHEST = 20000, 32000
_claims: deque[list[socket.socket]] = deque(maxlen=200)
"""The newest; the servers of the oldest listen by now, or are gone."""


def free_port(side_by_side: int = 1) -> int:
    """The first of so many ports below the ephemeral range that nobody listens on.

    Nobody else who asks here is given them: another run's server would listen there before this one's does.
    """
    for _ in range(500):
        first = LOWEST + secrets.randbelow(HIGHEST - LOWEST - side_by_side)
        claims: list[socket.socket] = []
        try:
            for port in range(first, first + side_by_side):
                claims.append(socket.socket(socket.AF_UNIX))
                claims[-1].bind(f"\0firstbell-test-port-{port}")  # ends with this process
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("", port))
        except OSError:
            for claim in claims:
                claim.close()
            continue
        _claims.append(claims)
        return first
    raise RuntimeError(f"no {side_by_side} free ports between {LOWEST} and {HIGHEST}")
