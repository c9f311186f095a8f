"""One control group a host, so that all of its processes can be found, frozen and killed at once.

Works on the hybrid layout (version 1 controllers beside `unified`) and on version 2 alone.
"""

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from localhosts.errors import HostsError

ROOT = Path("/sys/fs/cgroup")
PARENT = "firstbell-hosts"
GONE_SECONDS = 10
BUSY_SECONDS = 5
DEVICES = ("c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:2", "c 136:*", "c 10:200")
"""null, zero, full, random, urandom, tty, ptmx, pts, tun: what a container may open."""
PARENT_WENT = (errno.ENOENT, errno.EEXIST, errno.ENODEV)
"""What making a group may say when the last of the others takes their common parent along, at each moment of that."""
CONTROLLERS = ("systemd", "freezer", "memory", "cpu", "cpuacct", "pids", "devices", "blkio")


def unified() -> Path:
    """Where version 2 is mounted."""
    if (ROOT / "cgroup.controllers").exists():
        return ROOT
    if (ROOT / "unified/cgroup.procs").exists():
        return ROOT / "unified"
    raise HostsError(
        "no cgroup version 2 under /sys/fs/cgroup: this kernel or container can't run hosts"
    )


def _hierarchies() -> list[Path]:
    first = unified()
    if first == ROOT:
        return [first]
    return [first, *(ROOT / c for c in CONTROLLERS if (ROOT / c / "cgroup.procs").exists())]


def make(host_id: str) -> list[Path]:
    """The host's groups, one in each hierarchy; made if they are not there."""
    groups = [top / PARENT / host_id for top in _hierarchies()]
    for group in groups:
        while not group.is_dir():
            try:
                group.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                if error.errno not in PARENT_WENT:
                    raise
    _only_container_devices(host_id)
    return groups


def _only_container_devices(host_id: str) -> None:
    group = ROOT / "devices" / PARENT / host_id
    if group.is_dir():  # on version 2 alone this would need a BPF program
        (group / "devices.deny").write_text("a")
        for device in DEVICES:
            (group / "devices.allow").write_text(f"{device} rwm")
        for kind in ("c *:* m", "b *:* m"):
            (group / "devices.allow").write_text(kind)


def processes(host_id: str) -> list[int]:
    found: list[int] = []
    for folder, _, _ in os.walk(unified() / PARENT / host_id):  # walks past groups that go away
        with contextlib.suppress(OSError):  # the same, as we read it
            found += map(int, Path(folder, "cgroup.procs").read_text().split())
    return found


def freeze(host_id: str, frozen: bool) -> None:
    (unified() / PARENT / host_id / "cgroup.freeze").write_text(str(int(frozen)))


def kill(host_id: str) -> None:
    """SIGKILL to all of it; returns when no process is left."""
    group = unified() / PARENT / host_id
    end = time.monotonic() + GONE_SECONDS
    while group.is_dir() and processes(host_id):
        (group / "cgroup.freeze").write_text("0")
        (group / "cgroup.kill").write_text("1")
        if time.monotonic() > end:
            raise HostsError(f"{host_id}: processes {processes(host_id)} do not die")
        time.sleep(0.01)


def remove(host_id: str) -> None:
    """Take the groups away, whose processes were killed; their parents too when these hold nothing more."""
    for top in _hierarchies():
        _soon(_with_inner, top / PARENT / host_id)
        _soon(_if_empty, top / PARENT)


def _soon(remove: Callable[[Path], bool], group: Path) -> None:
    """A group, and each within it, stays busy for a moment after its last process died."""
    end = time.monotonic() + BUSY_SECONDS
    while not remove(group) and time.monotonic() < end:
        time.sleep(0.01)


def _with_inner(group: Path) -> bool:
    """Whether it is gone, with the groups in it."""
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not group.exists()


def _if_empty(group: Path) -> bool:
    """Whether it is gone, or holds groups of others, which are none of ours to take."""
    with contextlib.suppress(OSError):
        group.rmdir()
    return bool(_inner(group)) or not group.exists()


def _inner(folder: Path) -> list[str]:
    """Names of the groups in it; none when it went away, as groups do at any moment."""
    return next(os.walk(folder), ("", [], []))[1]


def left(host_id_prefix: str) -> list[str]:
    return [
        str(top / PARENT / name)
        for top in _hierarchies()
        for name in _inner(top / PARENT)
        if name.startswith(host_id_prefix)
    ]
