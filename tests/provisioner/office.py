"""A whole provisioner for a test: real gunicorn, real keeper, real ansible-runner, on a port and in a folder of its own.

Its providers are those of this folder, which keep their hosts as files, so that orphans can be counted.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil
import requests

from provisioner import access
from provisioner.folders import Folders
from provisioner.runs import processes
from provisioner.runs.folder import Order, RunFolder
from provisioner.settings import from_environment
from provisioner.store import Store
from tests.support.ports import free_port

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PATIENCE_SECONDS = 60.0


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll until it is true, and return what it is; fails with `what` after the bound."""
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)


class Office:
    def __init__(
        self,
        folder: Path,
        providers: Iterable[str] = ("quick",),
        ansible: Path | None = None,
        **settings: object,
    ) -> None:
        self.state = folder / "state"
        self.ansible = ansible or folder / "ansible"
        if ansible is None:
            (self.ansible / "hosts").mkdir(parents=True)
            for name in providers:
                self.add_provider(name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "PROVISIONER_STATE": str(self.state),
            "PROVISIONER_ANSIBLE": str(self.ansible),
            "PROVISIONER_PORT": str(self.port),
            "PROVISIONER_RECONCILE_SECONDS": "3600",
            "PROVISIONER_MAX_PER_PERSON": "50",
            "PROVISIONER_MAX_ENVIRONMENTS": "50",
            **{key: str(value) for key, value in settings.items()},
        }
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.token = self.make_token("olga", "operator")

    def add_provider(self, name: str) -> Path:
        """Copy a provider and its template from this folder; `quick` is what others are made of."""
        for each in {name, "quick"}:
            target = self.ansible / "providers" / each
            if not target.exists():
                shutil.copytree(HERE / "providers" / each, target)
        templates = self.ansible / "environments"
        templates.mkdir(exist_ok=True)
        shutil.copy(HERE / "environments" / f"{name}.yml", templates)
        return self.ansible / "providers" / name

    @property
    def environ(self) -> dict[str, str]:
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("PROVISIONER_", "ENVCTL_"))
        }
        return {**kept, **self.settings}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "provisioner", *arguments], cwd=REPOSITORY, env=self.environ,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def make_token(self, name: str, role: str) -> str:
        Folders(self.state).prepare()
        store = Store(from_environment(self.settings).database_url)
        store.prepare()
        try:
            return access.put_token(store, "test", name, role)
        finally:
            store.dispose()

    # ---- its life

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "provisioner", "serve"], cwd=REPOSITORY, env=self.environ,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(
            self.is_ready, f"the provisioner is ready; its log:\n{self.log.read_text()[-3000:]}"
        )

    def start_second_keeper(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "provisioner", "keeper"], cwd=REPOSITORY, env=self.environ,
                stdout=out, stderr=out,
            )  # fmt: skip

    def is_ready(self) -> bool:
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def parts(self) -> dict[str, list[psutil.Process]]:
        """serve, web, keeper; and the workers of runs, whoever their parent is."""
        assert self.process is not None
        found: dict[str, list[psutil.Process]] = {
            "serve": [],
            "web": [],
            "keeper": [],
            "worker": [],
        }
        for process in psutil.process_iter(["cmdline", "environ"]):
            environ = process.info["environ"] or {}
            line = " ".join(process.info["cmdline"] or [])
            if environ.get("PROVISIONER_STATE") == str(self.state):
                for part, word in (("serve", " serve"), ("web", "gunicorn"), ("keeper", " keeper")):
                    if word in line:
                        found[part].append(process)
            elif environ.get(processes.MARK, "").startswith(str(self.state) + "/"):
                found["worker"].append(process)
        return found

    def worker_of(self, name: str) -> psutil.Process | None:
        """The worker of an environment's newest run; None if it does not run."""
        path = str(self.state / "runs" / str(self.get(name)["runs"][-1]["id"]))
        return next((p for p in self.parts()["worker"] if path in p.info["cmdline"]), None)

    def kill(self, *parts: str) -> int:
        """SIGKILL to all of these parts, at once as near as can be. Returns how many processes that were."""
        killed: set[int] = set()
        # Again until nobody is found: one that was forked while we looked would answer a last time, then hang up.
        while victims := self._living(parts):
            for process in victims:  # nobody may start another while its brothers die
                _signal(process, signal.SIGSTOP)
            for process in victims:
                _signal(process, signal.SIGKILL)
            killed |= {process.pid for process in victims}
            if self.process is not None and "serve" in parts:
                self.process.wait(10)
            elif "serve" not in parts:
                break  # what is killed is started again at once, as it should be
        return len(killed)

    def _living(self, parts: Iterable[str]) -> list[psutil.Process]:
        found = self.parts()
        return [process for part in parts for process in found[part] if _lives(process)]

    def stop(self) -> None:
        """Orderly; then all that is left of it, runs too."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        if self.process is not None:
            self.kill("serve", "web", "keeper", "worker")

    # ---- talking to it

    def api(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> requests.Response:
        return requests.request(
            method, f"{self.url}/api/v1{path}", json=body, timeout=20,
            headers={"Authorization": f"Bearer {token or self.token}"},
        )  # fmt: skip

    def create(self, name: str, template: str = "quick", **more: Any) -> dict[str, Any]:
        answer = self.api("PUT", f"/environments/{name}", {"template": template, **more})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def destroy(self, name: str) -> dict[str, Any]:
        answer = self.api("DELETE", f"/environments/{name}")
        assert answer.status_code == 202, answer.text
        return answer.json()

    def get(self, name: str) -> dict[str, Any]:
        return self.api("GET", f"/environments/{name}").json()

    def lines(self, name: str) -> list[dict[str, Any]]:
        return self.api("GET", f"/environments/{name}/log").json()["lines"]

    def wait_for(
        self, name: str, *states: str, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """Until it is in one of these states; says where it is instead, if not."""
        last: dict[str, Any] = {}

        def there() -> dict[str, Any] | None:
            last.update(self.get(name))
            return last if last.get("state") in states else None  # it may not be known yet

        try:
            return wait_until(there, "", seconds)
        except AssertionError:
            short = {k: last.get(k) for k in ("state", "wanted", "failure", "destroy_failure")}
            log = self.log.read_text()[-3000:]
            raise AssertionError(f"{name} is not {states} but {short}; log:\n{log}") from None

    def envctl(self, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start_envctl(*arguments, token=token)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def start_envctl(self, *arguments: str, token: str | None = None) -> subprocess.Popen[str]:
        environ = {**self.environ, "ENVCTL_URL": self.url, "ENVCTL_TOKEN": token or self.token}
        return subprocess.Popen(
            [sys.executable, "-m", "provisioner.envctl", *arguments], cwd=REPOSITORY, env=environ,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    # ---- what is really there

    def hosts(self, name: str) -> list[str]:
        """An environment's hosts, as they exist for the providers of this folder."""
        place = self.ansible / "hosts" / name
        return sorted(p.name for p in place.iterdir()) if place.is_dir() else []

    def listed(self, provider: str) -> list[str]:
        """What the provider itself says exists: its list.yml, run by nobody but us."""
        folder = RunFolder(self.state.parent / "asked")
        shutil.rmtree(folder.path, ignore_errors=True)
        playbook = self.ansible / "providers" / provider / "list.yml"
        assert (
            folder.launch(Order(playbook, self.ansible, {}, self.state / "no-wake")).wait(120) == 0
        )
        return folder.read_result()

    def traces(self, name: str) -> list[str]:
        """All that is left of an environment, but its log and its line in the database."""
        found = [str(p) for p in (self.state / "environments").glob(f"{name}*")]
        found += [f"host {h}" for h in self.hosts(name)]
        for run in self.get(name)["runs"]:
            path = self.state / "runs" / str(run["id"])
            found += [str(p) for p in path.iterdir() if p.name != "log.jsonl"]
            found += [f"process {pid}" for pid in processes.marked(str(path))]
        return found

    def wait_for_no_trace(self, name: str) -> None:
        """The keeper scrubs what it needs no more just after it said so."""
        end = time.monotonic() + 10
        while left := self.traces(name):
            assert time.monotonic() < end, left
            time.sleep(0.1)

    def database_text(self) -> str:
        """All bytes of the database's files, to look for secrets in."""
        return "".join(
            p.read_bytes().decode("latin-1") for p in self.state.glob("provisioner.sqlite*")
        )

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(x) for x in self.log.read_text().splitlines() if x.startswith("{")]


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
