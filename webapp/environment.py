"""Reads settings from the environment; a secret may also come from the file that NAME_FILE names.

Deliberately knows nothing about Django and has no defaults of its own. A missing or malformed value
raises SettingError with one line that names the variable; settings.py turns that into exit 2.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


Made = TypeVar("Made")


class SettingError(Exception):
    """A setting is missing or cannot be used; the message is one line for the operator."""


class Environment:
    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str | None = None) -> str:
        """The value of NAME, else the content of the file NAME_FILE, else the default."""
        if self._values.get(name):
            return self._values[name]
        if path := self._values.get(name + "_FILE"):
            return self._from_file(name, path)
        if default is None:
            raise SettingError(f"{name} is not set: set {name}, or {name}_FILE to a file with it")
        return default

    def _from_file(self, name: str, path: str) -> str:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{name}_FILE={path} cannot be read: {error}") from error
        if not value:
            raise SettingError(f"{name}_FILE={path} is empty")
        return value

    def secret(self, name: str, at_least: int = 32) -> str:
        value = self.text(name)
        if len(value) < at_least:
            raise SettingError(
                f"{name} has {len(value)} characters: at least {at_least} random ones are needed"
            )
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, "true" if default else "false").strip().lower()
        if value not in TRUE | FALSE:
            raise SettingError(f"{name}={value} is neither true nor false")
        return value in TRUE

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.text(name, None if default is None else str(default))
        try:
            return int(value)
        except ValueError as error:
            raise SettingError(f"{name}={value} is not a whole number") from error

    def words(self, name: str, default: str = "") -> list[str]:
        """A comma list, without blanks and without empty items."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def made(self, name: str, make: Callable[[str], Made], example: str) -> list[Made]:
        """What `make` makes of each item of a comma list. Items may hold passwords: no message repeats one."""
        found = []
        for number, word in enumerate(self.words(name), 1):
            try:
                found.append(make(word))
            except ValueError as error:
                raise SettingError(
                    f"{name}: item {number} can't be used: {error}; expected a list like {example}"
                ) from None
        return found

    def origins(self, name: str) -> list[str]:
        found = self.words(name)
        for origin in found:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path:
                raise SettingError(
                    f"{name} has {origin!r}: expected origins like https://school.example, no path"
                )
        return found

    def database(self, name: str, engine: str) -> dict[str, Any]:
        """Django's settings for a postgres:// URL; the query part becomes libpq options."""
        url = urlsplit(self.text(name))
        try:
            port = url.port
        except ValueError as error:
            raise SettingError(f"{name} has a port that is not a number") from error
        if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
            raise SettingError(f"{name} is not like postgres://user:password@127.0.0.1:5432/name")
        return {
            "ENGINE": engine,
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or "",
            "PORT": str(port or ""),
            # A dead Postgres must become an answer the browser can act on, not a hanging request.
            "OPTIONS": {"connect_timeout": 2, **dict(parse_qsl(url.query))},
        }
