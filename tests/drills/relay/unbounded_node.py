"""`python -m realtime` without the limits that end a fuzzer early: how fast a socket may send, how often it may err."""

import asyncio
import dataclasses
import sys

from realtime import logs, settings
from realtime.__main__ import serve


def main() -> int:
    chosen = settings.from_environment()
    logs.start(chosen.name)
    limits = dataclasses.replace(
        chosen.limits, frames_per_second=1e9, frames_burst=1e9, bad_frames=10**9
    )
    return asyncio.run(serve(dataclasses.replace(chosen, limits=limits)))


if __name__ == "__main__":
    sys.exit(main())
