"""Clocks that are wrong: a node's own `mesh.clock()` is replaced, and all that stamps and compares goes by it.

The machine's clock is one for all nodes of a test, and nobody may set it. Lasts until `right_clock`, over kills too.
"""

from tests.support.nodes import Nodes

CLOCK = "create or replace function mesh.clock() returns bigint language sql volatile as $$ select {} $$"
TRUE = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"


def set_clock(nodes: Nodes, node: int, expression: str) -> None:
    """What the node's clock shows: an SQL expression, microseconds since 1970."""
    nodes.admin(node, CLOCK.format(expression))


def step_clock(nodes: Nodes, node: int, seconds: float) -> None:
    """From now on the node's clock is so much ahead of the true time (negative: behind)."""
    set_clock(nodes, node, f"{TRUE} + {round(seconds * 1_000_000)}")


def right_clock(nodes: Nodes, node: int) -> None:
    set_clock(nodes, node, TRUE)
