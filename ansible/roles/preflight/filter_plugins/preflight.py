"""What makes an inventory, its secrets or its hosts unusable: pure functions from values to sentences.

Each returns a list of troubles, one sentence each; empty: well. What the cluster file's parser checks
(names, nodes, addresses given twice) is left to it.
"""

import difflib
import ipaddress
import os
import re
import secrets
import stat
from pathlib import Path

MIN_HOSTS, MAX_HOSTS = 2, 5
DISTRIBUTIONS = {"12": "3.11", "13": "3.13"}
"""Debian releases that are known to work, and the Python of each."""

DOMAIN = re.compile(r"(?=.{4,200}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
"""Secrets go into addresses, TOML and YAML: nothing that any of them would take for a sign of its own."""

VARIABLES = (
    "firstbell_address",
    "firstbell_artifact",
    "firstbell_cluster_name",
    "firstbell_demo",
    "firstbell_domain",
    "firstbell_node",
    "firstbell_private_dir",
    "firstbell_secrets",
)


def inventory(names, hostvars, folder: str) -> list[str]:
    """What is wrong with the group `firstbell`: its size, misspelt variables, addresses, files of unknown hosts."""
    found = []
    if not MIN_HOSTS <= len(names) <= MAX_HOSTS:
        found.append(
            f"a cluster has {MIN_HOSTS} to {MAX_HOSTS} hosts, but the group `firstbell` has {len(names)}"
        )
    for name in names:
        values = hostvars[name]
        for variable in values:
            if variable.startswith("first") and variable not in VARIABLES:
                close = difflib.get_close_matches(variable, VARIABLES, n=1, cutoff=0.85)
                if close:
                    found.append(f"{name}: {variable} is unknown; {close[0]} was meant?")
        address = values.get("firstbell_address", values.get("ansible_host", name))
        if not is_ip(address):
            found.append(
                f"{name}: firstbell_address must be an IP address (the firewall and Postgres let peers in by it),"
                f" found {address!r}"
            )
        domain = values.get("firstbell_domain", "")
        if not DOMAIN.fullmatch(str(domain)):
            found.append(f"{name}: firstbell_domain must be a domain name, found {domain!r}")
    if folder:
        known = set(hostvars) | {
            name for one in hostvars.values() for name in one.get("group_names", ())
        }
        for path in sorted(Path(folder).glob("host_vars/*")):
            if path.name.removesuffix(path.suffix) not in known and path.name not in known:
                found.append(f"{path} belongs to no host of the inventory")
    return found


def is_ip(text) -> bool:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


def hosts(names, hostvars) -> list[str]:
    """Which hosts don't answer, or are not what the roles and the wheels are made for."""
    found = []
    for name in names:
        asked = hostvars[name].get("_preflight_asked", {})
        if asked.get("unreachable") or asked.get("failed"):
            said = " ".join(str(asked.get("module_stderr") or asked.get("msg") or "").split())
            what = "can't be reached" if asked.get("unreachable") else "can't be asked"
            found.append(f"{name} {what}: {said}")
            continue
        facts = hostvars[name]["ansible_facts"]
        is_debian = facts["distribution"] == "Debian"
        if not is_debian or facts["distribution_major_version"] not in DISTRIBUTIONS:
            found.append(
                f"{name} runs {facts['distribution']} {facts['distribution_version']};"
                f" the roles are for Debian {' and '.join(DISTRIBUTIONS)}"
            )
        if facts["architecture"] != "x86_64":
            found.append(f"{name} is {facts['architecture']}; the archive is for x86_64")
    return found


def of_secrets(values, names, file: str) -> list[str]:
    """Secrets that are missing or of signs that are not allowed; a file that others can read."""
    again = "playbooks/secrets.yml makes what is missing"
    found = [f"{name} is missing; {again}" for name in names if not values.get(name)]
    for name in names:
        if values.get(name) and not SECRET.fullmatch(str(values[name])):
            found.append(f"{name} must be 16 or more letters, digits, - or _")
    if stat.S_IMODE(os.stat(file).st_mode) & 0o077:
        found.append(f"it can be read by others; run: chmod 600 {file}")
    return found


def complete(values, names) -> dict[str, str]:
    """The same secrets, and new ones for those that are missing."""
    new = {name: secrets.token_hex(10 if name == "demo_password" else 32) for name in names}
    return {**new, **{name: value for name, value in values.items() if value}}


def message(troubles, what: str) -> str:
    """All of them for people, one line each."""
    return "\n".join([f"{what} can't be used; nothing was changed:", *(f"- {t}" for t in troubles)])


class FilterModule:
    """Found by Ansible under this name."""

    def filters(self):
        return {
            "preflight_inventory": inventory,
            "preflight_hosts": hosts,
            "preflight_secrets": of_secrets,
            "preflight_complete": complete,
            "preflight_message": message,
        }
