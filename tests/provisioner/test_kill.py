"""kill -9 of the provisioner at each step of a create and of a destroy: nothing is orphaned, nothing is stuck.

Short by default. The long sweep, also with another provider:

    PROVISIONER_SWEEP=all pytest tests/provisioner/test_kill.py
    PROVISIONER_SWEEP=all PROVISIONER_SWEEP_TEMPLATE=pair PROVISIONER_SWEEP_ANSIBLE=ansible pytest …

| variable | what | default |
| --- | --- | --- |
| PROVISIONER_SWEEP | moments, comma between, or `all`: `create:asked`, `create:N` (N lines of log), `destroy:asked`, `destroy:N`; with + two of one life | three |
| PROVISIONER_SWEEP_VICTIMS | who is killed: `provisioner` (serve, web, keeper), `everything` (also the run's own processes), `keeper`, `web` | the first two by turns |
| PROVISIONER_SWEEP_TEMPLATE, …_ANSIBLE | a template, and the folder it is in | quick, of the tests |
| PROVISIONER_SWEEP_STRIDE | with `all`: each so many lines; a task writes one a host, so that 2 hosts and 2 mean each task | 1 |
| PROVISIONER_SWEEP_SECONDS | how long a create or destroy may take after the kill | 60 |
"""

import json
import os
import time
from pathlib import Path

import pytest

from provisioner.catalogue import Catalogue
from provisioner.runs import processes
from tests.provisioner.office import PATIENCE_SECONDS, REPOSITORY, Office, wait_until

TEMPLATE = os.environ.get("PROVISIONER_SWEEP_TEMPLATE", "quick")
ANSIBLE = os.environ.get("PROVISIONER_SWEEP_ANSIBLE")
STRIDE = int(os.environ.get("PROVISIONER_SWEEP_STRIDE", "1"))
SECONDS = float(os.environ.get("PROVISIONER_SWEEP_SECONDS", "60"))
SHORT = "create:asked,create:4,destroy:3"
VICTIMS = {
    "provisioner": ("serve", "web", "keeper"),
    "everything": ("serve", "web", "keeper", "worker"),
    "keeper": ("keeper",),
    "web": ("web",),
}


def moments() -> list[tuple[str, str]]:
    """A life's kills, and the victim. `all` goes by the number of log lines that a first, undisturbed life has."""
    wanted = os.environ.get("PROVISIONER_SWEEP", SHORT)
    victims = os.environ.get("PROVISIONER_SWEEP_VICTIMS", "provisioner,everything").split(",")
    if wanted != "all":
        return [(kills, victims[n % len(victims)]) for n, kills in enumerate(wanted.split(","))]
    steps = [f"{phase}:{moment}" for phase in ("create", "destroy") for moment in ("asked", "all")]
    return [(step, victim) for step in steps for victim in victims]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    ansible = (REPOSITORY / ANSIBLE).absolute() if ANSIBLE else None
    office = Office(folder, (TEMPLATE,), ansible=ansible)
    try:
        office.start()
        yield office
    finally:
        office.stop()


def provider_of(office: Office) -> str:
    from datetime import timedelta

    return Catalogue(office.ansible, timedelta(hours=1)).template(TEMPLATE).provider


def seen_lines(office: Office, name: str, kind: str) -> int:
    """Log lines of the newest run of a kind; read from its folder, as the web may be dead."""
    return sum(line["run_kind"] == kind for line in office.lines(name))


def kill_and_bring_back(office: Office, victim: str) -> None:
    assert office.kill(*VICTIMS[victim]) >= 1
    if "serve" in VICTIMS[victim]:
        office.start()
    else:
        wait_until(office.is_ready, "who was killed is back")


def live(office: Office, name: str, kills: dict[str, str], victim: str) -> dict[str, int]:
    """One environment's life with a kill at these moments of these phases. Returns all log lines of each."""

    def strike_when(kind: str) -> None:
        moment = kills.get(kind)
        if moment is None:
            return
        if moment != "asked":
            enough = int(moment)
            end = time.monotonic() + SECONDS
            while seen_lines(office, name, kind) < enough:
                over = office.get(name)["state"] in ("ready", "gone", "failed")
                if over or time.monotonic() > end:
                    break
                time.sleep(0.02)
        kill_and_bring_back(office, victim)

    office.create(name, TEMPLATE)
    strike_when("create")
    office.wait_for(name, "ready", seconds=SECONDS)
    office.destroy(name)
    strike_when("destroy")
    gone = office.wait_for(name, "gone", seconds=SECONDS)
    assert gone["failure"] is None
    office.wait_for_no_trace(name)
    assert name not in office.listed(provider_of(office))
    return {phase: seen_lines(office, name, phase) for phase in kills}


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("kills", "victim"), moments())
def test_a_kill_at_any_step_leaves_no_orphan_and_nothing_stuck(swept, kills, victim):
    found = dict(kill.split(":") for kill in kills.split("+"))
    name = f"k{victim[0]}-" + "".join(phase[0] + moment for phase, moment in found.items())
    if "all" not in found.values():
        live(swept, name, found, victim)
        return
    (phase,) = found
    lines = live(swept, name, {phase: "asked"}, victim)[phase]
    for line in range(1, lines + 1, STRIDE if phase == "create" else 1):
        live(swept, f"k{victim[0]}-{phase[0]}{line}", {phase: str(line)}, victim)


