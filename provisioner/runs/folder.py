"""A run's folder, and what can be told from it at any time, by anybody.

    lock           held by the worker, by the kernel's word, as long as it lives
    order.json     what to run; written before the worker starts
    worker.json    pid and start time; written by the worker before it does anything
    log.jsonl      its log, one line an event
    result.json    how it ended; appears at once and whole, last of all
    private/       ansible-runner's private data folder: variables, inventory, artifacts, the result

A worker is launched with the lock already held: its descriptor passes from keeper to worker without a
gap, so "free lock, no result" always means that the worker died.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.errors import ResultError
from provisioner.lifecycle import Failure, Outcome
from provisioner.runs import processes

PACKAGE_PARENT = Path(__file__).parents[2]
LARGEST_RESULT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Order:
    """What one run is to do."""

    playbook: Path
    ansible: Path
    variables: Mapping[str, Any]
    wake: Path


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.private = path / "private"
        self.log = path / "log.jsonl"
        self.result = self.private / "result" / "result.json"
        """Where the playbook is told to leave what it made (`env_result`)."""

    # ---- telling

    def outcome(self) -> tuple[Outcome, Failure | None]:
        """What has become of the run, and why, if it failed."""
        if (end := self._read("result.json")) is not None:
            failure = end.get("failure")
            return Outcome(end["outcome"]), Failure(**failure) if failure else None
        if self.locked():
            return Outcome.RUNNING, None
        if (end := self._read("result.json")) is not None:  # it ended between the two looks
            failure = end.get("failure")
            return Outcome(end["outcome"]), Failure(**failure) if failure else None
        return (Outcome.LOST if (self.path / "worker.json").exists() else Outcome.WAITING), None

    def locked(self) -> bool:
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read_result(self) -> Any:
        """What the playbook left in `env_result`; raises ResultError."""
        try:
            with self.result.open("rb") as file:
                content = file.read(LARGEST_RESULT_BYTES + 1)
        except OSError as error:
            raise ResultError(f"it left no result file ({error.strerror})") from error
        if len(content) > LARGEST_RESULT_BYTES:
            raise ResultError("its result file is larger than a megabyte")
        try:
            return json.loads(content)
        except ValueError as error:
            raise ResultError("its result file is not valid JSON") from error

    # ---- doing

    def launch(self, order: Order) -> subprocess.Popen[bytes]:
        """Start the worker, in a session of its own. The caller reaps it, if it lives to see it."""
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self._write_inputs(order)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with (self.path / "worker.err").open("ab") as errors:
                return subprocess.Popen(
                    [sys.executable, "-m", "provisioner.runs.worker", self.path, str(lock)],
                    cwd=PACKAGE_PARENT,
                    env=self._environment(order),
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                    pass_fds=[lock],
                    start_new_session=True,
                )
        finally:
            os.close(lock)

    def end_processes(self) -> bool:
        """Kill the worker and all that it started; also what a dead worker left."""
        return processes.end(str(self.path))

    def fail(self, failure: Failure) -> None:
        """End a run that can't even begin."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write(
            "result.json",
            {"outcome": "failed", "failure": {"message": failure.message, "task": failure.task}},
        )

    def scrub(self, keep_artifacts: bool) -> None:
        """Of an ended run only the log stays; of a failed one also what whoever repairs it will look for."""
        kept = {self.log.name}
        if keep_artifacts:
            kept |= {"private", "worker.err"}
            for part in ("env", "result", "tmp"):
                shutil.rmtree(self.private / part, ignore_errors=True)
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path.name in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name: str, content: object) -> None:
        """All or nothing, also when the machine loses power."""
        temporary = self.path / f".{name}"
        with temporary.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.path / name)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def _write_inputs(self, order: Order) -> None:
        self.log.unlink(missing_ok=True)  # only ever of a run that never began
        for part in ("env", "inventory", "result", "tmp"):
            (self.private / part).mkdir(mode=0o700, exist_ok=True)
        extravars = self.private / "env" / "extravars"
        extravars.touch(mode=0o600)
        extravars.write_text(
            json.dumps(unsafe({**order.variables, "env_result": str(self.result)}))
        )
        tmp = self.private / "tmp"
        (self.private / "inventory" / "hosts").write_text(
            "localhost ansible_connection=local "
            f"ansible_python_interpreter={sys.executable} ansible_remote_tmp={tmp}\n"
        )
        self.write("order.json", {"playbook": str(order.playbook), "wake": str(order.wake)})

    def _environment(self, order: Order) -> dict[str, str]:
        """The keeper's, for what a provider may need of it (tokens of a cloud, proxies), without our own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PROVISIONER_")}
        kept[processes.MARK] = str(self.path)
        kept["PATH"] = os.pathsep.join(
            [str(Path(sys.executable).parent), kept.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
        )
        kept["ANSIBLE_LOCAL_TEMP"] = str(self.private / "tmp")
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
        if (config := order.ansible / "ansible.cfg").is_file():
            kept["ANSIBLE_CONFIG"] = str(config)
        return kept


def unsafe(value: Any) -> Any:
    """Marks every text as data, so that Ansible never takes it for a template.

    `__ansible_unsafe` is how Ansible's own JSON says so; without it `{{ … }}` in an extra variable is evaluated.
    """
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, Mapping):
        return {key: unsafe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [unsafe(item) for item in value]
    return value
