"""`clusterctl evict`."""

import click

from cluster.commands.members import operation
from cluster.eviction import evict as put_out


@click.command()
@click.argument("node")
@click.option("--force", is_flag=True, help="Though it answers, or another member does not.")
@operation
def evict(obj, node: str, force: bool, dry_run: bool, say) -> list[str]:
    """Put NODE out of the mesh for good: it is gone, and nothing is kept for it any longer."""
    return put_out(obj.topology, obj.passwords, node, force=force, dry_run=dry_run, say=say)
