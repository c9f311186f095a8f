"""The `hosts` tool for tests: environments of real Debian hosts that are gone at the end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "ansible/providers/local-hosts/hosts"
sys.path.append(str(TOOL.parent))  # its package has no other home on the path

NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="real hosts need root; `sudo make test` runs these too"
)


def hosts(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the tool; what it says is in the error when it fails unexpectedly."""
    done = subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=240)
    if check and done.returncode:
        raise AssertionError(f"hosts {' '.join(words)}: {done.stderr}{done.stdout}")
    return done


def create(name: str, *words: str) -> dict:
    return json.loads(hosts("create", name, *words).stdout)


def on(name: str, host: str, command: str) -> str:
    """What a command printed on a host."""
    return hosts("ssh", name, host, command).stdout.strip()


def traces() -> dict[str, list[str]]:
    """All that hosts could leave on this machine, by where to look."""

    def said(*command: str) -> list[str]:
        done = subprocess.run(command, capture_output=True, text=True)
        return sorted(done.stdout.splitlines())

    groups = Path("/sys/fs/cgroup").glob("**/firstbell-hosts/*")
    links = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True).stdout)
    store = Path("/var/lib/firstbell-hosts")
    return {
        "links": sorted(link["ifname"] for link in links if link["ifname"].startswith("fbcable")),
        "namespaces": [line.split()[0] for line in said("ip", "netns") if line.startswith("fb-")],
        "mounts": [m for m in said("findmnt", "-rno", "TARGET") if "/environments/" in m],
        "groups": sorted(str(path) for path in groups if path.is_dir()),
        "names": [n for n in Path("/etc/hosts").read_text().splitlines() if "firstbell" in n],
        "processes": sorted(
            {
                word
                for line in said("pgrep", "-af", "systemd-nspawn.*--network-namespace-path")
                for word in line.split()
                if word.startswith("--network-namespace-path=/run/netns/fb-")
            }
        ),
        "folders": sorted(str(p) for p in store.glob("environments/*")),
        "locks": sorted(str(p) for p in store.glob("locks/environment-*")),
    }
