"""Make and remove whole environments. Both can be run again after any interruption."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localhosts import cgroups, images, machine, names, network
from localhosts.errors import HostsError
from localhosts.images import Progress
from localhosts.store import MAX_HOSTS, Environment, Store, checked


def create(
    store: Store, name: str, hosts: int | None, image: str | None, suffix: str, progress: Progress
) -> Environment:
    """Hosts that boot; `wait` tells when they answer. What is there stays; an interrupted create is gone on with.

    Raises HostsError when the name belongs to an environment of another shape.
    """
    with store.lock(f"environment-{checked(name, 'environment')}"):
        environment = _record(store, name, hosts, image, suffix)
        images.make_base(store, environment.base, progress)
        with store.lock("machine"):
            network.open_machine(store)
        names.add(store, environment)
        network.make_router(environment)
        for host in environment.hosts:
            network.make_namespace(host)
            root = machine.mount(store, environment, host)
            if not machine.is_on(host):
                machine.write_identity(root, environment, host)
                progress(f"{host.name}: booting at {host.outside}")
            machine.power_on(store, environment, host)
        return environment


def wait(store: Store, environment: Environment, progress: Progress) -> None:
    """Until all hosts answer SSH; raises HostsError that names one that does not."""
    with ThreadPoolExecutor(max_workers=len(environment.hosts)) as pool:
        list(pool.map(lambda host: machine.wait_for_ssh(store, host), environment.hosts))
    progress(f"{environment.name}: {len(environment.hosts)} hosts answer")


def _record(
    store: Store, name: str, hosts: int | None, image: str | None, suffix: str
) -> Environment:
    base = images.RELEASES[0]
    if image:
        kept = images.describe(store, image)
        if hosts not in (None, kept["hosts"]):
            raise HostsError(f"image {image!r} has {kept['hosts']} hosts, not {hosts}")
        hosts, base = kept["hosts"], kept["base"]
    hosts = hosts or 3
    if not 1 <= hosts <= MAX_HOSTS:
        raise HostsError(f"{hosts} hosts: an environment has 1 to {MAX_HOSTS}")
    found = store.find(name)
    if found:
        if (found.hosts_count, found.image, found.domain) != (hosts, image, f"{name}.{suffix}"):
            raise HostsError(
                f"{name!r} exists with {found.hosts_count} hosts from"
                f" {found.image or 'the bare base'}: destroy it first, or take another name"
            )
        return found
    with store.lock("index"):
        environment = Environment(name, store.next_index(), hosts, f"{name}.{suffix}", base, image)
        store.keep(environment)
    return environment


def destroy(store: Store, name: str, progress: Progress) -> None:
    """Nothing of it is left; raises HostsError that names what is. Not there: nothing to do."""
    with store.lock(f"environment-{checked(name, 'environment')}", last=True):
        environment = store.find(name)
        if environment:
            with ThreadPoolExecutor(max_workers=MAX_HOSTS) as pool:
                list(pool.map(lambda host: machine.remove(store, host), environment.hosts))
        names.remove(store, name)
        network.remove_router(name, environment.index if environment else None)
        index = environment.index if environment else None
        remaining = left(store, name, index, but_record=True)
        if remaining:
            raise HostsError(f"{name}: still there: {', '.join(remaining)}; destroy it again")
        shutil.rmtree(store.environment(name), ignore_errors=True)
    with store.lock("machine"):
        if not store.environments():
            network.close_machine(store)
    progress(f"{name}: gone")


def left(store: Store, name: str, index: int | None = None, but_record: bool = False) -> list[str]:
    """Everything on this machine that belongs to an environment: paths, links, namespaces, processes."""
    folder = store.environment(name)
    found = cgroups.left(f"{name}.") + network.left(name, index) + names.left(name)
    table = Path("/proc/mounts").read_text().splitlines()
    mounts = [line.split()[1] for line in table if f" {folder}/" in line]
    found += [f"mount {mount}" for mount in mounts]
    if but_record:
        found += [str(path) for path in folder.glob("hosts/*")]
    elif folder.exists():
        found.append(str(folder))
    return found


def describe(store: Store, environment: Environment) -> dict:
    """For programs: addresses, how to get in by SSH, and what came with the image."""
    return {
        "name": environment.name,
        "domain": environment.domain,
        "image": environment.image,
        "kept": str(store.image(environment.image) / "kept") if environment.image else None,
        "ssh": {
            "key": str(store.keys / "id"),
            "known_hosts": str(store.keys / "known_hosts"),
            "host_key_alias": machine.HOST_KEY_ALIAS,
        },
        "hosts": [
            {
                "name": host.name,
                "node": host.number,
                "address": host.outside,
                "inside_address": host.inside,
                "on": machine.is_on(host),
            }
            for host in environment.hosts
        ],
    }
