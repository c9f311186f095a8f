"""Where hosts come from: a bare Debian base, and golden images saved from finished environments."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from localhosts import machine
from localhosts.errors import HostsError
from localhosts.shell import run
from localhosts.store import Environment, Store, write_json, write_whole

RELEASES = ("bookworm", "trixie")
PACKAGES = [
    "systemd",
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "openssh-server",
    "python3",
    "python3-apt",
    "sudo",
    "iproute2",
    "iputils-ping",
    "ca-certificates",
    "procps",
    "curl",
]
"""What any rented Debian host has; python3-apt spares Ansible a step."""
MASKED = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "systemd-networkd-wait-online.service",
    "console-getty.service",
    "getty.target",
]
"""Of no use to a host that lives for an hour on a shared disk."""
Progress = Callable[[str], None]


# ---- base


def make_base(store: Store, release: str, progress: Progress) -> None:
    """A bare Debian root, made once; hosts reach the package mirrors just as this machine does."""
    if release not in RELEASES:
        raise HostsError(f"release {release!r} is not known; there are {', '.join(RELEASES)}")
    base = store.base(release)
    with store.lock(f"base-{release}"):
        _make_keys(store)
        if base.exists():
            return
        progress(f"making the bare Debian {release} (once, about a minute)")
        draft = base.with_name(release + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        base.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="firstbell-hosts-") as folder:
            _debootstrap(release, draft, Path(folder))
        _settle(store, draft)
        draft.rename(base)
        progress(f"bare Debian {release} is ready")


def _make_keys(store: Store) -> None:
    store.keys.mkdir(mode=0o700, exist_ok=True)
    for name in ("id", "hostkey"):
        if not (store.keys / f"{name}.pub").exists():
            (store.keys / name).unlink(missing_ok=True)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", store.keys / name)
    public = (store.keys / "hostkey.pub").read_text()
    write_whole(store.keys / "known_hosts", f"{machine.HOST_KEY_ALIAS} {public}")


def _sources(release: str) -> str:
    """This machine's own apt sources, for another release if need be."""
    own = os.environ.get("FIRSTBELL_HOSTS_SOURCES")
    places = [Path(own)] if own else [
        *sorted(Path("/etc/apt/sources.list.d").glob("debian*.sources")),
        *sorted(Path("/etc/apt/sources.list.d").glob("debian*.list")),
        Path("/etc/apt/sources.list"),
    ]  # fmt: skip
    for place in places:
        if place.exists() and place.read_text().strip():
            text = place.read_text()
            for known in RELEASES:
                text = text.replace(known, release)
            if own or release in text:
                return text
    raise HostsError(
        "this machine's apt sources name no Debian release: set FIRSTBELL_HOSTS_SOURCES to a file"
        f" with apt sources for Debian {release}"
    )


def _debootstrap(release: str, root: Path, folder: Path) -> None:
    text = _sources(release)
    deb822 = "Types:" in text
    sources = folder / ("machine.sources" if deb822 else "machine.list")
    sources.write_text(text)
    options = folder / "apt.conf"
    kept = [p for p in sorted(Path("/etc/apt/apt.conf.d").glob("*")) if "Acquire" in p.read_text()]
    options.write_text("\n".join(p.read_text() for p in kept) + '\nAcquire::Languages "none";\n')
    command = [
        *("mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(PACKAGES)}"),
        f"--aptopt={options}",
        "--dpkgopt=force-unsafe-io",
        release,
        str(root),
        str(sources),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise HostsError(f"Debian {release} can't be installed: {' / '.join(said[-3:])}")


def _settle(store: Store, root: Path) -> None:
    """What a host needs to be reached, and nothing that two hosts may not share."""
    etc = root / "etc"
    (etc / "resolv.conf").unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", etc / "resolv.conf")
    bundle = "ssl/certs/ca-certificates.crt"
    shutil.copy(Path("/etc") / bundle, etc / bundle)
    (etc / "apt/apt.conf.d/98hosts").write_text('APT::Install-Recommends "false";\n')
    (etc / "machine-id").write_text("")
    for path in (
        *(etc / "ssh").glob("ssh_host_*"),
        root / "var/lib/dbus/machine-id",
        etc / "hostname",
    ):
        path.unlink(missing_ok=True)
    shutil.copy(store.keys / "hostkey", etc / "ssh/ssh_host_ed25519_key")
    shutil.copy(store.keys / "hostkey.pub", etc / "ssh/ssh_host_ed25519_key.pub")
    (etc / "ssh/sshd_config.d/hosts.conf").write_text(
        "UseDNS no\nPasswordAuthentication no\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
    )
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(store.keys / "id.pub", ssh / "authorized_keys")
    (ssh / "authorized_keys").chmod(0o600)
    for unit in MASKED:
        (etc / "systemd/system" / unit).symlink_to("/dev/null")
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    # It has no package lists; their folder must not look as if they had just been fetched.
    for folder in ("var/lib/apt/lists", "var/lib/apt/lists/partial", "var/cache/apt"):
        if (root / folder).exists():
            os.utime(root / folder, (0, 0))


# ---- golden images


def save(
    store: Store, environment: Environment, image: str, kept: Path | None, progress: Progress
) -> None:
    """Shut the environment's hosts down and keep their disks as an image; the environment is used up.

    `kept`: a folder (secrets, keys) that clones need; copied beside the disks, for root only.
    Afterwards its hosts are empty: destroy it. Raises HostsError if the image exists.
    """
    if environment.image:
        raise HostsError(
            f"{environment.name} is itself a clone of {environment.image}: save a bare one"
        )
    final = store.image(image)
    if final.exists():
        raise HostsError(f"there is an image {image!r} already; delete it first")
    draft = final.with_name(f"{image}.from-{environment.name}")
    (draft / "hosts").mkdir(parents=True, exist_ok=True)
    if kept:
        shutil.copytree(kept, draft / "kept", dirs_exist_ok=True)
        (draft / "kept").chmod(0o700)
    for host in environment.hosts:
        disk = draft / "hosts" / host.name
        if disk.exists():  # an interrupted save goes on
            continue
        progress(f"{host.name}: shutting down")
        machine.shutdown(host)
        machine.unmount(store, host)
        # Moved, not copied: an upper layer's whiteouts and attributes stay as they are.
        (store.host(host) / "upper").rename(disk)
        if (disk / "etc/machine-id").exists():
            (disk / "etc/machine-id").write_text("")
    size = sum(p.lstat().st_size for p in draft.rglob("*") if p.is_file() and not p.is_symlink())
    write_json(
        draft / "image.json",
        {"base": environment.base, "hosts": environment.hosts_count, "bytes": size},
    )
    draft.rename(final)
    progress(
        f"image {image}: {environment.hosts_count} hosts, {size / 2**20:.0f} MiB beside the base"
    )


def describe(store: Store, image: str) -> dict:
    """base, hosts, bytes. Raises HostsError when there is no such image."""
    path = store.image(image) / "image.json"
    if not path.exists():
        known = ", ".join(all_images(store)) or "none"
        raise HostsError(f"there is no image {image!r} here; there are: {known}")
    return json.loads(path.read_text())


def all_images(store: Store) -> list[str]:
    return sorted(path.parent.name for path in store.root.glob("images/*/image.json"))


def delete(store: Store, image: str) -> None:
    users = [e.name for e in store.environments() if e.image == image]
    if users:
        raise HostsError(f"image {image!r} is in use by {', '.join(users)}: destroy these first")
    folder = store.image(image)
    if folder.exists():
        (folder / "image.json").unlink(missing_ok=True)
        shutil.rmtree(folder)
