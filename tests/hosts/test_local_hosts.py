"""The tool that makes real Debian hosts on this machine, on this machine."""

import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hosts.local_hosts import NEEDS_ROOT, TOOL, create, hosts, on, traces

pytestmark = NEEDS_ROOT


@pytest.fixture(scope="module", autouse=True)
def _base() -> None:
    hosts("base")


@pytest.fixture
def name() -> Iterator[str]:
    """A name nobody has; its environment is gone at the end, and whatever the test did, nothing is left."""
    before = traces()
    name = f"t-{uuid.uuid4().hex[:6]}"
    yield name
    hosts("destroy", name)
    mine = {
        where: [t for t in found if t not in before[where]] for where, found in traces().items()
    }
    assert mine == {where: [] for where in mine}
    assert hosts("left", name).stdout == ""


def test_hosts_answer_and_know_each_other_by_name(name: str) -> None:
    described = create(name, "--hosts", "2")
    assert [host["name"] for host in described["hosts"]] == ["host1", "host2"]
    assert on(name, "host2", "hostname") == "host2"
    on(name, "host1", f"ping -c 1 -W 2 host2 && getent hosts host2.{name}.firstbell.test")
    assert on(name, "host1", "systemctl is-system-running --wait") == "running"
    address = socket.gethostbyname(f"host2.{name}.firstbell.test")
    assert address == described["hosts"][1]["address"]
    everywhere = {info[4][0] for info in socket.getaddrinfo(f"www.{name}.firstbell.test", 443)}
    assert everywhere == {host["address"] for host in described["hosts"]}


def test_create_and_destroy_may_be_repeated(name: str) -> None:
    first = create(name, "--hosts", "1")
    started = on(name, "host1", "stat -c %Y /proc/1")
    assert create(name, "--hosts", "1") == first
    assert on(name, "host1", "stat -c %Y /proc/1") == started  # not booted again
    hosts("destroy", name)
    assert hosts("destroy", name).returncode == 0


def test_environments_side_by_side_do_not_reach_each_other(name: str) -> None:
    other = f"{name}-b"
    try:
        with ThreadPoolExecutor() as pool:
            mine, theirs = pool.map(lambda n: create(n, "--hosts", "1"), (name, other))
        address = theirs["hosts"][0]["address"]
        assert address != mine["hosts"][0]["address"]
        reached = hosts("ssh", name, "host1", f"ping -c 1 -W 1 {address}", check=False)
        assert reached.returncode == 1
        assert "100% packet loss" in reached.stdout
    finally:
        hosts("destroy", other)


def test_a_pulled_plug_is_silence_and_the_disk_is_still_there(name: str) -> None:
    address = create(name, "--hosts", "1")["hosts"][0]["address"]
    on(name, "host1", "echo kept > /root/file && sync")
    hosts("power-off", name, "host1")
    with pytest.raises((TimeoutError, OSError)) as caught:
        socket.create_connection((address, 22), timeout=1)
    assert not isinstance(caught.value, ConnectionRefusedError)
    hosts("power-on", name, "host1")
    assert on(name, "host1", "cat /root/file") == "kept"


def test_a_look_at_a_host_ends_with_the_host(name: str) -> None:
    """The tool may have been killed while it waited: nobody else would end its ssh."""
    from localhosts import machine
    from localhosts.store import Store

    create(name, "--hosts", "1")
    store = Store.open()
    host = store.get(name).host("host1")
    with subprocess.Popen(
        machine.probe_command(store, host, "echo in; exec sleep 600"), stdout=subprocess.PIPE
    ) as look:
        assert look.stdout
        assert look.stdout.readline() == b"in\n"
        hosts("destroy", name)
        try:
            assert look.wait(timeout=15) == 255
        finally:
            look.kill()


def test_groups_that_end_while_processes_are_counted_are_no_error(name: str) -> None:
    """A host that shuts down takes its services' groups away under the reader's eyes."""
    from localhosts import cgroups

    group = cgroups.make(name)[0]
    stop = threading.Event()

    def services_come_and_go() -> None:
        while not stop.is_set():
            for service in range(20):
                (group / f"{service}/inner").mkdir(parents=True)
            for service in range(20):
                (group / f"{service}/inner").rmdir()
                (group / str(service)).rmdir()

    churn = threading.Thread(target=services_come_and_go)
    churn.start()
    try:
        assert [cgroups.processes(name) for _ in range(500)] == [[]] * 500
    finally:
        stop.set()
        churn.join()
        cgroups.remove(name)
    assert not group.exists()


def test_a_group_that_is_busy_for_a_moment_is_waited_for(name: str) -> None:
    """As after a kill: the last process of a service is dead, and its group not yet empty."""
    from localhosts import cgroups

    [group, *_] = groups = cgroups.make(name)
    service = group / "system.slice/nginx.service"
    service.mkdir(parents=True)
    with subprocess.Popen(["/bin/sleep", "0.5"]) as lingering:
        (service / "cgroup.procs").write_text(str(lingering.pid))
        cgroups.remove(name)
    assert not [left for left in groups if left.exists()]


def comes_and_goes(host: str) -> None:
    from localhosts import cgroups

    for _ in range(150):
        cgroups.make(host)
        cgroups.remove(host)


