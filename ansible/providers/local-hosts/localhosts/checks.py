"""Can this machine run hosts? Said before anything is made."""

import os
import shutil
import sys
from pathlib import Path

from localhosts import cgroups
from localhosts.errors import HostsError

TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "mount": "mount",
    "sysctl": "procps",
}
"""Programs needed, and the Debian packages that have them."""


def check_machine() -> None:
    """Raises HostsError that says what is missing and how to get it."""
    if sys.platform != "linux":
        raise HostsError(f"local hosts need Linux; this is {sys.platform}")
    if os.geteuid():
        raise HostsError("local hosts need root: run the same command with sudo")
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        raise HostsError(
            f"local hosts need Debian packages that are missing: {' '.join(missing)};"
            " run: bin/install --hosts"
        )
    if "overlay" not in Path("/proc/filesystems").read_text():
        raise HostsError("local hosts need overlayfs, which this kernel does not have")
    cgroups.unified()
