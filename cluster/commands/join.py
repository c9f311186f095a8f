"""`clusterctl join`."""

import click

from cluster.commands.members import operation
from cluster.joining import join as bring_in


@click.command()
@click.argument("node")
@operation
def join(obj, node: str, dry_run: bool, say) -> list[str]:
    """Make NODE, a host of the cluster file with an empty database, a member; writes go on meanwhile."""
    return bring_in(obj.topology, obj.passwords, node, dry_run=dry_run, say=say)
