"""What the web application's tests share: a throwaway Postgres, a running gunicorn, a teacher.

Deliberately no Django in the test process for requests: they go over HTTP to a real gunicorn, so
that cookies, headers, limits and failures are those that a browser would see.
"""

import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.support.ports import free_port
from tests.support.postgres import bin_folder, new_data

ROOT = Path(__file__).resolve().parents[2]
PAGE_ORIGIN = "http://localhost:8000"
PASSWORD = "firstbell-demo"


def uuid7() -> str:
    """A UUID version 7 as a browser would make it; written apart from the application's."""
    head = f"{time.time_ns() // 1_000_000:012x}"
    tail = secrets.token_hex(9)
    return (
        f"{head[:8]}-{head[8:]}-7{tail[:3]}-{'89ab'[int(tail[3], 16) % 4]}{tail[4:7]}-{tail[6:18]}"
    )


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """The condition's first true value, asked again and again within a bound."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@dataclass
class Postgres:
    """A cluster of its own in a temporary folder, without fsync: it lives for one test run."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls) -> "Postgres":
        folder = Path(tempfile.mkdtemp(prefix="firstbell-webapp-"))
        folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = cls(bin_folder(), folder, free_port())
        new_data(folder / "data", "firstbell")
        server.start()
        server._run(server.programs / "createdb", *server._where(), "firstbell")
        return server

    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "firstbell"]

    def _as_owner(self, *command: Any) -> list[str]:
        words = [str(word) for word in command]
        if os.geteuid() == 0:
            return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *words]
        return words

    def _run(self, *command: Any) -> None:
        done = subprocess.run(
            self._as_owner(*command), capture_output=True, text=True, cwd="/", check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off"}
        settings |= {"unix_socket_directories": self.folder, "max_connections": 30}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            self._as_owner(self.programs / "postgres", "-D", self.folder / "data", *options),
            stdout=log,
            stderr=log,
            cwd="/",
        )
        ready = [str(self.programs / "pg_isready"), *self._where()[:4]]
        wait_for(lambda: subprocess.run(ready, capture_output=True).returncode == 0, "Postgres")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"postgres://firstbell@127.0.0.1:{self.port}/firstbell"


def local_root(media_root: Path) -> Path:
    """The folder for what this host alone keeps, beside its media."""
    folder = media_root.parent / f"{media_root.name}-local"
    folder.mkdir(exist_ok=True)
    return folder


def environment(database_url: str, media_root: Path) -> dict[str, str]:
    """The web application's environment on a stock Postgres."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTBELL_")}
    return kept | {
        "FIRSTBELL_DB_ENGINE": "django.db.backends.postgresql",
        "FIRSTBELL_DATABASE_URL": database_url,
        "FIRSTBELL_SECRET_KEY": "test-" + "s" * 40,
        "FIRSTBELL_REALTIME_KEY": "test-" + "r" * 40,
        "FIRSTBELL_NODE": "3",
        "FIRSTBELL_MEDIA_ROOT": str(media_root),
        "FIRSTBELL_LOCAL_ROOT": str(local_root(media_root)),
        "FIRSTBELL_PAGE_ORIGINS": PAGE_ORIGIN,
        "FIRSTBELL_COOKIE_SECURE": "false",
    }


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "webapp" / "manage.py"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, cwd="/", check=False)


@dataclass
class Api:
    """A gunicorn with the application, started and stopped by the test.

    `app`: another WSGI application than the product's, as module:name.
    """

    env: dict[str, str]
    log: Path
    app: str = "webapp.wsgi:application"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.spawn()
        wait_for(self._alive, "gunicorn")

    def spawn(self) -> None:
        """Start it, and don't wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "webapp/gunicorn_conf.py")]
        self.process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{self.port}", self.app],
            env=self.env | {"PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stderr=self.log.open("ab"),
        )

    def _alive(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(self.url("/livez"), timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class Client:
    """A browser page's requests: keeps the cookie, sends the CSRF token."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.session = requests.Session()
        self.csrf_token = ""

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Origin": PAGE_ORIGIN, **options.pop("headers", {})}
        if self.csrf_token:
            headers.setdefault("X-CSRFToken", self.csrf_token)
        url = self.api.url(path if path.startswith("/") else f"/api/v1/{path}")
        return self.session.request(method, url, headers=headers, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.ask("GET", path, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.ask("PUT", path, json=body, **options)

    def delete(self, path: str) -> requests.Response:
        return self.ask("DELETE", path)

    def sign_in(self, username: str, password: str = PASSWORD) -> requests.Response:
        answer = self.ask("POST", "session", json={"username": username, "password": password})
        if answer.ok:
            self.csrf_token = answer.json()["csrf_token"]
        return answer

    def import_(
        self, content: bytes, kind: str = "application/zip", name: str = "", key: str = ""
    ) -> requests.Response:
        path = f"imports/{key or uuid7()}" + (f"?filename={name}" if name else "")
        return self.ask("PUT", path, data=content, headers={"Content-Type": kind})


def new_lesson(
    client: Client, markdown: str = "# One\n", title: str = "A lesson"
) -> dict[str, Any]:
    body = {"title": title, "markdown": markdown, "version": uuid7(), "base_version": None}
    answer = client.put(f"lessons/{uuid7()}", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def make_zip(files: dict[str, bytes | str], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def error_of(answer: requests.Response) -> dict[str, Any]:
    """The error's body, its shape checked."""
    body = answer.json()
    assert {"code", "message", "fields"} <= body.keys(), body
    assert isinstance(body["fields"], dict)
    assert body["message"].strip()
    return dict(body)


def deck_folder() -> Path:
    """Real decks that do not belong to this repository; tests skip where they are absent."""
    return Path(os.environ.get("FIRSTBELL_DECKS") or ROOT.parent / "shared" / "data")


def is_uuid7(text: str) -> bool:
    return uuid.UUID(text).version == 7 and text == text.lower()


@contextlib.contextmanager
def running(api: Api) -> Iterator[Api]:
    api.start()
    try:
        yield api
    finally:
        api.stop()


def log_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
