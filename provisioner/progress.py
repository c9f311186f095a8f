"""What is going on in an environment: its runs' logs as one stream that can be resumed anywhere.

A place in the stream is `<run>.<line>`, the last line somebody has seen.
"""

import re
from dataclasses import dataclass

from provisioner.folders import Folders
from provisioner.lifecycle import Outcome
from provisioner.runs import log
from provisioner.store import Environment, Run, Store, moment


@dataclass(frozen=True)
class Place:
    run: int = 0
    line: int = 0

    @classmethod
    def parse(cls, text: str | None) -> "Place":
        """The beginning, if it is no place."""
        if text and re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,15}", text):
            run, _, line = text.partition(".")
            return cls(int(run), int(line))
        return cls()

    def __str__(self) -> str:
        return f"{self.run}.{self.line}"


@dataclass(frozen=True)
class Entry:
    """One line of one run."""

    place: Place
    run: Run
    line: log.Line

    def as_json(self) -> dict[str, object]:
        return {"id": str(self.place), "run": self.run.id, "run_kind": self.run.kind,
                **self.line.as_json()}  # fmt: skip


@dataclass(frozen=True)
class RunView:
    run: Run
    steps: list[log.StepView]
    entries: list[Entry]

    def as_json(self) -> dict[str, object]:
        run = self.run
        return {
            "id": run.id,
            "kind": run.kind,
            "attempt": run.attempt,
            "outcome": run.outcome or "running",
            "failure": run.failure.__dict__ if run.failure else None,
            "began_at": moment(run.created_at),
            "ended_at": moment(run.ended_at),
            "steps": [step.__dict__ for step in self.steps],
        }


class Progress:
    def __init__(self, store: Store, folders: Folders) -> None:
        self._store = store
        self._folders = folders

    def views(self, environment: Environment) -> list[RunView]:
        """All runs with their steps and lines."""
        found = []
        for run in self._store.runs(environment.id):
            entries = self._entries(run, 0)
            over = run.outcome is not None
            well = run.outcome is Outcome.SUCCEEDED
            found.append(RunView(run, log.steps((e.line for e in entries), over, well), entries))
        return found

    def after(self, environment: Environment, place: Place) -> list[Entry]:
        """What somebody who has seen everything up to there has not seen."""
        found: list[Entry] = []
        for run in self._store.runs(environment.id):
            if run.id >= place.run:
                found += self._entries(run, place.line if run.id == place.run else 0)
        return found

    def _entries(self, run: Run, after: int) -> list[Entry]:
        lines = log.read(self._folders.run(run.id).log, after)
        return [Entry(Place(run.id, line.number), run, line) for line in lines]
