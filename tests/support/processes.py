"""SIGKILL to a process and all that it started, as when its host dies."""

import contextlib

import psutil


def kill_family(pid: int) -> None:
    """The parent is stopped first, so that it starts no others in place of those that die; gone already is well."""
    parent = psutil.Process(pid)
    parent.suspend()
    for one in (*parent.children(recursive=True), parent):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
