"""Ansible's events as a log that people read: plays are steps, tasks are lines. Pure.

A line never holds a task's arguments or results, only names, marks and, where something failed, the message.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LONGEST_DETAIL = 1500
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_QUIET_TASKS = {"gather_facts", "ansible.builtin.gather_facts", "setup", "ansible.builtin.setup"}
_SAYING = {"debug", "ansible.builtin.debug"}
_RESULTS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "failed",
    "runner_on_skipped": "skipped",
}


@dataclass(frozen=True)
class Line:
    """One line of a run's log.

    `kind`: step (a play begins), task (a task begins), ok, changed, skipped, retry, ignored, failed (how it
    went on one host). `task` numbers the tasks of a run from 1; results carry their task's number.
    """

    number: int
    at: str
    kind: str
    text: str
    task: int = 0
    host: str = ""
    seconds: float = 0.0
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Recorder:
    """Turns one run's events into lines, and remembers what failed."""

    def __init__(self) -> None:
        self.failed_task: str | None = None
        self.failed_message: str | None = None
        self._play: tuple[str, str] | None = None
        self._numbers = 0
        self._tasks = 0
        self._task_of: dict[str, int] = {}
        self._item_message = ""
        self._error = ""

    def lines(self, event: Mapping[str, Any]) -> Iterator[Line]:
        name = event.get("event", "")
        data = event.get("event_data") or {}
        at = str(event.get("created", ""))
        # A play that is for none of the hosts (site.yml on clones, say) is no step: that is told after its start.
        if name == "playbook_on_no_hosts_matched":
            self._play = None
        elif self._play:
            yield self._line(self._play[0], "step", self._play[1])
            self._play = None
        if name == "playbook_on_play_start":
            self._play = (at, str(data.get("name") or "play"))
        elif name in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            self._tasks += 1
            self._item_message = ""
            self._task_of[str(data.get("task_uuid"))] = self._tasks
            yield self._line(at, "task", _task_name(data), self._tasks)
        elif name == "runner_item_on_failed":
            self._item_message = self._item_message or failure_message(data.get("res") or {})
        elif name == "runner_retry":
            yield self._result(at, "retry", data, "")
        elif name in _RESULTS:
            yield self._ended(at, name, data)
        elif "[ERROR]" in event.get("stdout", ""):
            self._error = self._error or _first_error(event["stdout"])

    def _ended(self, at: str, name: str, data: Mapping[str, Any]) -> Line:
        result = data.get("res") or {}
        kind = _RESULTS[name]
        if kind == "failed" and data.get("ignore_errors"):
            kind = "ignored"
        if kind == "ok" and result.get("changed"):
            kind = "changed"
        if kind != "failed":
            says = data.get("task_action") in _SAYING and isinstance(result.get("msg"), str)
            return self._result(at, kind, data, result["msg"] if says else "")
        message = self._item_message or failure_message(result)
        if self.failed_message is None:
            self.failed_task, self.failed_message = _task_name(data), message
        return self._result(at, kind, data, message)

    def _result(self, at: str, kind: str, data: Mapping[str, Any], detail: str) -> Line:
        host = str(data.get("host") or "")
        return self._line(
            at,
            kind,
            _task_name(data),
            self._task_of.get(str(data.get("task_uuid")), self._tasks),
            "" if host == "localhost" else host,
            round(float(data.get("duration") or 0.0), 1),
            _shorten(detail),
        )

    def _line(self, at: str, kind: str, text: str, *rest: Any) -> Line:
        self._numbers += 1
        return Line(self._numbers, at[:19] + "Z", kind, _shorten(text), *rest)

    def failure(self, rc: int | None) -> tuple[str, str | None]:
        """Message and task of what made the run fail."""
        if self.failed_message is not None:
            return self.failed_message, self.failed_task
        if self._error:
            return self._error, None
        return f"ansible-playbook ended with exit code {rc} before any task failed.", None


def failure_message(result: Mapping[str, Any]) -> str:
    """What a failed task says, for a person: a program's own last words before Ansible's."""
    for key in ("stderr", "module_stderr"):
        words = str(result.get(key) or "").strip()
        if words:
            return _shorten("\n".join(words.splitlines()[-5:]))
    message = result.get("msg")
    if isinstance(message, list):
        message = " ".join(map(str, message))
    if not message or message == "non-zero return code":
        message = str(result.get("stdout") or message or "").strip() or "It failed without a word."
    return _shorten(str(message))


def _task_name(data: Mapping[str, Any]) -> str:
    name = str(data.get("task") or data.get("name") or data.get("task_action") or "task")
    return "Look at the machine" if name == "Gathering Facts" else name


def _first_error(text: str) -> str:
    clean = _ANSI.sub("", text).replace("\r", "")
    after = clean.split("[ERROR]:", 1)[-1].strip()
    return _shorten(" ".join(after.split("\n\n")[0].split()))


def _shorten(text: str) -> str:
    text = _ANSI.sub("", text).replace("\r", "")
    return text if len(text) <= LONGEST_DETAIL else "…" + text[-LONGEST_DETAIL:]


# ---- reading it back


def read(path: Path, after: int = 0) -> list[Line]:
    """The lines after that number; none if there is no log yet. A half written last line waits."""
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    whole = content[: content.rfind("\n") + 1].splitlines()
    return [Line(**json.loads(line)) for line in whole[after:]]


@dataclass
class StepView:
    """One play of a run, as the page shows it."""

    name: str
    state: str  # running, done, failed, stopped
    tasks: int = 0


def steps(lines: Iterable[Line], over: bool, well: bool) -> list[StepView]:
    """A run's steps; `over` when it has ended, `well` when it ended well."""
    found: list[StepView] = []
    for line in lines:
        if line.kind == "step":
            if found and found[-1].state == "running":
                found[-1].state = "done"
            found.append(StepView(line.text, "running"))
        elif found:
            found[-1].tasks += line.kind == "task"
            if line.kind == "failed":
                found[-1].state = "failed"
    if found and over and found[-1].state == "running":
        found[-1].state = "done" if well else "stopped"
    return found
