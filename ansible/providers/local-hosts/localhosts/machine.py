"""One host: its disk (an overlay on a base or an image), power on, power off, plug pulled."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from localhosts import cgroups, network
from localhosts.errors import HostsError
from localhosts.store import Environment, Host, Store

SHUTDOWN_SECONDS = 60
SSH_SECONDS = 60
HOST_KEY_ALIAS = "firstbell-host"

BOOT = r"""
for group in $FIRSTBELL_GROUPS; do echo $$ >"$group/cgroup.procs"; done
unset FIRSTBELL_GROUPS
while :; do
    rc=0
    systemd-nspawn --quiet --register=no --keep-unit --boot "$@" || rc=$?
    [ $rc = 133 ] || exit $rc # 133: the host asked for a reboot
done
"""
"""Run by a shell inside the host's own groups. One group a host: else hosts share the root group."""


# ---- disk


def mount(store: Store, environment: Environment, host: Host) -> Path:
    """Its root folder, mounted: what it has of its own, over its image's, over the base."""
    home = store.host(host)
    root = home / "root"
    for folder in (home / "upper", home / "work", root):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.path.ismount(root):
        layers = [store.base(environment.base)]
        if environment.image:
            layers.insert(0, store.image(environment.image) / "hosts" / host.name)
        lower = ":".join(map(str, layers))
        command = ["mount", "-t", "overlay", f"fb-{host.id}", "-o"]
        command += [f"lowerdir={lower},upperdir={home}/upper,workdir={home}/work", str(root)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise HostsError(f"{host.id}: its disk can't be mounted: {done.stderr.strip()}")
    return root


def unmount(store: Store, host: Host) -> None:
    root = store.host(host) / "root"
    if os.path.ismount(root):
        info = root.stat()
        Path(f"/run/systemd/nspawn/locks/inode-{info.st_dev}:{info.st_ino}").unlink(missing_ok=True)
        subprocess.run(["umount", str(root)], check=False) and None
        if os.path.ismount(root):
            subprocess.run(["umount", "--lazy", str(root)], check=True)
    propagate = Path("/run/systemd/nspawn/propagate", machine_name(host))
    if propagate.is_dir():
        propagate.rmdir()


def write_identity(root: Path, environment: Environment, host: Host) -> None:
    """What makes a clone a host of its own: name, and the names of its peers and of itself."""
    (root / "etc/hostname").write_text(host.name + "\n")
    lines = ["127.0.0.1 localhost"]
    for peer in environment.hosts:
        lines.append(f"{peer.inside} {peer.name} {' '.join(environment.names_of(peer))}")
    (root / "etc/hosts").write_text("\n".join(lines) + "\n")


# ---- power


def machine_name(host: Host) -> str:
    return host.id.replace(".", "-")


def is_on(host: Host) -> bool:
    return bool(cgroups.processes(host.id))


def power_on(store: Store, environment: Environment, host: Host) -> None:
    """Boot it, if it is not running; `wait_for_ssh` tells when it answers."""
    network.set_cable(host, up=True)
    if is_on(host):
        return
    root = mount(store, environment, host)
    groups = cgroups.make(host.id)
    command = [
        *("bash", "-c", BOOT, "boot"),
        f"--machine={machine_name(host)}",
        f"--directory={root}",
        f"--network-namespace-path=/run/netns/{network.namespace(host)}",
        *("--capability=CAP_NET_ADMIN", "--resolv-conf=off", "--timezone=off"),
        *("--link-journal=no", "--console=pipe"),
    ]
    with (store.host(host) / "console.log").open("ab") as console:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd="/",
            start_new_session=True,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG": "C.UTF-8",
                "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
                "FIRSTBELL_GROUPS": " ".join(map(str, groups)),
            },
        )


def shutdown(host: Host) -> None:
    """A clean power off; pulls the plug when the host does not end by itself."""
    for pid in _supervisors(host):
        os.kill(pid, 15)
    end = time.monotonic() + SHUTDOWN_SECONDS
    while is_on(host) and time.monotonic() < end:
        time.sleep(0.05)
    pull_plug(host)


def _supervisors(host: Host) -> list[int]:
    """systemd-nspawn itself; SIGTERM to it is the power button."""
    group = cgroups.unified() / cgroups.PARENT / host.id / "supervisor" / "cgroup.procs"
    if not group.exists():
        return []
    found = []
    for pid in map(int, group.read_text().split()):
        name = Path(f"/proc/{pid}/comm")
        if name.exists() and name.read_text().strip() == "systemd-nspawn":
            found.append(pid)
    return found[:1]


def pull_plug(host: Host) -> None:
    """As if its power had failed: first silence on the line, then nothing runs. Works on a host that is half made."""
    if network.has_cable(host):
        network.set_cable(host, up=False)
    cgroups.kill(host.id)
    cgroups.remove(host.id)


def remove(store: Store, host: Host) -> None:
    """Nothing of it is left. Works on a host that is half made."""
    pull_plug(host)
    network.remove_namespace(host)
    unmount(store, host)
    shutil.rmtree(store.host(host), ignore_errors=False, onerror=_gone)


def _gone(_function, _path, info) -> None:
    if not isinstance(info[1], FileNotFoundError):
        raise info[1]


# ---- ssh


def ssh_command(store: Store, host: Host) -> list[str]:
    """How to get in; the host key is known beforehand, so nobody is asked to trust one."""
    return [
        *(
            "ssh",
            "-i",
            str(store.keys / "id"),
            "-o",
            f"UserKnownHostsFile={store.keys}/known_hosts",
        ),
        *("-o", f"HostKeyAlias={HOST_KEY_ALIAS}", "-o", "StrictHostKeyChecking=yes"),
        *("-o", "LogLevel=ERROR", "-o", "ConnectTimeout=2", "-o", "IdentitiesOnly=yes"),
        f"root@{host.outside}",
    ]


def probe_command(store: Store, host: Host, command: str = "true") -> list[str]:
    """As `ssh_command`, but it ends within 6 s of the host's death, also when nobody is left to end it."""
    alive = ("-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2")
    *ssh, address = ssh_command(store, host)
    return [*ssh, *alive, address, command]


def wait_for_ssh(store: Store, host: Host) -> None:
    end = time.monotonic() + SSH_SECONDS
    while True:
        done = subprocess.run(
            probe_command(store, host),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if not done.returncode:
            return
        if time.monotonic() > end:
            raise HostsError(
                f"{host.id} does not answer on {host.outside} after {SSH_SECONDS} s:"
                f" {done.stderr.strip()}; its console: {store.host(host)}/console.log"
            )
        time.sleep(0.05)
