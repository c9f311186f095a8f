"""`python -m realtime` with other limits than a product's node, as JSON in LIMITS."""

import asyncio
import dataclasses
import json
import os
import sys

from realtime import logs, settings
from realtime.__main__ import serve


def main() -> int:
    chosen = settings.from_environment()
    logs.start(chosen.name)
    limits = dataclasses.replace(chosen.limits, **json.loads(os.environ["LIMITS"]))
    return asyncio.run(serve(dataclasses.replace(chosen, limits=limits)))


if __name__ == "__main__":
    sys.exit(main())
