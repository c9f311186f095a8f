"""The worker: one process that runs one playbook by ansible-runner and writes down how it ended.

It outlives the provisioner on purpose, so it talks to nobody but the run's folder; the datagram to the keeper
at its end only saves the keeper a second. `python -m provisioner.runs.worker FOLDER LOCK_DESCRIPTOR`
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import ansible_runner

from provisioner import bell
from provisioner.runs.folder import RunFolder
from provisioner.runs.log import Recorder


def start_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot (proc(5), field 22 of stat)."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(stat.rpartition(")")[2].split()[19])


def run(folder: RunFolder) -> dict[str, Any]:
    """Run the playbook to its end; returns the content of result.json."""
    order = json.loads((folder.path / "order.json").read_text(encoding="utf-8"))
    recorder = Recorder()
    with folder.log.open("a", encoding="utf-8", buffering=1) as log:
        folder.log.chmod(0o600)

        def handle(event: dict[str, Any]) -> bool:
            for line in recorder.lines(event):
                log.write(json.dumps(line.as_json(), ensure_ascii=False) + "\n")
            return False  # ansible-runner need not keep events, which hold arguments and results

        done = ansible_runner.run(
            private_data_dir=str(folder.private),
            playbook=order["playbook"],
            ident="run",
            event_handler=handle,
            quiet=True,
        )
    if done.status == "successful":
        return {"outcome": "succeeded", "failure": None}
    message, task = recorder.failure(done.rc)
    return {"outcome": "failed", "failure": {"message": message, "task": task}}


def main() -> None:
    folder = RunFolder(Path(sys.argv[1]))
    os.set_inheritable(int(sys.argv[2]), False)  # the lock is ours, not our children's
    pid = os.getpid()
    folder.write("worker.json", {"pid": pid, "start_ticks": start_ticks(pid)})
    result = run(folder)
    folder.write("result.json", result)
    order = json.loads((folder.path / "order.json").read_text(encoding="utf-8"))
    bell.ring(Path(order["wake"]))


if __name__ == "__main__":
    main()
