"""`hosts`: real Debian hosts on this machine. Exit code 0: done; 1: not; 2: misuse."""

import json
import os
import sys
from pathlib import Path

import click

from localhosts import checks, environments, images, machine, network
from localhosts.store import Store

DEFAULT_SUFFIX = "firstbell.test"


def say(line: str) -> None:
    click.echo(line, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Real Debian hosts on this machine, for Ansible, tests and drills."""
    if {"-h", "--help"} & set(sys.argv):
        return
    checks.check_machine()
    context.obj = Store.open()


@main.command()
@click.argument("name")
@click.option("--hosts", type=click.IntRange(1, 5), help="How many; 3, or as the image has.")
@click.option("--image", help="Clone this golden image instead of starting bare.")
@click.option("--suffix", default=DEFAULT_SUFFIX, show_default=True, help="Domain above NAME.")
@click.option("--no-wait", is_flag=True, help="Return while they boot; see: wait.")
@click.pass_obj
def create(
    store: Store, name: str, hosts: int | None, image: str | None, suffix: str, no_wait: bool
) -> None:
    """Make an environment; when it returns, its hosts answer SSH. Prints what it is, as JSON."""
    environment = environments.create(store, name, hosts, image, suffix, say)
    if not no_wait:
        environments.wait(store, environment, say)
    click.echo(json.dumps(environments.describe(store, environment), indent=1))


@main.command()
@click.argument("name")
@click.pass_obj
def wait(store: Store, name: str) -> None:
    """Wait until all hosts of an environment answer SSH."""
    environments.wait(store, store.get(name), say)


@main.command()
@click.argument("name")
@click.pass_obj
def destroy(store: Store, name: str) -> None:
    """Remove an environment without a trace, and prove it."""
    environments.destroy(store, name, say)


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(store: Store, as_json: bool) -> None:
    """The environments on this machine."""
    found = sorted(store.environments(), key=lambda e: e.name)
    if as_json:
        click.echo(json.dumps([environments.describe(store, e) for e in found], indent=1))
        return
    for e in found:
        on = sum(machine.is_on(host) for host in e.hosts)
        click.echo(f"{e.name}: {on} of {e.hosts_count} hosts on, {e.image or 'bare'}, {e.domain}")
    if not found:
        click.echo("no environments")


@main.command()
@click.argument("name")
@click.pass_obj
def show(store: Store, name: str) -> None:
    """One environment, as JSON."""
    click.echo(json.dumps(environments.describe(store, store.get(name)), indent=1))


@main.command()
@click.argument("name")
@click.pass_obj
def left(store: Store, name: str) -> None:
    """What of an environment is on this machine: one a line; exit code 1 if there is anything."""
    found = store.find(name)
    remaining = environments.left(store, name, found.index if found else None)
    for line in remaining:
        click.echo(line)
    if remaining:
        raise SystemExit(1)


# ---- one host


@main.command("power-off")
@click.argument("name")
@click.argument("host")
@click.pass_obj
def power_off(store: Store, name: str, host: str) -> None:
    """Pull a host's plug: nothing is shut down, nothing is said."""
    machine.pull_plug(store.get(name).host(host))


@main.command()
@click.argument("name")
@click.argument("host")
@click.pass_obj
def shutdown(store: Store, name: str, host: str) -> None:
    """Shut a host down cleanly."""
    machine.shutdown(store.get(name).host(host))


@main.command("power-on")
@click.argument("name")
@click.argument("host")
@click.pass_obj
def power_on(store: Store, name: str, host: str) -> None:
    """Boot a host again; returns when it answers SSH."""
    environment = store.get(name)
    machine.power_on(store, environment, environment.host(host))
    machine.wait_for_ssh(store, environment.host(host))


@main.command()
@click.argument("name")
@click.argument("host")
@click.pass_obj
def cut(store: Store, name: str, host: str) -> None:
    """Pull a host's network cable."""
    network.set_cable(store.get(name).host(host), up=False)


@main.command()
@click.argument("name")
@click.argument("host")
@click.pass_obj
def heal(store: Store, name: str, host: str) -> None:
    """Plug it in again."""
    network.set_cable(store.get(name).host(host), up=True)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def ssh(store: Store, name: str, host: str, command: tuple[str, ...]) -> None:
    """A shell on a host, or one command there."""
    words = machine.ssh_command(store, store.get(name).host(host))
    os.execvp(words[0], [*words, *command])  # noqa: S606


# ---- images


@main.command()
@click.argument("release", default=images.RELEASES[0])
@click.pass_obj
def base(store: Store, release: str) -> None:
    """Make the bare Debian that hosts start from."""
    images.make_base(store, release, say)


@main.command()
@click.argument("name")
@click.argument("image")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder that clones need: kept with the image.",
)
@click.pass_obj
def save(store: Store, name: str, image: str, keep: Path | None) -> None:
    """Shut an environment down, keep its disks as a golden image, and destroy it."""
    environment = store.get(name)
    images.save(store, environment, image, keep, say)
    environments.destroy(store, name, say)


@main.command("images")
@click.pass_obj
def images_(store: Store) -> None:
    """The golden images on this machine, as JSON."""
    click.echo(
        json.dumps({i: images.describe(store, i) for i in images.all_images(store)}, indent=1)
    )


@main.command("delete-image")
@click.argument("image")
@click.pass_obj
def delete_image(store: Store, image: str) -> None:
    """Delete a golden image that no environment uses."""
    images.delete(store, image)
