"""The state folder: the runs' folders, the environments' private folders, and proof of whose they are.

    runs/<id>/               one run (runs/folder.py)
    environments/<name>/     kept from create to destroy, for the provider (`env_dir`)
    environments/<name>.json the mark that this environment is ours; there before its first run, gone only
                             after a destroy has proved that nothing is left

The marks decide what the reconciler may touch, also when the database was lost or restored.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.catalogue import NAME
from provisioner.runs.folder import RunFolder


class Folders:
    def __init__(self, state: Path) -> None:
        self._state = state

    def prepare(self) -> None:
        for folder in (self._state, self._state / "runs", self._state / "environments"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._state.chmod(0o700)

    def run(self, id: int) -> RunFolder:
        return RunFolder(self._state / "runs" / str(id))

    def run_ids(self) -> set[int]:
        return {int(p.name) for p in (self._state / "runs").iterdir() if p.name.isdecimal()}

    def environment(self, name: str) -> Path:
        return self._state / "environments" / name

    # ---- marks

    def mark(self, name: str, facts: Mapping[str, Any]) -> None:
        """Make it ours, before anything of it exists. Done again, it changes nothing."""
        path = self._mark(name)
        if not path.exists():
            temporary = path.with_name(f".{name}.json")
            with temporary.open("w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                json.dump(facts, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        self.environment(name).mkdir(mode=0o700, exist_ok=True)

    def unmark(self, name: str) -> None:
        """Nothing of it is left, here neither. The mark goes last."""
        folder = self.environment(name)
        if folder.exists():
            shutil.rmtree(folder)
        self._mark(name).unlink(missing_ok=True)

    def marks(self) -> dict[str, dict[str, Any]]:
        """All environments that are ours, by name."""
        paths = sorted((self._state / "environments").glob("*.json"))
        return {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in paths
            if NAME.fullmatch(path.stem)
        }

    def _mark(self, name: str) -> Path:
        return self._state / "environments" / f"{name}.json"
