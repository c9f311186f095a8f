"""The API as Python: what envctl says and hears. Rides out a provisioner that restarts meanwhile."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from provisioner.errors import ProvisionerError

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""Streams are heard from at least every ten seconds."""

AGAIN_SECONDS = (0.2, 0.5, 1.0, 2.0)


class Unreachable(ProvisionerError):
    """Nobody answers at that address, or only errors."""


class Refused(ProvisionerError):
    """The provisioner said no; the message is its own."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body.get("message") or f"HTTP {status}"))
        self.status = status
        self.code = str(body.get("code", ""))
        self.fields: dict[str, str] = body.get("fields") or {}


@dataclass(frozen=True)
class Event:
    kind: str
    content: dict[str, Any]


class Client:
    def __init__(self, url: str, token: str, patience_seconds: float = 60.0) -> None:
        self._url = url.rstrip("/") + "/api/v1"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._patience = patience_seconds

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer; raises Refused. Repeats while nobody answers: every request may be repeated."""
        return self._patiently(lambda: self._once(method, path, body))

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        answer = self._session.request(
            method, self._url + path, json=body, timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
        )  # fmt: skip
        return _content(answer)

    def _patiently(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        end = time.monotonic() + self._patience
        tries = 0
        while True:
            try:
                return ask()
            except (requests.RequestException, Unreachable) as error:
                pause = AGAIN_SECONDS[min(tries, len(AGAIN_SECONDS) - 1)]
                tries += 1
                if time.monotonic() + pause > end:
                    raise Unreachable(
                        f"The provisioner at {self._url} does not answer ({_why(error)})."
                    ) from error
                time.sleep(pause)

    def follow(self, name: str, after: str = "0.0") -> Iterator[Event]:
        """Lines and states, live, each once, until the environment has ended or the caller stops."""
        last_heard = time.monotonic()
        while True:
            try:
                for event, id in self._stream(name, after):
                    last_heard = time.monotonic()
                    after = id or after
                    if event.kind == "end":
                        return
                    yield event
                last_heard = time.monotonic()
            except (requests.RequestException, Unreachable) as error:
                if time.monotonic() - last_heard > self._patience:
                    raise Unreachable(
                        f"The provisioner at {self._url} does not answer ({_why(error)})."
                    ) from error
                time.sleep(AGAIN_SECONDS[1])

    def _stream(self, name: str, after: str) -> Iterator[tuple[Event, str | None]]:
        answer = self._session.get(
            f"{self._url}/environments/{name}/events",
            headers={"Last-Event-ID": after},
            stream=True,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
        with answer:
            if answer.status_code != 200:
                _content(answer)
            fields: dict[str, str] = {}
            # Lines by ourselves: iter_lines() waits for a whole chunk of many.
            for raw in _lines(answer):
                if not raw:
                    if "data" in fields:
                        event = Event(fields.get("event", "message"), json.loads(fields["data"]))
                        yield event, fields.get("id")
                    fields = {}
                elif not raw.startswith(":"):
                    key, _, value = raw.partition(":")
                    fields[key] = value.removeprefix(" ")


def _lines(answer: requests.Response) -> Iterator[str]:
    waiting = b""
    for chunk in answer.iter_content(chunk_size=None):
        waiting += chunk
        *whole, waiting = waiting.split(b"\n")
        for line in whole:
            yield line.decode("utf-8", errors="replace")


def _content(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code == 204:
        return {}
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        body = None
    if answer.status_code >= 500 or not isinstance(body, dict):
        what = (
            body.get("message") if isinstance(body, dict) else "no JSON; is this the provisioner?"
        )
        raise Unreachable(f"HTTP {answer.status_code}: {what}")
    if not answer.ok:
        raise Refused(answer.status_code, body)
    return body


def _why(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return str(error)
