"""`clusterctl rejoin`."""

import click

from cluster.commands.members import operation
from cluster.joining import rejoin as take_in_again


@click.command()
@click.argument("node")
@click.option("--force", is_flag=True, help="Though it is a member and well.")
@operation
def rejoin(obj, node: str, force: bool, dry_run: bool, say) -> list[str]:
    """Take NODE in again, put out before or of an old disk: the others get what only it has, then it is filled."""
    return take_in_again(obj.topology, obj.passwords, node, force=force, dry_run=dry_run, say=say)
