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
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.hosts.local_hosts import NEEDS_ROOT, create, hosts, on, traces
from tests.hosts.sites import COUNT, REPORTS, REPOSITORY, Site, build, note

pytestmark = [NEEDS_ROOT, pytest.mark.timeout(1500)]

NAMES = [f"host{number}" for number in range(1, COUNT + 1)]
CLUSTERCTL = "/opt/firstbell/current/venv/bin/clusterctl --config /etc/firstbell/cluster.toml"
TEMPLATE = "tested"
LONG = bool(os.environ.get("FIRSTBELL_HOSTS_LONG"))
"""Set by `make hosts-test`; `make test` runs the short form."""
MIB, GIB = 2**20, 2**30


@pytest.fixture(scope="session")
def before() -> dict[str, list[str]]:
    """What hosts of other environments have on this machine."""
    return traces()


@pytest.fixture(scope="session")
def artifact() -> Path:
    return build()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, artifact: Path, before) -> Iterator[Site]:
    """Bare hosts, built by site.yml once; alive until the golden image is made of them."""
    site = Site(f"site{COUNT}", tmp_path_factory.mktemp("site"), artifact)
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
    if not LONG:
        pytest.skip("minutes more of site.yml: make hosts-test")
    second = site.play("site.yml")
    assert second.code == 0, second.output[-6000:]
    assert second.changed == dict.fromkeys(NAMES, 0)
    note("site.yml again, s", round(second.seconds, 1))


def test_every_host_says_that_all_is_well(site: Site) -> None:
    for host in NAMES:
        assert "all well" in on(site.name, host, f"{CLUSTERCTL} status")
        assert on(site.name, host, "systemctl --failed --no-legend") == ""


def test_every_service_of_ours_runs_in_a_sandbox(site: Site) -> None:
    for host in NAMES:
        table = on(site.name, host, "systemd-analyze security --no-pager").splitlines()
        exposed = {unit: float(level) for unit, level, *_ in map(str.split, table[1:])}
        ours = {unit: level for unit, level in exposed.items() if unit.startswith("firstbell-")}
        assert len(ours) == 6, ours
        # 0 to 10; a unit without the shared settings has 9.2.
        assert max(ours.values()) < 2, ours


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
        note(f"memory of {host}, MiB", round(used / MIB))
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


@dataclass(frozen=True)
class Golden:
    """An image of this run's own, and a folder of Ansible with a template that clones it."""

    image: str
    ansible: Path


@pytest.fixture(scope="session")
def golden(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golden]:
    """The hosts of the site, kept as an image; from here on the site itself is no more."""
    assert site.first
    assert site.first.code == 0, "no image is made of hosts that site.yml did not make"
    golden = Golden(f"tested{COUNT}", tmp_path_factory.mktemp("ansible"))
    hosts("delete-image", golden.image)
    secrets = (site.private / "secrets.yml").read_text()
    kept = site.play(
        "providers/local-hosts/keep.yml",
        *("-e", f"keep_as={golden.image} env_name={site.name} env_dir={site.private.parent}"),
    )
    assert kept.code == 0, kept.output[-6000:]
    site.private.mkdir(parents=True)
    (site.private / "secrets.yml").write_text(secrets)  # to compare with
    note(
        "golden image, MiB", round(json.loads(hosts("images").stdout)[golden.image]["bytes"] / MIB)
    )
    for part in (REPOSITORY / "ansible").iterdir():
        if part.name != "environments":
            (golden.ansible / part.name).symlink_to(part)
    (golden.ansible / "environments").mkdir()
    template = {
        "description": "Clones of the hosts that this run built.",
        "provider": "local-hosts",
        "ttl_hours": 1,
        "variables": {"image": golden.image, "hosts": COUNT},
    }
    (golden.ansible / f"environments/{TEMPLATE}.yml").write_text(yaml.safe_dump(template))
    yield golden
    hosts("delete-image", golden.image)


def test_clones_of_the_golden_image_are_ready_within_seconds_and_gone_without_a_trace(
    golden: Golden, site: Site, before: dict[str, list[str]]
) -> None:
    if not LONG:
        pytest.skip("the click below clones the image too; repeated and timed by: make hosts-test")
    clone = Site("clone", site.folder / "clone", site.artifact)
    hosts("destroy", clone.name)
    try:
        run = clone.create(image=golden.image, hosts=COUNT, artifact="image")
        assert run.code == 0, run.output[-6000:]
        note("clone of the golden image, with boot and probe, s", round(run.seconds, 1))
        assert secrets_shared(site, clone) == {
            "postgres_password",
            "replication_password",
            "app_password",
            "nats_password",
            "csync2_key",
        }
        again = clone.create(image=golden.image, hosts=COUNT, artifact="image")
        assert again.code == 0, again.output[-6000:]
        assert again.changed == dict.fromkeys(NAMES, 0)
        start = time.monotonic()
        assert clone.destroy().code == 0
        note("destroy by its playbook, s", round(time.monotonic() - start, 1))
    finally:
        hosts("destroy", clone.name)
    assert_nothing_left(before)


