"""Looks whether the parts of a host do their work, from outside, as a browser or a peer would."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import psutil

from cluster.local import ports, postgres
from cluster.local.state import REPOSITORY
from cluster.topology import Host

HTTP_SECONDS = 2.0


def parts_not_ready(host: Host, parts: Iterable[str], dsn: str) -> list[str]:
    """Those of `parts` that are not ready; API and realtime are asked through the front door."""
    public = f"http://{ports.LOOPBACK}:{host.ports.public}"
    probes = {
        "postgres": lambda: postgres.accepts(dsn),
        "nats": lambda: ports.is_taken(host.ports.nats),
        "api": lambda: http_status(f"{public}/readyz") == 200,
        "realtime": lambda: http_status(f"{public}/rt/readyz") == 200,
        "nginx": lambda: http_status(f"{public}/") == 404,
    }
    return [part for part in parts if part in probes and not probes[part]()]


def http_status(url: str) -> int:
    """The status, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=HTTP_SECONDS) as answer:  # noqa: S310
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def runs_older_code(pid: int, room: str) -> bool:
    """Whether the process was started before the newest change of the room's Python or Markdown files."""
    if not pid:
        return False
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    return any(
        (folder / name).stat().st_mtime > started
        for folder, subfolders, names in _walk(REPOSITORY / room)
        for name in names
        if name.endswith((".py", ".md"))
    )


def _walk(room: Path) -> Iterable[tuple[Path, list[str], list[str]]]:
    """All folders of Python code below; the front end is built and served, not run."""
    for folder, subfolders, names in os.walk(room):
        subfolders[:] = [s for s in subfolders if s not in ("frontend", "__pycache__")]
        yield Path(folder), subfolders, names


def log_tail(path: Path, lines: int = 2) -> str:
    """The last lines of a log, for the end of an error message."""
    try:
        tail = path.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        tail = []
    return f"{path} ends with:\n" + "\n".join(f"    {line[:400]}" for line in tail)
