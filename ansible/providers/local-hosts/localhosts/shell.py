"""Runs the machine's own tools (ip, nft, mount …) and turns their failures into one line."""

import subprocess
from pathlib import Path

from localhosts.errors import HostsError


def run(*command: str | Path, stdin: str | None = None) -> str:
    """Output of a command. Raises HostsError with its last words when it fails."""
    done = subprocess.run(
        [str(word) for word in command], input=stdin, capture_output=True, text=True, cwd="/"
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        words = " ".join(str(word) for word in command)
        raise HostsError(f"{words}: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


def succeeds(*command: str | Path, stdin: str | None = None) -> bool:
    """Whether it ended well; for what may be gone already."""
    done = subprocess.run(
        [str(word) for word in command], input=stdin, capture_output=True, text=True, cwd="/"
    )
    return done.returncode == 0
