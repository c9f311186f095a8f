"""Where a laptop cluster keeps its files, and how that place is made fit for use.

Layout of a state directory (`.run` of a clone):

    cluster.toml            the topology, as `clusterctl` and all services read it
    secrets.toml            random passwords and keys, readable by their owner only
    secrets/                the same as single files, for services that take `…_FILE`
    log/<host>-<part>.log   one log per process
    hosts/<host>/           configuration, Postgres data, media, outbox of one host
    mail/                   the mails that the cluster sent, one file each
    edge/                   configuration and cache of the CDN's stand-in
    old/<n>hosts-<utc>/     clusters set aside because another size was asked for
"""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cluster.errors import ClusterError
from cluster.local.progress import say

REPOSITORY = Path(__file__).resolve().parents[2]
REACHABLE_BY_ALL = Path("/var/lib/firstbell")
"""Where root keeps state when the clone lies where the user postgres can't go."""

POSTGRES_USER = "postgres"
_SAFE_PATH = re.compile(r"^[\w./+@~ -]+$")


@dataclass(frozen=True)
class State:
    """Paths of one state directory; makes nothing by itself."""

    root: Path

    @property
    def cluster_toml(self) -> Path:
        return self.root / "cluster.toml"

    @property
    def secrets_toml(self) -> Path:
        return self.root / "secrets.toml"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def old(self) -> Path:
        return self.root / "old"

    def home(self, unit: str) -> Path:
        """Where a failure unit (`host2`, `edge`) keeps its files."""
        return self.root / "edge" if unit == "edge" else self.root / "hosts" / unit

    def postgres_data(self, host: str) -> Path:
        return self.home(host) / "postgres"

    def files(self, host: str) -> Path:
        """Served by nginx as it is: `<files>/media/ab/<sha256>.<ext>` is `/media/ab/…`."""
        return self.home(host) / "files"

    def media_root(self, host: str) -> Path:
        return self.files(host) / "media"

    def local_root(self, host: str) -> Path:
        """What the host's API keeps for itself: its outbox, its counts of failed sign-ins."""
        return self.home(host) / "local"

    @property
    def mail(self) -> Path:
        """Where the mails of all hosts arrive, one file each."""
        return self.root / "mail"

    def make_folders(self, units: list[str]) -> None:
        """Create what is missing; tighten what must not be read by others."""
        for folder in (self.root, self.log, *(self.home(unit) for unit in units)):
            folder.mkdir(parents=True, exist_ok=True)
        for unit in units:
            (self.home(unit) / "tmp").mkdir(exist_ok=True)
            if unit != "edge":
                self.media_root(unit).mkdir(parents=True, exist_ok=True)
                self.local_root(unit).mkdir(mode=0o700, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)


def runs_as_root() -> bool:
    return os.geteuid() == 0


def open_state(path: Path) -> State:
    """The state directory at `path`, made reachable for Postgres' user when we are root.

    Its paths are free of symlinks: those may lie where that user can't go. Raises ClusterError when it
    can't be written or its name would break configuration files.
    """
    path = Path(os.path.abspath(path))
    if not _SAFE_PATH.match(str(path)):
        raise ClusterError(
            f"the state directory {path} has a character in its name that configuration files "
            "can't hold; use letters, digits and . _ - + @ ~ / only"
        )
    if runs_as_root():
        _make_reachable(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterError(f"can't make the state directory {path}: {error.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ClusterError(
            f"can't write to {path}, which belongs to {_owner(path)}; run this as that user"
        )
    return State(path.resolve())


def _owner(path: Path) -> str:
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user number {uid}"


def _make_reachable(path: Path) -> None:
    """Put the state where the user postgres can go, with a symlink left at `path`."""
    target = REACHABLE_BY_ALL / hashlib.sha256(str(path).encode()).hexdigest()[:12]
    if path.is_symlink():
        _disown_copied_symlink(path, target)
        path.resolve().mkdir(parents=True, exist_ok=True)
        return
    if postgres_reaches(path.parent):
        return
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.exists():
        shutil.move(path, target)
    target.mkdir(mode=0o755, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    say(f"{path.parent} can't be entered by the user postgres: state is in {target}")


def _disown_copied_symlink(path: Path, target: Path) -> None:
    """A clone copied with its `.run` symlink must not run on the original's state."""
    found = path.resolve()
    if found.parent == REACHABLE_BY_ALL and found != target:
        say(f"{path} pointed to another clone's state ({found}): this clone gets its own")
        path.unlink()
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.symlink_to(target)


def postgres_reaches(folder: Path) -> bool:
    """Whether the user postgres can enter the nearest folder above `folder` that exists."""
    while not folder.exists():
        folder = folder.parent
    user = postgres_account()
    probe = subprocess.run(
        ["test", "-x", str(folder)], cwd="/", user=user.pw_uid, group=user.pw_gid, extra_groups=[]
    )
    return probe.returncode == 0


def postgres_account() -> pwd.struct_passwd:
    """The system user Postgres runs as when we are root. Raises ClusterError if there is none."""
    try:
        return pwd.getpwnam(POSTGRES_USER)
    except KeyError:
        raise ClusterError(
            "there is no user postgres, which Postgres must run as under root: run bin/install"
        ) from None


def set_aside(state: State, host_count: int) -> Path:
    """Move a stopped cluster's files to `old/`, so that another can start; returns where to."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    place = state.old / f"{host_count}hosts-{stamp}"
    place.mkdir(parents=True)
    for entry in sorted(state.root.iterdir()):
        if entry.name not in ("old", "lock"):
            entry.rename(place / entry.name)
    return place


@contextmanager
def only_one_at_a_time(state: State) -> Iterator[None]:
    """Two commands that change one state directory exclude each other."""
    with (state.root / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(
                f"another command is working on {state.root} right now; wait until it is done"
            ) from None
        yield
