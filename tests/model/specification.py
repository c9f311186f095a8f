"""What a mesh's tables must be, given the set of all changes: the definition that every node has to meet.

Nothing here knows of arrival, nodes or time. docs/decisions/0013 argues why there is exactly one answer;
incremental.py and the SQL of cluster/mesh are two ways to reach it step by step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Row = dict[str, str | None]
Version = tuple[int, int]
"""(hlc, origin): totally ordered among the changes of one key."""
EVERY_KEY = "*"


@dataclass(frozen=True)
class Change:
    """One line of the change log. `row`: all columns of an insert, the changed ones of an update, else empty."""

    origin: int
    seq: int
    hlc: int
    table: str
    key: str
    kind: str
    row: tuple[tuple[str, str | None], ...] = ()
    prev: Version | None = None
    """The newest version of the row that its writer had; only real nodes tell."""

    @property
    def version(self) -> Version:
        return (self.hlc, self.origin)


@dataclass(frozen=True)
class Constraint:
    """Two rows of one table for which `clash` holds can't both be in it: a unique index, an exclusion constraint."""

    name: str
    sql: str
    clash: Callable[[Row, Row], bool]


@dataclass(frozen=True)
class ForeignKey:
    column: str
    parent: str
    parent_column: str = "id"


@dataclass(frozen=True)
class Table:
    name: str
    columns: dict[str, str]
    """Name -> SQL type; the primary key is `id`."""
    constraints: tuple[Constraint, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    def clash(self, a: Row, b: Row) -> bool:
        return any(c.clash(a, b) for c in self.constraints)


class Schema:
    """Tables, and which of them stand in a cycle of foreign keys."""

    def __init__(self, tables: Iterable[Table]):
        self.tables = {t.name: t for t in tables}
        reach = {n: {f.parent for f in t.foreign_keys} for n, t in self.tables.items()}
        for _ in reach:
            for found in reach.values():
                found |= {far for near in found for far in reach[near]}
        self._reach = reach
        self.parents_first = sorted(self.tables, key=lambda n: (len(reach[n] - {n}), n))

    def refers(self, child: str, parent: str) -> bool:
        """Whether rows of the one table may name rows of the other, directly or not."""
        return parent in self._reach[child]

    def in_cycle(self, child: str, parent: str) -> bool:
        """Whether the foreign key child -> parent is part of a cycle; a self-reference is one."""
        return child in self._reach[parent] or child == parent


@dataclass
class Outcome:
    """What is in the tables, and what is alive and yet not in its table."""

    tables: dict[str, dict[str, Row]]
    parked: dict[tuple[str, str], tuple[str, Row]] = field(default_factory=dict)
    unborn: set[tuple[str, str]] = field(default_factory=set)
    """Keys of which only updates are known."""

    def but_unborn(self) -> "Outcome":
        return Outcome(self.tables, self.parked)


def replay(changes: Iterable[Change], base: Row | None = None) -> tuple[Row | None, bool]:
    """A row out of the changes of its key and the truncates of its table; `base` stands for forgotten changes.

    Returns (row, known): None is dead; known is False if there are updates of a row that nobody has inserted.
    """
    ordered = sorted(changes, key=lambda c: c.version)
    births = [c for c in ordered if c.kind == "I"]
    deaths = [c for c in ordered if c.kind in "DT"]
    if deaths and (not births or deaths[-1].version > births[-1].version):
        return None, True
    row = dict(births[-1].row) if births else dict(base) if base is not None else None
    if row is None:
        return None, not ordered
    for update in ordered:
        if update.kind == "U" and (not births or update.version > births[-1].version):
            row.update(update.row)
    return row, True


def newest(changes: Iterable[Change]) -> Version:
    return max((c.version for c in changes), default=(0, 0))


def specified(schema: Schema, changes: Iterable[Change]) -> Outcome:
    """The one right outcome of a set of changes."""
    of_key: dict[tuple[str, str], set[Change]] = {}
    truncates: dict[str, set[Change]] = {}
    for c in changes:
        if c.kind == "T":
            truncates.setdefault(c.table, set()).add(c)
        else:
            of_key.setdefault((c.table, c.key), set()).add(c)
    alive: dict[str, dict[str, Row]] = {name: {} for name in schema.tables}
    outcome = Outcome({name: {} for name in schema.tables})
    for (table, key), own in of_key.items():
        row, known = replay(own | truncates.get(table, set()))
        if not known:
            outcome.unborn.add((table, key))
        if row is not None:
            alive[table][key] = row
    for name in schema.parents_first:
        rows = sorted(alive[name], key=lambda k: (newest(of_key[name, k]), k), reverse=True)
        for key in rows:
            row = alive[name][key]
            if not has_parents(schema, name, row, alive, outcome.tables):
                outcome.parked[name, key] = ("orphan", row)
            elif any(schema.tables[name].clash(row, r) for r in outcome.tables[name].values()):
                outcome.parked[name, key] = ("clash", row)
            else:
                outcome.tables[name][key] = row
    return outcome


def has_parents(schema: Schema, table: str, row: Row, alive: dict, placed: dict) -> bool:
    """Each parent is in its table; for a foreign key in a cycle it is enough that the parent is alive."""
    for f in schema.tables[table].foreign_keys:
        value = row.get(f.column)
        rows = (alive if schema.in_cycle(table, f.parent) else placed)[f.parent]
        if value is not None and not any(p.get(f.parent_column) == value for p in rows.values()):
            return False
    return True
