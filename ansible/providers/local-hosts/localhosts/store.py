"""What is kept on disk: bases, images and environments, and the locks that keep commands apart.

<store>/bases/bookworm/            a bare Debian root
<store>/images/<image>/            image.json; hosts/<host>/: what that host has more than its base
<store>/environments/<env>/        environment.json, written before anything else is made
                    hosts/<host>/  upper/, work/, root/ (mount point), console.log
<store>/keys/                      the key that opens all hosts, and their host key
"""

import fcntl
import ipaddress
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from localhosts.errors import HostsError

DEFAULT_STORE = "/var/lib/firstbell-hosts"
ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,11}")
MAX_HOSTS = 5
MAX_ENVIRONMENTS = 200
OUTSIDE = ipaddress.ip_network("10.78.0.0/16")
"""Addresses by which this machine reaches the hosts: one /24 for each environment."""
INSIDE = ipaddress.ip_network("10.77.0.0/24")
"""Addresses the hosts know: the same in every environment, so that a clone's configuration fits."""
FIRST_HOST = 10
ROUTER = 1


@dataclass(frozen=True)
class Host:
    """One host of an environment; `number` from 1."""

    environment: str
    index: int
    number: int

    @property
    def name(self) -> str:
        return f"host{self.number}"

    @property
    def id(self) -> str:
        """Unique on this machine: of its namespace, its control group and its processes."""
        return f"{self.environment}.{self.name}"

    @property
    def inside(self) -> str:
        """Address among the hosts of its environment."""
        return str(INSIDE[FIRST_HOST + self.number])

    @property
    def outside(self) -> str:
        """Address from this machine."""
        return str(outside_network(self.index)[FIRST_HOST + self.number])


@dataclass(frozen=True)
class Environment:
    """As in environment.json. `index` picks its addresses; `image` is None for bare hosts."""

    name: str
    index: int
    hosts_count: int
    domain: str
    base: str
    image: str | None = None

    @property
    def hosts(self) -> list[Host]:
        return [Host(self.name, self.index, n) for n in range(1, self.hosts_count + 1)]

    def host(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(h.name for h in self.hosts)
        raise HostsError(f"{self.name} has no host {name!r}; it has {known}")

    def names_of(self, host: Host) -> list[str]:
        """What browsers call this host; `www` is every host."""
        return [f"{host.name}.{self.domain}", f"www.{self.domain}"]


def outside_network(index: int) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((int(OUTSIDE[0]) + 256 * index, 24))


class Store:
    def __init__(self, root: Path):
        self.root = root
        self.keys = root / "keys"

    @classmethod
    def open(cls) -> "Store":
        store = cls(Path(os.environ.get("FIRSTBELL_HOSTS_DIR") or DEFAULT_STORE))
        store.root.mkdir(parents=True, exist_ok=True)
        store.root.chmod(0o755)
        return store

    # ---- places

    def base(self, name: str) -> Path:
        return self.root / "bases" / name

    def image(self, name: str) -> Path:
        return self.root / "images" / checked(name, "image")

    def environment(self, name: str) -> Path:
        return self.root / "environments" / checked(name, "environment")

    def host(self, host: Host) -> Path:
        return self.environment(host.environment) / "hosts" / host.name

    # ---- records

    def environments(self) -> list[Environment]:
        return [
            read_environment(path) for path in self.root.glob("environments/*/environment.json")
        ]

    def find(self, name: str) -> Environment | None:
        path = self.environment(name) / "environment.json"
        return read_environment(path) if path.exists() else None

    def get(self, name: str) -> Environment:
        found = self.find(name)
        if found is None:
            known = ", ".join(sorted(e.name for e in self.environments())) or "none"
            raise HostsError(f"there is no environment {name!r} here; there are: {known}")
        return found

    def keep(self, environment: Environment) -> None:
        """Write its record, whole or not at all."""
        folder = self.environment(environment.name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        write_json(folder / "environment.json", asdict(environment))

    def next_index(self) -> int:
        """In turn, so that nobody's kept connection finds another environment at an old address."""
        taken = {e.index for e in self.environments()}
        file = self.root / "last_index"
        text = file.read_text() if file.exists() else ""
        last = int(text) if text.isdecimal() else 0
        for step in range(1, MAX_ENVIRONMENTS + 1):
            index = (last + step - 1) % MAX_ENVIRONMENTS + 1
            if index not in taken:
                write_whole(file, str(index))
                return index
        raise HostsError(f"there are {MAX_ENVIRONMENTS} environments: destroy one first")

    # ---- locks

    @contextmanager
    def lock(self, name: str, *, last: bool = False) -> Iterator[None]:
        """One command at a time on this thing; a second one waits. Freed when the process dies.

        With last, the lock's file goes too when the block ends well: the thing is gone.
        """
        path = self.root / "locks" / name
        path.parent.mkdir(exist_ok=True)
        while True:
            with path.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_still(path, file):
                    continue  # whoever had it was the last
                yield
                if last:
                    path.unlink()
                return


def _is_still(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def checked(name: str, what: str) -> str:
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise HostsError(
            f"{what} name {name!r} can't be used: a letter, then letters, digits and hyphens, all"
            " small, at most 12 in all"
        )
    return name


def read_environment(path: Path) -> Environment:
    return Environment(**json.loads(path.read_text()))


def write_json(path: Path, value: object) -> None:
    write_whole(path, json.dumps(value, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """All of it or nothing, whenever we are killed or the power goes."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
