"""Preflight refuses what can't become a cluster, with one clear message and before anything is changed. Real runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import REPOSITORY

ANSIBLE = REPOSITORY / "ansible"
PLAYBOOK = """
- hosts: firstbell
  gather_facts: false
  any_errors_fatal: true
  roles: [preflight]
  tasks:
    - ansible.builtin.copy: {dest: "{{ firstbell_private_dir }}/changed", content: "", mode: "0600"}
      delegate_to: localhost
"""
SECRETS = [
    "postgres_password",
    "replication_password",
    "app_password",
    "nats_password",
    "django_secret_key",
    "realtime_key",
    "csync2_key",
    "demo_password",
]


class Site:
    """A folder with an inventory of this machine under two names, its secrets and an archive, to be spoilt."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.inventory = folder / "inventory"
        self.inventory.mkdir()
        self.private = self.inventory / "private"
        self.private.mkdir(mode=0o700)
        self.archive = folder / "firstbell-0.1.0+g0123456789.tar.gz"
        self.archive.touch()
        self.secrets = dict.fromkeys(SECRETS, "x" * 32)
        self.hosts = {
            f"host{n}": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "/usr/bin/python3",
                "firstbell_node": n,
                "firstbell_address": f"10.0.0.{n}",
            }
            for n in (1, 2)
        }
        self.vars = {"firstbell_cluster_name": "school", "firstbell_domain": "school.example.org"}

    def write(self) -> None:
        groups = {"firstbell": {"vars": self.vars, "hosts": self.hosts}}
        (self.inventory / "hosts.yml").write_text(yaml.safe_dump(groups))
        self.write_secrets(0o600)

    def write_secrets(self, mode: int) -> None:
        path = self.private / "secrets.yml"
        path.unlink(missing_ok=True)
        path.touch(mode=mode)
        path.write_text(yaml.safe_dump({"firstbell_secrets": self.secrets}))

    def run(self, playbook: str = "") -> subprocess.CompletedProcess:
        if not playbook:
            playbook = str(self.folder / "play.yml")
            Path(playbook).write_text(PLAYBOOK)
        return subprocess.run(
            [
                *(
                    Path(sys.executable).with_name("ansible-playbook"),
                    "-i",
                    self.inventory,
                    playbook,
                ),
                *("-e", f"firstbell_artifact={self.archive}"),
            ],
            cwd=ANSIBLE,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
            },
            check=False,
        )

    def refuses(self) -> str:
        """What it says. Fails when it does not refuse, or only after something was changed."""
        done = self.run()
        assert done.returncode != 0, done.stdout
        assert not (self.private / "changed").exists()
        return " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(tmp_path)


def test_what_is_right_passes(site):
    site.write()
    done = site.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (site.private / "changed").exists()
    assert 'address = "10.0.0.2"' in (site.private / "cluster.toml").read_text()


def test_all_that_is_wrong_with_an_inventory_is_said_at_once(site):
    del site.hosts["host2"]
    site.hosts["host1"]["firstbell_adress"] = "10.0.0.9"
    site.hosts["host1"]["firstbell_address"] = "one.example.org"
    site.vars["firstbell_domain"] = "school.example.org; reboot"
    site.write()
    (site.inventory / "host_vars").mkdir()
    (site.inventory / "host_vars/host7.yml").write_text("firstbell_node: 7\n")
    said = site.refuses()
    assert "a cluster has 2 to 5 hosts, but the group `firstbell` has 1" in said
    assert "firstbell_adress is unknown; firstbell_address was meant?" in said
    assert "firstbell_address must be an IP address" in said
    assert "firstbell_domain must be a domain name, found 'school.example.org; reboot'" in said
    assert "host_vars/host7.yml belongs to no host of the inventory" in said


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("host2", {"firstbell_node": 1}, "two hosts have the same node: 1"),
        ("host2", {"firstbell_address": "10.0.0.1"}, "the same address and port: 10.0.0.1:443"),
        ("host2", {"firstbell_node": 16}, "value of firstbell_node must be one of: 1, 2"),
        ("Host_9", {"firstbell_node": 9, "firstbell_address": "10.0.0.9"}, "found 'Host_9'"),
    ],
)
def test_what_two_hosts_share_or_a_name_that_is_none_is_refused(site, name, change, complaint):
    site.hosts.setdefault(name, {**site.hosts["host1"]}).update(change)
    site.write()
    assert complaint in site.refuses()


def test_a_host_that_stands_twice_in_an_inventory_is_refused(site):
    site.write()
    text = (site.inventory / "hosts.yml").read_text()
    (site.inventory / "hosts.yml").write_text(text.replace("host2:", "host1:"))
    assert "host1" in site.refuses()


def test_without_secrets_it_says_how_to_make_them(site):
    site.write()
    (site.private / "secrets.yml").unlink()
    said = site.refuses()
    assert "There are no secrets at" in said
    assert "playbooks/secrets.yml makes them" in said


def test_a_missing_a_weak_and_an_open_secret_are_named_but_not_shown(site):
    del site.secrets["nats_password"]
    site.secrets["realtime_key"] = 'a"b; reboot'
    site.write()
    site.write_secrets(0o644)
    said = site.refuses()
    assert "nats_password is missing; playbooks/secrets.yml makes what is missing" in said
    assert "realtime_key must be 16 or more letters" in said
    assert "run: chmod 600" in said
    assert "reboot" not in said
    assert "x" * 32 not in said


def test_the_secrets_playbook_makes_what_is_missing_and_keeps_the_rest(site):
    del site.secrets["nats_password"]
    site.write()
    done = site.run(str(ANSIBLE / "playbooks/secrets.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    file = site.private / "secrets.yml"
    made = yaml.safe_load(file.read_text())["firstbell_secrets"]
    assert len(made.pop("nats_password")) >= 32
    assert made == site.secrets
    assert file.stat().st_mode & 0o777 == 0o600
    assert "changed=0" in site.run(str(ANSIBLE / "playbooks/secrets.yml")).stdout
    assert site.run().returncode == 0


def test_without_an_archive_it_says_what_makes_one(site):
    site.archive = site.folder / "nothing.tar.gz"
    site.write()
    assert "`make build` made" in site.refuses()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts another os-release: needs root")
def test_unreachable_hosts_and_other_distributions_are_all_named(site):
    """Host 1 is this machine as it would be with another /etc/os-release; nobody listens at host 2's."""
    other = site.folder / "os-release"
    other.write_text(
        'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora Linux 41"\n'
    )
    python = site.folder / "python3"
    python.write_text(
        f"#!/bin/sh\nexec unshare --mount sh -c 'mount --bind {other} /usr/lib/os-release;"
        ' mount --bind /dev/null /etc/debian_version; exec /usr/bin/python3 "$@"\' sh "$@"\n'
    )
    python.chmod(0o755)
    site.hosts["host1"]["ansible_python_interpreter"] = str(python)
    site.hosts["host2"] |= {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.2",
        "ansible_port": 9,
    }
    site.write()
    said = site.refuses()
    assert "host1 runs Fedora" in said
    assert "the roles are for Debian 12 and 13" in said
    assert "host2 can't be reached: " in said
    assert "refused" in said


def test_site_checks_before_it_changes_anything():
    (play,) = yaml.safe_load((ANSIBLE / "site.yml").read_text())
    assert play["roles"][0] == "preflight"
    assert play["any_errors_fatal"] is True
    assert "pre_tasks" not in play
