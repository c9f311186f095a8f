"""Damage that each run does to tables of its own, so that it knows that it can see.

Planted as a defect would do it: on one node, past the capture triggers, into rows that an earlier pass had found equal.
"""
# ruff: noqa: S608 - constants only

from collections.abc import Sequence
from random import Random

from cluster.verify.looks import Key
from cluster.verify.node import SCRATCH, Node, everywhere

ROWS = 1000
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


def plant(nodes: Sequence[Node], chance: Random) -> set[Key]:
    """Change a row, delete one and insert one, each in its own table, on nodes by chance; what they are."""
    restore(nodes)
    old, new = chance.randint(1, ROWS), chance.randint(ROWS + 1, 2 * ROWS)
    changed, missing, extra = SCRATCH
    statements = {
        (changed, old): f"update {changed} set {chance.choice(DAMAGES)} where id = %s",
        (missing, old): f"delete from {missing} where id = %s",
        (extra, new): f"insert into {extra} (id) values (%s)",
    }
    for (_, key), statement in statements.items():
        node = chance.choice(nodes)
        node.cursor.execute(
            "insert into mesh_verify.planted values (%s) on conflict do nothing", (key,)
        )
        node.cursor.execute(statement, (key,))
        node.end()
    return {(table, str(key)) for table, key in statements}


def restore(nodes: Sequence[Node]) -> None:
    """Make the tables what they should be, also after a run that was killed, and known as equal: the next run
    must find damage to rows that a pass had seen."""

    def on(node: Node) -> None:
        node.connection.rollback()
        if not node.one("select exists (select from mesh_verify.planted)"):
            node.end()
            return
        node.cursor.execute("select mesh_verify.restore_scratch()")
        node.end()
        node.begin(SCRATCH)
        for table in SCRATCH:
            node.digest(table, afresh=True)
        node.end()

    everywhere(nodes, on)
