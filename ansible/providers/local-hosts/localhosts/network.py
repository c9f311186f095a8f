"""Addresses: one namespace a host, one router namespace an environment, one cable to this machine.

    host1 10.77.0.11 ─┐
    host2 10.77.0.12 ─┼─ br0 10.77.0.1 ── router namespace ── cable<i> ── this machine
    host3 10.77.0.13 ─┘                    10.78.<i>.11 ⇄ 10.77.0.11

Inside addresses are the same in every environment, and none can reach another's: the router maps
each to an outside one, and this machine passes nothing between two cables.
"""

import json
import os
from pathlib import Path

from localhosts.shell import run, succeeds
from localhosts.store import (
    INSIDE,
    OUTSIDE,
    ROUTER,
    Environment,
    Host,
    Store,
    outside_network,
    write_whole,
)

TABLE = "firstbell_hosts"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")

RULES = f"""
table ip {TABLE} {{
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "fbcable*" oifname "fbcable*" drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {OUTSIDE} ip daddr != {OUTSIDE} masquerade
  }}
}}
"""


def router(environment: str) -> str:
    return f"fb-{environment}"


def namespace(host: Host) -> str:
    return f"fb-{host.id}"


def cable(index: int) -> str:
    return f"fbcable{index}"


def _exists(name: str) -> bool:
    return Path("/run/netns", name).exists()


# ---- this machine


def open_machine(store: Store) -> None:
    """Forwarding and the one table of rules; remembers how forwarding was."""
    if not succeeds("nft", "list", "table", "ip", TABLE):
        before = store.root / "ip_forward.before"
        if not before.exists():
            write_whole(before, FORWARDING.read_text())
        run("nft", "-f", "-", stdin=RULES)
    if FORWARDING.read_text().strip() != "1":
        FORWARDING.write_text("1")


def close_machine(store: Store) -> None:
    """As it was before the first environment."""
    succeeds("nft", "delete", "table", "ip", TABLE)
    before = store.root / "ip_forward.before"
    if before.exists():
        FORWARDING.write_text(before.read_text())
        before.unlink()


# ---- an environment


def make_router(environment: Environment) -> None:
    """The namespace with the bridge, and the cable to this machine. What is there stays."""
    name, link = router(environment.name), cable(environment.index)
    net = outside_network(environment.index)
    if not _exists(name):
        run("ip", "netns", "add", name)
    # Quick and all at once; `-force` goes on past what is there already.
    inside = f"""
link set lo up
link add br0 type bridge forward_delay 0
addr add {INSIDE[ROUTER]}/24 dev br0
link set br0 up
"""
    succeeds("ip", "-n", name, "-force", "-batch", "-", stdin=inside)
    if not Path("/sys/class/net", link).exists():
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "up0", "netns", name)
    succeeds("ip", "addr", "add", f"{net[1]}/30", "dev", link)
    run("ip", "link", "set", link, "up")
    run("ip", "route", "replace", str(net), "via", str(net[2]), "dev", link)
    succeeds("ip", "-n", name, "addr", "add", f"{net[2]}/30", "dev", "up0")
    run("ip", "-n", name, "link", "set", "up0", "up")
    run("ip", "-n", name, "route", "replace", "default", "via", str(net[1]))
    run("ip", "netns", "exec", name, "sysctl", "-q", "net.ipv4.ip_forward=1")
    rules = f"""
add table ip {TABLE}
flush table ip {TABLE}
table ip {TABLE} {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "up0" ip daddr {net} dnat prefix to ip daddr map {{ {net} : {INSIDE} }}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "up0" ip saddr {INSIDE} snat prefix to ip saddr map {{ {INSIDE} : {net} }}
  }}
}}
"""
    run("ip", "netns", "exec", name, "nft", "-f", "-", stdin=rules)


def remove_router(environment: str, index: int | None) -> None:
    succeeds("ip", "netns", "del", router(environment))
    if index is not None:
        succeeds("ip", "link", "del", cable(index))


# ---- a host


def make_namespace(host: Host) -> None:
    name = namespace(host)
    if not _exists(name):
        run("ip", "netns", "add", name)
    if not succeeds("ip", "-n", name, "link", "show", "host0"):
        run(
            *("ip", "-n", router(host.environment), "link", "add", host.name, "type", "veth"),
            *("peer", "name", "host0", "netns", name),
        )
    run("ip", "-n", router(host.environment), "link", "set", host.name, "master", "br0", "up")
    setup = f"""
link set lo up
addr replace {host.inside}/24 dev host0
link set host0 up
route replace default via {INSIDE[ROUTER]}
"""
    run("ip", "-n", name, "-batch", "-", stdin=setup)


def has_cable(host: Host) -> bool:
    return succeeds("ip", "-n", router(host.environment), "link", "show", host.name)


def set_cable(host: Host, up: bool) -> None:
    """Plug the host's network cable in, or pull it: silence, not refusal."""
    run(
        *("ip", "-n", router(host.environment)),
        *("link", "set", host.name, "up" if up else "down"),
    )


def remove_namespace(host: Host) -> None:
    succeeds("ip", "-n", router(host.environment), "link", "del", host.name)
    succeeds("ip", "netns", "del", namespace(host))


def left(environment: str, index: int | None) -> list[str]:
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    found = [
        f"/run/netns/{name}"
        for name in names
        if name == router(environment) or name.startswith(f"fb-{environment}.")
    ]
    if index is not None:
        links = json.loads(run("ip", "-j", "link", "show"))
        found += [f"link {link['ifname']}" for link in links if link["ifname"] == cable(index)]
    return found
