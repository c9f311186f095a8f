"""The only parser of `cluster.toml`: which hosts make up the cluster and where they answer.

It reads and checks; it opens no connection and starts nothing. Secrets are not in this file:
they live beside it, readable by their owner only (see `cluster/credentials.py`).
"""

import difflib
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cluster.errors import TopologyError

MAX_NODE = 15
"""Highest node number: sequences hand out residue classes modulo 16."""

MIN_HOSTS, MAX_HOSTS = 1, 5

Port = Annotated[int, Field(ge=1, le=65535)]
HostName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ports(_Strict):
    """Where the parts of one host listen. The defaults are production's: hosts are all alike."""

    public: Port = 443
    api: Port = 8100
    realtime: Port = 8200
    nats: Port = 4222
    nats_cluster: Port = 6222
    media_peers: Port = 8500
    postgres: Port = 5432


class Host(_Strict):
    """One failure unit: nginx, API, realtime, NATS and a Postgres node.

    `node` is its number in the database mesh, unique for the life of the cluster: a number is
    never given to another machine while the old one's changes may still be in flight.
    `address` is where peers reach it, `public_url` where browsers do.
    """

    name: HostName
    node: Annotated[int, Field(ge=1, le=MAX_NODE)]
    address: str
    public_url: Annotated[str, Field(pattern=r"^https?://[^/]+$")]
    ports: Ports = Ports()

    @property
    def realtime_url(self) -> str:
        """Websocket address for browsers, through the host's own front door."""
        return self.public_url.replace("http", "ws", 1) + "/rt/v1/socket"


class _Cluster(_Strict):
    name: HostName
    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")] = "firstbell"
    page_url: Annotated[str, Field(pattern=r"^https?://[^/]+$")]
    ca_file: Annotated[str, Field(pattern=r"^/[^'\"\\\s]+$")] | None = None
    parts: tuple[Literal["API", "realtime"], ...] = ("API", "realtime")
    drain_file: Annotated[str, Field(pattern=r"^[^'\"\\\s]+$")] = "/var/lib/firstbell/draining"


class ChangeLog(_Strict):
    """How long the change log is kept, in parts of some hours each: undo and the list of conflicts read it.

    It is kept longer while a member lacks any of it: see `mesh.prunable`. Each host keeps parts that leave its database
    as files for `archive_days` more (`cluster/log_keeper.py`); 0: not at all. What was lost to a conflict is listed for
    `conflict_days`.
    """

    keep_hours: Annotated[float, Field(ge=0)] = 48
    partition_hours: Annotated[int, Field(ge=1, le=744)] = 24
    archive_days: Annotated[float, Field(ge=0)] = 30
    conflict_days: Annotated[float, Field(gt=0)] = 90


class _File(_Strict):
    cluster: _Cluster
    change_log: ChangeLog = ChangeLog()
    hosts: Annotated[tuple[Host, ...], Field(min_length=MIN_HOSTS, max_length=MAX_HOSTS)]

    @model_validator(mode="after")
    def _nothing_is_shared(self) -> "_File":
        for what, values in (
            ("name", [h.name for h in self.hosts]),
            ("node", [h.node for h in self.hosts]),
            ("public_url", [h.public_url for h in self.hosts]),
            ("address and port", list(_endpoints(self.hosts))),
        ):
            seen = set()
            for value in values:
                if value in seen:
                    raise ValueError(f"two hosts have the same {what}: {value}")
                seen.add(value)
        return self


@dataclass(frozen=True)
class Topology:
    """A checked `cluster.toml`. `hosts` are in order of their node numbers.

    `ca_file`: the authority of the nodes' certificates, at the same path on every host; connections
    between nodes are then made over TLS and checked against it. None: no TLS (a laptop's loopback).
    `drain_path`: the file that takes a host out of service while it is there. `{host}` stands for its name; without
    a / at its beginning it begins where the cluster file is (a laptop has several hosts on one disk).
    `parts`: what runs on each host beside Postgres and is asked for its readiness; none in a project without.
    """

    name: str
    database: str
    page_url: str
    hosts: tuple[Host, ...]
    path: Path
    ca_file: str | None = None
    parts: tuple[str, ...] = ("API", "realtime")
    drain_path: str = "/var/lib/firstbell/draining"
    change_log: ChangeLog = field(default_factory=ChangeLog)

    def host(self, wanted: str | int) -> Host:
        """The host by name (`host2`) or node number (`2`). Raises TopologyError if there is none."""
        for host in self.hosts:
            if str(wanted) in (host.name, str(host.node)):
                return host
        known = ", ".join(f"{h.name} (node {h.node})" for h in self.hosts)
        raise TopologyError(f"there is no host {wanted!r} in {self.path}; it has {known}")

    def peers(self, host: Host) -> tuple[Host, ...]:
        """All hosts but this one."""
        return tuple(h for h in self.hosts if h.node != host.node)

    def drain_file(self, host: Host) -> Path:
        """The file on `host` that takes it out of service."""
        return self.path.resolve().parent / self.drain_path.replace("{host}", host.name)

    def browser_config(self) -> dict:
        """What `/config.json` on the CDN says: the hosts a browser may pick from."""
        return {
            "hosts": [
                {"name": h.name, "api": h.public_url, "realtime": h.realtime_url}
                for h in self.hosts
            ]
        }


def load(path: Path) -> Topology:
    """Read and check a `cluster.toml`. Raises TopologyError that names the file and the entry."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TopologyError(
            f"no cluster file at {path}; `make up` writes one for a laptop"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TopologyError(f"{path} is not valid TOML: {error}") from None
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        lines = "\n".join(f"  {_explain(e)}" for e in error.errors())
        raise TopologyError(f"{path} can't be used:\n{lines}") from None
    return Topology(
        name=file.cluster.name,
        database=file.cluster.database,
        page_url=file.cluster.page_url,
        hosts=tuple(sorted(file.hosts, key=lambda h: h.node)),
        path=path,
        ca_file=file.cluster.ca_file,
        parts=file.cluster.parts,
        drain_path=file.cluster.drain_file,
        change_log=file.change_log,
    )


def _endpoints(hosts: Iterable[Host]) -> Iterator[str]:
    for host in hosts:
        for port in host.ports.model_dump().values():
            yield f"{host.address}:{port}"


_FIELDS = {
    *_File.model_fields,
    *_Cluster.model_fields,
    *ChangeLog.model_fields,
    *Host.model_fields,
    *Ports.model_fields,
}


def _explain(error) -> str:
    """One line for one pydantic error: where, what was found, what was expected."""
    where = ".".join(f"[{p}]" if isinstance(p, int) else str(p) for p in error["loc"])
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(error["loc"][-1]), _FIELDS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{where}: unknown entry{hint}"
    if error["type"] == "missing":
        return f"{where}: missing"
    message = error["msg"].removeprefix("Value error, ")
    if error["loc"]:
        found = error["input"]
        return f"{where}: {message[:1].lower() + message[1:]} (found {found!r})"
    return message


def main() -> None:
    """`python -m cluster.topology FILE`: is it a usable cluster file? Exit code 2 and why, if not."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m cluster.topology CLUSTER.TOML")
    try:
        found = load(Path(sys.argv[1]))
    except TopologyError as error:
        print(error.message, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    print(f"{found.name}: {', '.join(f'{h.name} (node {h.node})' for h in found.hosts)}")


if __name__ == "__main__":
    main()
