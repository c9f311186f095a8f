"""`clusterctl drain` and `clusterctl undrain`."""

import click

from cluster import draining
from cluster.commands.members import operation


@click.command()
@click.argument("host")
@click.option("--force", is_flag=True, help="Though no other host is ready.")
@click.option(
    "--wait", "wait_seconds", type=click.FloatRange(min=0), default=15, show_default=True,
    help="Seconds to wait until no page is on it any more.",
)  # fmt: skip
@operation
def drain(obj, host: str, force: bool, wait_seconds: float, dry_run: bool, say) -> list[str]:
    """Take HOST, this machine, out of service: its pages move to other hosts, it takes no new ones."""
    return draining.drain(
        obj.topology, lambda: obj.passwords, host, force=force, wait_seconds=wait_seconds, dry_run=dry_run, say=say
    )  # fmt: skip


@click.command()
@click.argument("host")
@operation
def undrain(obj, host: str, dry_run: bool, say) -> list[str]:
    """Take HOST, this machine, back into service."""
    return draining.undrain(obj.topology, lambda: obj.passwords, host, dry_run=dry_run, say=say)
