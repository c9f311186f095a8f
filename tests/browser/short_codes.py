"""A host whose pairing codes live for seconds: the real service, with its limit made smaller.

Three minutes are part of the protocol and no setting; a test can't wait for them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.local.laptop import Laptop
from cluster.local.programs import realtime_environment
from cluster.local.state import REPOSITORY

SERVE = """
import asyncio, dataclasses, sys
from realtime import logs, settings
from realtime.__main__ import serve
chosen = settings.from_environment()
limits = dataclasses.replace(chosen.pairing, code_seconds=int(sys.argv[1]))
logs.start(chosen.name)
raise SystemExit(asyncio.run(serve(dataclasses.replace(chosen, pairing=limits))))
"""


@contextmanager
def codes_live(laptop: Laptop, host: str, seconds: int) -> Iterator[None]:
    """Meanwhile, codes of boards on this host live for so many seconds."""
    wanted = realtime_environment(laptop.topology, laptop.host(host), laptop.state, laptop.secrets)
    laptop.stop(host, "realtime")
    child = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(seconds)], cwd=REPOSITORY, env={**os.environ, **wanted}
    )
    try:
        laptop.wait_ready(host)
        yield
    finally:
        child.kill()
        child.wait()
        laptop.start(host, "realtime")
        laptop.wait_ready(host)
