"""All settings of the service, read once at start from the environment.

Secrets may come from a file instead: `REALTIME_KEY_FILE` for `REALTIME_KEY`. Nothing else in
this room reads the environment. Limits that are part of the protocol are constants here, so
that they stand in one place, but no operator has a reason to change them.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from realtime.errors import SettingsError

SHORTEST_KEY_BYTES = 32  # RFC 7518, 3.2: an HS256 key is at least as long as the hash
HIGHEST_NODE = 15  # sequences and pairing codes share the residue classes 1 to 15 of 16


@dataclass(frozen=True)
class Limits:
    """What one client may cost. Tests make these smaller."""

    text_frame_bytes: int = 16 * 1024
    document_bytes: int = 2 * 1024 * 1024  # to a larger one nothing is added
    binary_frame_bytes: int = 3 * 1024 * 1024  # a whole document, after its hosts were lost
    hard_frame_bytes: int = 4 * 1024 * 1024
    frames_per_second: float = 120.0
    frames_burst: float = 240.0
    frame_bytes: int = 64 * 1024  # a larger frame counts as several
    bad_frames: int = 5
    waiting_bytes: int = 1024 * 1024  # what may wait for a client that doesn't read
    awareness_waiting_bytes: int = 64 * 1024  # past this, awareness is dropped, not queued
    idle_seconds: float = 10.0
    sockets: int = 18_000
    # a core takes 1,000 handshakes a second and more, and has lessons to relay beside
    handshakes_per_second: float = 400.0
    handshakes_burst: float = 400.0


@dataclass(frozen=True)
class PairingLimits:
    """Lifetimes and failure budgets of pairing codes."""

    code_seconds: int = 180
    offer_seconds: int = 60
    refuse_seconds: float = 5.0  # a board that is started without a code may refuse for so long
    # wrong six-digit codes; what they add up to is in docs/decisions/0019
    failures_per_socket: int = 5
    failures_per_teacher: int = 20
    failures_per_address: int = 60  # a school's teachers share one address
    failures_per_cluster: int = 200
    window_seconds: float = 3600.0
    codes: int = 10_000
    codes_per_address: int = 500  # a school's boards share one address


@dataclass(frozen=True)
class Settings:
    """One node's settings."""

    node: int
    name: str
    key: str = field(repr=False)
    origins: frozenset[str]
    database_url: str | None = field(repr=False)
    port: int
    bind: str = "127.0.0.1"
    backplane: str = "nats"
    nats_url: str = "nats://127.0.0.1:4222"
    drain_seconds: float = 5.0
    drain_file: Path | None = None
    sync_seconds: float = 5.0
    unload_seconds: float = 60.0
    claim_seconds: float = 1.0
    """For the node that shows a code to say so. Then it is a wrong code, which costs a try."""
    limits: Limits = Limits()
    pairing: PairingLimits = PairingLimits()


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings; raises SettingsError naming the first variable that is wrong."""
    reader = _Reader(environ)
    backplane = reader.choice("REALTIME_BACKPLANE", ("nats", "local"), "nats")
    return Settings(
        node=reader.integer("REALTIME_NODE", 1, HIGHEST_NODE),
        name=reader.text("REALTIME_NAME"),
        key=reader.key("REALTIME_KEY"),
        origins=reader.origins("REALTIME_ORIGINS"),
        database_url=reader.database("REALTIME_DATABASE_URL"),
        port=reader.integer("REALTIME_PORT", 1, 65535),
        bind=reader.text("REALTIME_BIND", "127.0.0.1"),
        backplane=backplane,
        nats_url=reader.text("REALTIME_NATS_URL", None if backplane == "nats" else ""),
        drain_seconds=reader.number("REALTIME_DRAIN_SECONDS", 5.0),
        drain_file=reader.path("REALTIME_DRAIN_FILE"),
        sync_seconds=reader.number("REALTIME_SYNC_SECONDS", 5.0),
        unload_seconds=reader.number("REALTIME_UNLOAD_SECONDS", 60.0),
    )


class _Reader:
    """Takes variables one by one and says which one is wrong, and how."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise SettingsError(f"{name} is not set: it is needed to start.")
        return default

    def path(self, name: str) -> Path | None:
        """An absolute path, None if it is not set."""
        value = self.text(name, "")
        if value and not value.startswith("/"):
            raise SettingsError(f"{name} is {value!r}, expected an absolute path.")
        return Path(value) if value else None

    def secret(self, name: str) -> str:
        path = self._environ.get(f"{name}_FILE", "").strip()
        if not path:
            return self.text(name)
        try:
            value = Path(path).read_text().strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE: can't read {path}: {error.strerror}.") from error
        if not value:
            raise SettingsError(f"{name}_FILE: {path} is empty.")
        return value

    def key(self, name: str) -> str:
        value = self.secret(name)
        if len(value.encode()) < SHORTEST_KEY_BYTES:
            raise SettingsError(
                f"{name} has {len(value.encode())} bytes, expected {SHORTEST_KEY_BYTES} or more."
            )
        return value

    def database(self, name: str) -> str | None:
        """A Postgres URL; the word `none` means no snapshots, and has to be said."""
        value = self.secret(name)
        if value == "none":
            return None
        if urlsplit(value).scheme not in ("postgres", "postgresql"):
            raise SettingsError(f"{name} is not a postgres:// URL (or `none`).")
        return value

    def origins(self, name: str) -> frozenset[str]:
        found = frozenset(part.strip() for part in self.text(name).split(",") if part.strip())
        for origin in found:
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise SettingsError(f"{name}: {origin!r} is not an origin like https://host:port.")
        return found

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise SettingsError(f"{name} is {value!r}, expected {' or '.join(choices)}.")
        return value

    def number(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError as error:
            raise SettingsError(f"{name} is {text!r}, expected a number.") from error
        if not 0 <= value <= 3600:
            raise SettingsError(f"{name} is {text}, expected 0 to 3600 seconds.")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        text = self.text(name)
        if not text.isdecimal() or not low <= int(text) <= high:
            raise SettingsError(f"{name} is {text!r}, expected a number from {low} to {high}.")
        return int(text)
