"""All settings of the room, read once at start from the environment; the README lists them.

Nothing else in this room reads the environment. The database's URL may come from a file instead:
`PROVISIONER_DATABASE_URL_FILE`.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from provisioner.errors import SettingsError

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Settings:
    state: Path
    ansible: Path
    database_url: str = field(repr=False)
    bind: str
    port: int
    url: str
    max_environments: int
    max_per_person: int
    default_ttl: timedelta
    max_ttl: timedelta
    expiry_notice: timedelta
    parallel_creates: int
    run_limit: timedelta
    tries: int
    retry: timedelta
    reconcile: timedelta
    credentials: timedelta
    history: timedelta

    @property
    def secure(self) -> bool:
        """Whether browsers come by https; only then may, and must, cookies be `Secure`."""
        return self.url.startswith("https://")

    @property
    def wake(self) -> Path:
        """The keeper's ear: a datagram here makes it look now rather than in a second."""
        return self.state / "wake"

    @property
    def heartbeat(self) -> Path:
        return self.state / "keeper.beat"


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings; raises SettingsError naming the first variable that is wrong."""
    reader = _Reader(environ)
    state = Path(reader.text("PROVISIONER_STATE", "/var/lib/firstbell-provisioner")).absolute()
    port = reader.integer("PROVISIONER_PORT", 8500, 1, 65535)
    return Settings(
        state=state,
        ansible=reader.folder("PROVISIONER_ANSIBLE", REPOSITORY / "ansible"),
        database_url=reader.database("PROVISIONER_DATABASE_URL", state / "provisioner.sqlite"),
        bind=reader.text("PROVISIONER_BIND", "127.0.0.1"),
        port=port,
        url=reader.url("PROVISIONER_URL", f"http://127.0.0.1:{port}"),
        max_environments=reader.integer("PROVISIONER_MAX_ENVIRONMENTS", 10, 1, 1000),
        max_per_person=reader.integer("PROVISIONER_MAX_PER_PERSON", 4, 1, 1000),
        default_ttl=timedelta(hours=reader.number("PROVISIONER_DEFAULT_TTL_HOURS", 8, 8760)),
        max_ttl=timedelta(hours=reader.number("PROVISIONER_MAX_TTL_HOURS", 168, 8760)),
        expiry_notice=timedelta(
            minutes=reader.number("PROVISIONER_EXPIRY_NOTICE_MINUTES", 10, 1440)
        ),
        parallel_creates=reader.integer("PROVISIONER_PARALLEL_CREATES", 4, 1, 100),
        run_limit=timedelta(minutes=reader.number("PROVISIONER_RUN_LIMIT_MINUTES", 30, 1440)),
        tries=reader.integer("PROVISIONER_TRIES", 5, 1, 100),
        retry=timedelta(seconds=reader.number("PROVISIONER_RETRY_SECONDS", 60, 86400)),
        reconcile=timedelta(seconds=reader.number("PROVISIONER_RECONCILE_SECONDS", 300, 86400)),
        credentials=timedelta(seconds=reader.number("PROVISIONER_CREDENTIALS_SECONDS", 60, 3600)),
        history=timedelta(days=reader.number("PROVISIONER_HISTORY_DAYS", 30, 3650)),
    )


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Reader:
    """Takes variables one by one and says which one is wrong, and how."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name, "").strip() or default

    def folder(self, name: str, default: Path) -> Path:
        path = Path(self.text(name, str(default))).absolute()
        if not path.is_dir():
            raise SettingsError(f"{name} is {path}, expected a folder with providers/ in it.")
        return path

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or not low <= int(text) <= high:
            raise SettingsError(f"{name} is {text!r}, expected a number from {low} to {high}.")
        return int(text)

    def number(self, name: str, default: float, high: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError as error:
            raise SettingsError(f"{name} is {text!r}, expected a number.") from error
        if not 0 < value <= high:
            raise SettingsError(f"{name} is {text}, expected more than 0 and at most {high:g}.")
        return value

    def database(self, name: str, default: Path) -> str:
        value = self.text(name, "")
        path = self._environ.get(f"{name}_FILE", "").strip()
        if path and not value:
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE: can't read {path}: {error.strerror}.") from error
        scheme = urlsplit(value).scheme
        if not value:
            return f"sqlite:///{default}"
        if scheme in ("postgres", "postgresql"):
            return "postgresql+psycopg2" + value[len(scheme) :]
        if scheme == "sqlite":
            return value
        raise SettingsError(f"{name} is neither a postgres:// nor a sqlite:/// URL.")

    def url(self, name: str, default: str) -> str:
        value = self.text(name, default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise SettingsError(f"{name} is {value!r}, expected one like https://env.example.org.")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise SettingsError(
                f"{name} is {value}: without https tokens would cross the network in the clear. "
                "Put nginx with TLS before it and name the https address."
            )
        return value
