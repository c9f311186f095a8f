"""Command line of the laptop cluster. Exit code 0: done; 1: failed, with what to do; 2: misuse."""

import os
import shutil
from pathlib import Path

import click

from cluster.errors import ClusterError
from cluster.local import ports
from cluster.local.laptop import Laptop
from cluster.local.programs import DEMO_PASSWORD
from cluster.local.progress import say, step
from cluster.local.state import REPOSITORY
from cluster.topology import MAX_HOSTS, Topology


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=REPOSITORY / ".run",
    help="Where the cluster keeps its files (default: .run of this clone).",
)
@click.pass_context
def main(context: click.Context, state: Path) -> None:
    """The laptop cluster: several share-nothing hosts as processes on this machine."""
    context.obj = Laptop(state_path=state)


@main.command()
@click.option("--hosts", type=click.IntRange(1, MAX_HOSTS), help="How many (at first: 3).")
@click.option("--port-base", type=int, help=f"First port (at first: {ports.DEFAULT_BASE}).")
@click.pass_obj
def up(laptop: Laptop, hosts: int | None, port_base: int | None) -> None:
    """Start what is not running, wait until all is ready, say where it is."""
    laptop.hosts, laptop.port_base = hosts, port_base
    laptop.up()
    click.echo(welcome(laptop.topology))


@main.command()
@click.pass_obj
def down(laptop: Laptop) -> None:
    """Stop everything cleanly; all data stays."""
    with step("clean stop of all hosts and the edge"):
        laptop.down()
    say("stopped; `make up` starts it again with all data")


@main.command()
@click.option("--host", required=True, help="1, host1 … or edge")
@click.pass_obj
def kill(laptop: Laptop, host: str) -> None:
    """SIGKILL to everything one host runs."""
    unit = laptop.unit(host)
    name, was_alive = unit.name, bool(unit.processes())
    laptop.kill(host)
    if not was_alive:
        say(f"{name} was dead already. `make revive HOST={host}` brings it back")
        return
    say(f"{name} is dead: nothing of it runs any more. `make revive HOST={host}` brings it back")


@main.command()
@click.option("--host", required=True, help="1, host1 … or edge")
@click.pass_obj
def revive(laptop: Laptop, host: str) -> None:
    """Start a killed host and wait until it has caught up."""
    unit = laptop.unit(host)
    name = unit.name
    if unit.is_up():
        say(f"{name} is running already; what is missing of it is started")
    with step(f"{name} starts, recovers and catches up"):
        laptop.revive(host)
        laptop.wait_durable()
    say(f"{name} is ready and level with its peers")


@main.command()
@click.option("--host", default="", help="1, host1 … or edge; all when left out")
@click.pass_obj
def logs(laptop: Laptop, host: str) -> None:
    """Follow the logs, until interrupted."""
    pattern = f"{laptop.unit(host).name}-*.log" if host else "*.log"
    files = sorted(str(path) for path in laptop.state.log.glob(pattern))
    if not files:
        raise ClusterError(f"no logs in {laptop.state.log}; start the cluster with: make up")
    os.execvp("tail", ["tail", "-n", "20", "-F", *files])  # noqa: S606


@main.command()
@click.option("--host", default="1", help="1, host1 …")
@click.option("--role", type=click.Choice(["firstbell", "postgres"]), default="postgres")
@click.argument("arguments", nargs=-1)
@click.pass_obj
def psql(laptop: Laptop, host: str, role: str, arguments: tuple[str, ...]) -> None:
    """A psql prompt on one node; further arguments go to psql."""
    os.environ["PGPASSWORD"] = laptop.password(role)
    dsn = laptop.dsn(host, role, with_password=False)
    os.execvp("psql", ["psql", "-X", dsn, *arguments])  # noqa: S606


@main.command()
@click.pass_obj
def purge(laptop: Laptop) -> None:
    """Empty the edge's cache, as one does at a real CDN after a release."""
    for folder in (laptop.state.home("edge") / "cache").glob("*"):
        shutil.rmtree(folder, ignore_errors=True)


@main.command()
@click.confirmation_option(
    prompt="This stops the cluster and deletes all its data (and clusters set aside). Go on?"
)
@click.pass_obj
def clean(laptop: Laptop) -> None:
    """Stop the cluster and delete its state directory."""
    laptop.down()
    place = laptop.state_path
    if laptop.state.root.exists():
        shutil.rmtree(laptop.state.root)
    if place.is_symlink():
        place.unlink()
    say(f"{place} is gone")


def welcome(topology: Topology) -> str:
    """What to do now: where to click, how to sign in, what to kill."""
    victim = topology.hosts[-1].node
    page, admin = topology.page_url, topology.hosts[0].public_url
    rows = [
        ("", "Firstbell is up."),
        ("", ""),
        ("Teacher", f"{page}/       sign in as ada with {DEMO_PASSWORD}"),
        ("Board", f"{page}/board  open it in a second window"),
        ("Admin", f"{admin}/admin/ sign in as admin with {DEMO_PASSWORD}"),
        *((host.name, host.public_url) for host in topology.hosts),
        ("", ""),
        ("", "Now kill a server while you teach:"),
        ("", ""),
        (f"make kill HOST={victim}", "and the lesson goes on"),
        (f"make revive HOST={victim}", "brings it back; it catches up"),
        ("make status", "who is up, who follows whom"),
        ("make down", "stops everything, keeps all data"),
    ]
    lines = (f"  {left:<20}{right}" if left else f"  {right}" for left, right in rows)
    return "\n".join(["", *(line.rstrip() for line in lines), ""])