def test_groups_of_hosts_that_come_and_go_together_are_no_error(name: str) -> None:
    """Whoever goes last takes the common parent along, also under the eyes of one that comes."""
    from localhosts import cgroups

    with ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        list(pool.map(comes_and_goes, [f"{name}-{n}" for n in range(4)]))
    assert cgroups.left(name) == []


def write_for_ever(folder: Path) -> None:
    from localhosts import names
    from localhosts.store import Environment, Store

    store, names.FILE = Store(folder), folder / "hosts"
    environment = Environment("t-torn", 1, 2, "t-torn.test", "bookworm")
    while True:
        store.next_index()
        names.add(store, environment)


def test_a_kill_amid_a_write_leaves_files_whole(tmp_path: Path) -> None:
    """What they had or what they were to have: neither an empty count nor an empty /etc/hosts."""
    own = "127.0.0.1 localhost\n"
    (tmp_path / "hosts").write_text(own)
    (tmp_path / "last_index").write_text("1")
    for _ in range(60):
        writer = multiprocessing.get_context("fork").Process(target=write_for_ever, args=[tmp_path])
        writer.start()
        time.sleep(random.uniform(0.02, 0.05))
        writer.kill()
        writer.join()
        assert (tmp_path / "last_index").read_text().isdecimal()
        text = (tmp_path / "hosts").read_text()
        assert text.startswith(own)
        assert text == own or text.endswith("end\n")


def test_a_host_may_reboot_itself(name: str) -> None:
    create(name, "--hosts", "1")
    before = on(name, "host1", "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
    hosts("ssh", name, "host1", "systemctl reboot", check=False)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        time.sleep(0.2)
        now = hosts("ssh", name, "host1", "stat -c %Y /proc/1", check=False)
        if now.returncode == 0 and now.stdout.strip() not in before:
            return
    raise AssertionError("the host did not come back after its reboot")


def test_clones_of_an_image_have_its_disk_and_a_life_of_their_own(name: str) -> None:
    image = f"i-{name[2:]}"
    create(name, "--hosts", "2")
    on(name, "host2", "echo golden > /root/file")
    identity = on(name, "host2", "cat /etc/machine-id")
    hosts("save", name, image)
    try:
        described = create(name, "--image", image)
        assert len(described["hosts"]) == 2
        assert on(name, "host2", "cat /root/file") == "golden"
        assert on(name, "host2", "cat /etc/machine-id") != identity
        in_use = hosts("delete-image", image, check=False)
        assert in_use.returncode == 1
        assert name in in_use.stderr
        hosts("destroy", name)
    finally:
        hosts("destroy", name)
        hosts("delete-image", image)
    assert image not in json.loads(hosts("images").stdout)


@pytest.mark.parametrize("seconds", [0.25, 0.4, 0.55, 0.7])
def test_a_create_killed_at_any_moment_can_be_gone_on_with_and_removed(
    name: str, seconds: float
) -> None:
    for goes_on in (True, False):
        creating = subprocess.Popen(
            [TOOL, "create", name, "--hosts", "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        creating.send_signal(signal.SIGKILL)
        creating.wait()
        if goes_on:
            create(name, "--hosts", "2")
            assert on(name, "host2", "hostname") == "host2"
        hosts("destroy", name)
        assert hosts("left", name).stdout == ""


def test_two_destroys_at_once_both_end_well(name: str) -> None:
    create(name, "--hosts", "2")
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: hosts("destroy", name, check=False), range(2)))
    assert [done.returncode for done in ended] == [0, 0], [done.stderr for done in ended]


# ---- bad input


@pytest.mark.parametrize(
    "bad", ["../up", "Upper", "a_b", "a b", "$(id)", "{{ env }}", "thirteen-long", "1st", "-x", ""]
)
def test_a_name_that_could_be_anything_else_is_refused(bad: str) -> None:
    for words in (("create", "--", bad), ("destroy", "--", bad), ("show", "--", bad)):
        said = hosts(*words, check=False)
        assert said.returncode == 1
        assert "can't be used" in said.stderr
        assert "Traceback" not in said.stderr


def test_an_environment_of_another_shape_is_not_overwritten(name: str) -> None:
    create(name, "--hosts", "1")
    said = hosts("create", name, "--hosts", "2", check=False)
    assert said.returncode == 1
    assert "exists with 1 hosts" in said.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "t-none", "--image", "nope"), "no image 'nope'"),
        (("show", "t-none"), "no environment 't-none'"),
        (("power-off", "t-none", "host1"), "no environment 't-none'"),
        (("create", "t-none", "--hosts", "9"), "9 is not in the range"),
    ],
)
def test_what_is_not_there_is_named(words: tuple[str, ...], told: str) -> None:
    said = hosts(*words, check=False)
    assert said.returncode in (1, 2)
    assert told in said.stderr
    assert "Traceback" not in said.stderr


def test_without_root_or_packages_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from localhosts import checks
    from localhosts.errors import HostsError

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostsError, match="need root: run the same command with sudo"):
        checks.check_machine()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(checks.shutil, "which", lambda tool: None if tool == "nft" else tool)
    with pytest.raises(HostsError, match=r"missing: nftables; run: bin/install --hosts"):
        checks.check_machine()
