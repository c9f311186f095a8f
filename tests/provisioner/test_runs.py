"""One run by itself: real Ansible, no keeper, no database."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from provisioner.lifecycle import Outcome
from provisioner.runs import log, processes
from provisioner.runs.folder import Order, RunFolder, unsafe
from tests.provisioner.office import wait_until

JINJA = "{{ lookup('pipe', 'touch ' + canary) }}"


def start(tmp_path: Path, tasks: list[dict[str, Any]], **variables: Any) -> RunFolder:
    playbook = tmp_path / "play.yml"
    plays = [{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    playbook.write_text(json.dumps(plays))
    folder = RunFolder(tmp_path / "run")
    folder.launch(Order(playbook, tmp_path, variables, tmp_path / "nobody"))
    return folder


def finish(folder: RunFolder) -> tuple[Outcome, Any]:
    wait_until(lambda: folder.outcome()[0] is not Outcome.RUNNING, "the run ends")
    return folder.outcome()


def test_a_template_in_a_value_is_data_and_never_evaluated(tmp_path):
    """Also past the checks of the catalogue: values are marked as data on their way to Ansible."""
    canary = tmp_path / "canary"
    folder = start(
        tmp_path,
        [{"ansible.builtin.copy": {"content": "{{ env_vars | to_json }}", "dest": "{{ env_result }}",
                                   "mode": "0600"}}],
        canary=str(canary), env_vars={"motto": JINJA, "list": [JINJA], "number": 3},
    )  # fmt: skip
    assert finish(folder) == (Outcome.SUCCEEDED, None)
    assert folder.read_result() == {"motto": JINJA, "list": [JINJA], "number": 3}
    assert not canary.exists()
    # Without the mark it would be, or this test shows nothing.
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps({"canary": str(canary), "motto": JINJA}))
    play = [{"hosts": "localhost", "gather_facts": False,
             "tasks": [{"ansible.builtin.debug": {"msg": "{{ motto }}"}}]}]  # fmt: skip
    (tmp_path / "bare.yml").write_text(json.dumps(play))
    subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local",
         "-e", f"@{bare}", tmp_path / "bare.yml"], check=True, capture_output=True,
    )  # fmt: skip
    assert canary.exists()


def test_unsafe_marks_every_text_and_nothing_else():
    assert unsafe({"a": ["x", 1, True, None]}) == {
        "a": [{"__ansible_unsafe": "x"}, 1, True, None]
    }  # fmt: skip


def test_a_run_knows_its_end_and_its_failure_names_task_and_last_words(tmp_path):
    says = "echo one; echo 'hosts: this needs root' >&2; exit 3"
    folder = start(
        tmp_path, [{"name": "Boot {{ env_name }}", "ansible.builtin.command": {"argv": ["sh", "-c", says]}}],
        env_name="x1",
    )  # fmt: skip
    assert folder.outcome()[0] is Outcome.RUNNING
    outcome, failure = finish(folder)
    assert outcome is Outcome.FAILED
    assert (failure.task, failure.message) == ("Boot x1", "hosts: this needs root")
    assert [(x.kind, x.text) for x in log.read(folder.log)] == [
        ("step", "Play"), ("task", "Boot x1"), ("failed", "Boot x1"),
    ]  # fmt: skip


def test_a_play_that_is_for_no_host_is_no_step(tmp_path):
    tasks = [{"name": "Say", "ansible.builtin.debug": {"msg": "here"}}]
    playbook = tmp_path / "plays.yml"
    hosts = ("localhost", "localhost:!localhost", "localhost")
    plays = [{"name": f"Play {n}", "hosts": where, "gather_facts": False, "tasks": tasks}
             for n, where in enumerate(hosts)]  # fmt: skip
    playbook.write_text(json.dumps(plays))
    folder = RunFolder(tmp_path / "run")
    folder.launch(Order(playbook, tmp_path, {}, tmp_path / "nobody"))
    assert finish(folder) == (Outcome.SUCCEEDED, None)
    lines = log.read(folder.log)
    assert [x.text for x in lines if x.kind == "step"] == ["Play 0", "Play 2"]
    assert [x.number for x in lines] == list(range(1, len(lines) + 1))


def test_secrets_of_the_provisioner_do_not_reach_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PROVISIONER_DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("CLOUD_TOKEN", "needed")
    folder = start(
        tmp_path, [{"ansible.builtin.command": {"argv": ["sh", "-c", "env >" + str(tmp_path / "seen")]}}]
    )  # fmt: skip
    assert finish(folder)[0] is Outcome.SUCCEEDED
    seen = (tmp_path / "seen").read_text()
    assert "CLOUD_TOKEN=needed" in seen
    assert "PROVISIONER_" not in seen
    modes = {p.stat().st_mode & 0o077 for p in (folder.path, folder.private)}
    assert modes == {0}


def test_all_that_a_dead_worker_left_is_found_by_its_mark_and_ended(tmp_path):
    folder = start(
        tmp_path, [{"ansible.builtin.command": {"argv": ["sh", "-c", "sleep 86398 & setsid sleep 86398"]}}]
    )  # fmt: skip

    def sleepers() -> list[int]:
        return [p for p in processes.marked(str(folder.path)) if b"86398" in _command(p)]

    wait_until(lambda: len(sleepers()) >= 2, "both sleep")
    worker = json.loads((folder.path / "worker.json").read_text())
    os.kill(worker["pid"], 9)
    wait_until(lambda: folder.outcome()[0] is Outcome.LOST, "it is seen")
    assert sleepers()
    assert folder.end_processes()
    assert processes.marked(str(folder.path)) == []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_half_written_line_of_the_log_waits_for_its_end(tmp_path):
    path = tmp_path / "log.jsonl"
    whole = json.dumps(log.Line(1, "", "step", "One").as_json())
    path.write_text(whole + "\n" + whole[:20])
    assert [line.number for line in log.read(path)] == [1]
    assert log.read(path, after=1) == []
    assert log.read(tmp_path / "none") == []
