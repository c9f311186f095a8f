"""site.yml on bare Debian hosts, then a school day on them; at the end they become a golden image.

`make test` does this with two hosts, `make hosts-test` with three (FIRSTBELL_HOSTS). The tests of this
file build on each other: they run in the order they stand in. Figures go to reports/hosts/figures.json.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.local_hosts import NEEDS_ROOT, hosts, on, traces
from tests.hosts.sites import COUNT, REPORTS, REPOSITORY, Site, build, note

pytestmark = [NEEDS_ROOT, pytest.mark.timeout(1500)]

NAMES = [f"host{number}" for number in range(1, COUNT + 1)]
CLUSTERCTL = "/opt/firstbell/current/venv/bin/clusterctl --config /etc/firstbell/cluster.toml"
GIB = 2**30


@pytest.fixture(scope="session")
def before() -> dict[str, list[str]]:
    """What hosts of other environments have on this machine."""
    return traces()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, before) -> Iterator[Site]:
    """Bare hosts, built by site.yml once; alive until the golden image is made of them."""
    site = Site(f"site{COUNT}", tmp_path_factory.mktemp("site"), build())
    hosts("base")
    hosts("destroy", site.name)  # what a run that was killed left
    site.first = site.create(hosts=COUNT)
    yield site
    hosts("destroy", site.name)


def in_a_browser(site_file: Path, *tests: str, **environment: str) -> None:
    """Tests of tests/hosts that need a browser, in a process of their own: Playwright's loop stays open."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *tests],
        cwd=REPOSITORY,
        env={**os.environ, "FIRSTBELL_ENVIRONMENT": str(site_file), **environment},
        capture_output=True,
        text=True,
    )
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{Path(tests[0]).stem}.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


# ---- the hosts themselves


def test_bare_hosts_become_a_cluster_that_people_can_use(site: Site) -> None:
    assert site.first
    assert site.first.code == 0, site.first.output[-6000:]
    assert set(site.first.changed) == set(NAMES)
    note("site.yml on bare hosts, with boot and probe, s", round(site.first.seconds, 1))


def test_a_second_run_changes_nothing(site: Site) -> None:
    second = site.play("site.yml")
    assert second.code == 0, second.output[-6000:]
    assert second.changed == dict.fromkeys(NAMES, 0)
    note("site.yml again, s", round(second.seconds, 1))


def test_every_host_says_that_all_is_well(site: Site) -> None:
    for host in NAMES:
        assert "all well" in on(site.name, host, f"{CLUSTERCTL} status")
        assert on(site.name, host, "systemctl --failed --no-legend") == ""


def test_only_ssh_and_the_front_door_are_open_to_strangers(site: Site) -> None:
    described = json.loads(hosts("show", site.name).stdout)
    for host in described["hosts"]:
        for port, is_open in {22: True, 80: True, 443: True, 5432: False, 4222: False}.items():
            assert reachable(host["address"], port) is is_open, f"{host['name']} port {port}"
        for port in (6222, 8100, 8200, 8500):
            assert not reachable(host["address"], port), f"{host['name']} port {port}"


def reachable(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def test_an_idle_host_needs_less_than_a_gibibyte(site: Site) -> None:
    for host in NAMES:
        used = proportional_bytes(site.name, host)
        note(f"memory of {host}, MiB", round(used / 2**20))
        assert used < GIB


def proportional_bytes(name: str, host: str) -> int:
    """Memory of all processes of a host; what several share counts once."""
    lines = on(name, host, "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | grep ^Pss:").splitlines()
    assert len(lines) > 10
    return sum(int(line.split()[1]) * 1024 for line in lines)


# ---- people on them


def test_a_lesson_is_given_through_the_hosts_own_tls(site: Site) -> None:
    in_a_browser(site.environment_file, "tests/hosts/test_lesson.py")


def test_the_lesson_goes_on_when_the_host_in_use_loses_its_power(site: Site) -> None:
    in_a_browser(site.environment_file, "tests/hosts/test_power.py")


# ---- the golden image, and what is cloned from it


def test_clones_of_the_golden_image_are_ready_within_seconds_and_gone_without_a_trace(
    site: Site, before: dict[str, list[str]]
) -> None:
    image = f"golden{COUNT}"
    hosts("delete-image", image)
    hosts("save", site.name, image, "--keep", str(site.folder / "private-env/private"))
    clone = Site("clone", site.folder / "clone", site.artifact)
    hosts("destroy", clone.name)
    try:
        run = clone.create(image=image, hosts=COUNT, artifact="image")
        assert run.code == 0, run.output[-6000:]
        note("clone of the golden image, with boot and probe, s", round(run.seconds, 1))
        again = clone.create(image=image, hosts=COUNT, artifact="image")
        assert again.code == 0
        start = time.monotonic()
        assert clone.destroy().code == 0
        note("destroy, s", round(time.monotonic() - start, 1))
    finally:
        hosts("destroy", clone.name)
    left = {
        where: [t for t in found if t not in before[where]] for where, found in traces().items()
    }
    assert left == {where: [] for where in left}


# ---- the provisioner


def test_an_environment_is_clicked_taught_in_and_destroyed_on_the_provisioners_page(
    site: Site,
) -> None:
    assert site.saved, "the golden image is made by the test before"
    template = {2: "pair", 3: "quick"}[COUNT]
    in_a_browser(Path("none"), "tests/hosts/test_click.py", FIRSTBELL_CLICK=template)


def test_given_machines_become_an_environment_and_are_given_back_clean(site: Site) -> None:
    """The static provider, on bare hosts that it did not make."""
