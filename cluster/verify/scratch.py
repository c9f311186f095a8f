"""Damage that each run does to a table of its own, so that it knows that it can see.

Planted as a defect would do it: on one node, past the capture triggers, into rows that an earlier pass had found equal.
"""
# ruff: noqa: S608 - constants only

from collections.abc import Sequence
from random import Random

from cluster.verify.node import SCRATCH, Node, everywhere

ROWS = 3000
"""As many as mesh_verify.pristine has."""
DAMAGES = (
    """ "a name" = "a name" || '.' """,
    "small = small + 1",
    "amount = amount + 0.001",
    "ratio = -ratio",
    "at = at + interval '1 microsecond'",
    "ok = not ok",
    "tag = null",
    "raw = raw || '\\x00'",
    "doc = doc || '{\"n\": null}'",
    "words = array_append(words, null)",
    "span = span + interval '1 month'",
)


def plant(nodes: Sequence[Node], chance: Random) -> set[str]:
    """Change one row, delete one and insert one, on nodes by chance; their keys."""
    restore(nodes)
    changed, missing = chance.sample(range(1, ROWS + 1), 2)
    extra = ROWS + 1 + chance.randrange(ROWS)
    for statement, key in (
        (f"update {SCRATCH} set {chance.choice(DAMAGES)} where id = %s", changed),
        (f"delete from {SCRATCH} where id = %s", missing),
        (f"insert into {SCRATCH} (id) values (%s)", extra),
    ):
        node = chance.choice(nodes)
        node.cursor.execute("insert into mesh_verify.planted values (%s)", (key,))
        node.cursor.execute(statement, (key,))
        node.end()
    return {str(changed), str(missing), str(extra)}


def restore(nodes: Sequence[Node]) -> None:
    """Make the table what it should be, also after a run that was killed."""

    def on(node: Node) -> None:
        node.connection.rollback()
        node.cursor.execute("select mesh_verify.restore_scratch()")
        node.end()

    everywhere(nodes, on)