def secrets_shared(one: Site, other: Site) -> set[str]:
    """Names of the secrets that two environments have in common."""
    mine, theirs = (
        yaml.safe_load((each.private / "secrets.yml").read_text())["firstbell_secrets"]
        for each in (one, other)
    )
    return {name for name in mine if mine[name] == theirs[name]}


def assert_nothing_left(before: dict[str, list[str]]) -> None:
    now = traces()
    left = {where: [t for t in found if t not in before[where]] for where, found in now.items()}
    assert left == {where: [] for where in left}


# ---- the provisioner


def test_an_environment_is_clicked_taught_in_and_destroyed_on_the_provisioners_page(
    golden: Golden,
) -> None:
    in_a_browser(
        Path("none"),
        "tests/hosts/test_click.py",
        FIRSTBELL_CLICK=TEMPLATE,
        FIRSTBELL_CLICK_ANSIBLE=str(golden.ansible),
    )


@pytest.mark.timeout(7200 if LONG else 1500)
def test_kills_of_the_provisioner_leave_no_orphan_among_real_hosts(
    golden: Golden, before: dict[str, list[str]]
) -> None:
    """tests/provisioner/test_kill.py with the local-hosts provider: at some steps, or at each task."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("tests/provisioner/test_kill.py", "-k", "at_any_step"),
        ],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "PROVISIONER_SWEEP": os.environ.get("PROVISIONER_SWEEP")
            or ("all" if LONG else "create:9+destroy:2"),
            "PROVISIONER_SWEEP_VICTIMS": "everything",  # others: tests/provisioner
            "PROVISIONER_SWEEP_TEMPLATE": TEMPLATE,
            "PROVISIONER_SWEEP_ANSIBLE": str(golden.ansible),
            "PROVISIONER_SWEEP_STRIDE": str(COUNT),
            "PROVISIONER_SWEEP_SECONDS": "600",  # ten times what it takes: stuck is stuck for ever
        },
        capture_output=True,
        text=True,
    )
    (REPORTS / "test_kill.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout[-6000:]
    assert_nothing_left(before)


# ---- given machines


def test_given_machines_become_an_environment_and_are_given_back_clean(
    tmp_path: Path, artifact: Path, before: dict[str, list[str]]
) -> None:
    """The static provider, run from within the network of bare hosts that it did not make."""
    if not LONG:
        pytest.skip("minutes more of site.yml: make hosts-test")
    given = Site("given", tmp_path / "given", artifact, provider_name="static")
    described = create(given.name, "--hosts", "2")
    own_names = Path(f"/etc/netns/fb-{given.name}/hosts")
    own_names.parent.mkdir(parents=True, exist_ok=True)
    addresses = [host["inside_address"] for host in described["hosts"]]
    domain = described["domain"]
    names = [f"{a} host{n}.{domain} www.{domain}" for n, a in enumerate(addresses, 1)]
    own_names.write_text("\n".join(["127.0.0.1 localhost", *names, ""]))
    given.within = ("ip", "netns", "exec", f"fb-{given.name}")
    given.extra = {"env": {"FIRSTBELL_STATIC_REGISTER": str(tmp_path / "register")}}
    try:
        variables = {
            "machines": ",".join(addresses),
            "domain": domain,
            "ssh_key": described["ssh"]["key"],
        }
        made = given.provider("create", env_vars=variables)
        assert made.code == 0, made.output[-6000:]
        other = Site("thief", tmp_path / "thief", artifact, provider_name="static")
        other.within, other.extra = given.within, given.extra
        refused = other.provider("create", env_vars=variables)
        assert refused.code != 0
        assert "belongs to the environment given" in refused.output
        assert other.provider("destroy", env_vars={}).code == 0
        assert "all well" in on(given.name, "host2", f"{CLUSTERCTL} status")
        gone = given.provider("destroy", env_vars={})
        assert gone.code == 0, gone.output[-6000:]
        for host in ("host1", "host2"):
            kept = on(given.name, host, "find /etc /opt /usr/local /var/lib -iname '*firstbell*'")
            assert kept == "", "nothing of what people wrote stays, nor who ran it"
    finally:
        hosts("destroy", given.name)
        own_names.unlink()
        own_names.parent.rmdir()
    assert_nothing_left(before)