def test_a_run_outlives_the_provisioner_and_is_not_begun_again(new_office):
    office = new_office(providers=("slow",))
    office.create("outlive", "slow", variables={"seconds": 3})
    wait_until(lambda: office.lines("outlive"), "it has begun")
    worker = office.worker_of("outlive")
    office.kill("serve", "web", "keeper")
    assert worker.is_running()
    office.start()
    ready = office.wait_for("outlive", "ready")
    assert [(r["kind"], r["attempt"]) for r in ready["runs"]] == [("create", 1)]
    office.destroy("outlive")
    office.wait_for("outlive", "gone")


def test_a_run_whose_worker_dies_begins_again_and_what_it_left_is_ended_first(new_office):
    office = new_office(providers=("slow",))
    office.create("again", "slow", variables={"seconds": 3})
    wait_until(lambda: len(office.lines("again")) >= 2, "it waits in line")
    worker = office.worker_of("again")
    first = str(office.state / "runs" / str(office.get("again")["runs"][0]["id"]))
    worker.kill()
    wait_until(lambda: len(office.get("again")["runs"]) == 2, "it is begun again")
    wait_until(lambda: office.worker_of("again"), "its new worker is there")
    assert processes.marked(first) == []
    ready = office.wait_for("again", "ready")
    assert [(r["kind"], r["attempt"], r["outcome"]) for r in ready["runs"]] == [
        ("create", 1, "lost"), ("create", 2, "succeeded"),
    ]  # fmt: skip
    office.destroy("again")
    office.wait_for("again", "gone")


def test_a_worker_that_dies_again_and_again_is_given_up_after_bounded_tries(new_office):
    office = new_office(providers=("slow",), PROVISIONER_TRIES="2")
    office.create("dies", "slow", variables={"seconds": 30})
    killed: set[int] = set()

    def kill_each_create() -> bool:
        environment = office.get("dies")
        for process in office.parts()["worker"]:
            if environment["state"] == "creating" and process.pid not in killed:
                killed.add(process.pid)
                process.kill()
        return environment["state"] == "failed"

    # Two processes that build and one that takes away, each with Python and Ansible to load.
    wait_until(kill_each_create, "it is given up", 3 * PATIENCE_SECONDS)
    failed = office.get("dies")
    assert "The run's process died 2 times" in failed["failure"]["message"]
    assert not failed["open"]
    office.wait_for_no_trace("dies")


def test_what_dies_of_the_provisioner_is_started_again_while_requests_go_on(new_office):
    office = new_office()
    for part in ("web", "keeper"):
        assert office.kill(part) >= 1
        wait_until(office.is_ready, f"{part} is back", 20)
        wanted = f"{part} ended, exit code -9; it is started again"
        wait_until(lambda w=wanted: w in [x["message"] for x in office.logged()], wanted, 20)


def test_a_live_log_goes_on_where_it_was_when_the_provisioner_dies(new_office):
    office = new_office(providers=("slow",))
    waiting = office.start_envctl(
        "create", "--template", "slow", "--name", "live", "--var", "seconds=3", "--wait", "--json"
    )
    wait_until(lambda: office.api("GET", "/environments/live").status_code == 200, "asked for")
    wait_until(lambda: office.lines("live"), "it has begun")
    office.kill("serve", "web", "keeper")
    office.start()
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    assert json.loads(out)["users"][0]["password"] == "correct-horse-live"
    shown = [line.strip() for line in err.splitlines() if line.strip().startswith(("--", "✓"))]
    assert [line.split(" (")[0] for line in shown] == [
        "-- Wait for a machine", "✓ Wait in line", "-- Make hosts", "✓ Make each host",
        "-- Hand it over", "✓ Write the environment file", "-- Let them settle", "✓ Wait for them",
    ]  # fmt: skip
    office.destroy("live")
    office.wait_for("live", "gone")


def test_two_keepers_are_one_at_a_time(new_office, tmp_path: Path):
    office = new_office()
    (first,) = office.parts()["keeper"]
    second = office.start_second_keeper(tmp_path / "second.log")
    time.sleep(1.5)
    assert second.poll() is None
    assert "keeper starts" not in (tmp_path / "second.log").read_text()
    office.kill("serve")
    first.kill()
    wait_until(
        lambda: "keeper starts" in (tmp_path / "second.log").read_text(), "it takes over", 10
    )
    second.terminate()
    assert second.wait(10) == 0
