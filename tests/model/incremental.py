"""What a node does step by step: merge on arrival, park, sweep, forget. The same rules as cluster/mesh/sql, in Python.

It keeps three promises after every step: no two rows of a table clash, each row in a table has its parents,
and a row that is in no table though it lives is parked. So only parked rows can be wrong, and a sweep suffices.
"""

from tests.model.specification import (
    EVERY_KEY,
    Change,
    Outcome,
    Row,
    Schema,
    Version,
    has_parents,
    newest,
    replay,
)


class Crash(Exception):
    """The node died in the middle of a transaction: nothing of it stays."""


class Refused(Exception):
    """A local write that the tables' constraints don't allow; nothing of it stays."""


class ModelNode:
    """One node: its log, its tables, what it has parked, what it has forgotten."""

    def __init__(self, schema: Schema, number: int):
        self.schema = schema
        self.number = number
        self.log: dict[tuple[int, int], Change] = {}
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in schema.tables}
        self.parked: dict[tuple[str, str], tuple[str, Row | None]] = {}
        self.rank: dict[tuple[str, str], Version] = {}
        """Versions of parked rows and their rivals, kept when their changes are forgotten."""
        self.forgotten_to = 0
        self.clock_floor = 0
        self.next_seq = 1

    # --- arrival

    def deliver(self, transaction: list[Change], crash_after: int | None = None) -> None:
        """Merge one transaction of a peer, whole or (Crash) not at all."""
        before = self._state()
        for done, change in enumerate(transaction):
            if done == crash_after:
                self.__dict__ = before
                raise Crash
            self._arrive(change)

    def _arrive(self, c: Change) -> None:
        if (c.origin, c.seq) in self.log or c.hlc <= self.forgotten_to:
            return
        self.log[c.origin, c.seq] = c
        self.clock_floor = max(self.clock_floor, c.hlc)
        if c.kind == "T":
            for key in [*self.tables[c.table], *(k for t, k in self.parked if t == c.table)]:
                self._settle(c.table, key)
        else:
            self._settle(c.table, c.key)

    def _settle(self, table: str, key: str) -> None:
        """Make the row what the log says it is."""
        row, known = replay(self._changes(table, key), self._standing(table, key))
        if not known:
            self.parked[table, key] = ("unborn", None)
        elif row is None:
            self.parked.pop((table, key), None)
            self._leave(table, key)
        else:
            self._place(table, key, row)

    def _place(self, table: str, key: str, row: Row) -> None:
        """Put it into its table, or park it; a row that is parked in the end moves nobody out of the way."""
        self.tables[table].pop(key, None)
        rivals = self._rivals(table, key, row)
        if not has_parents(self.schema, table, row, self._alive(table, key, row), self.tables):
            self.parked[table, key] = ("orphan", row)
        elif any(self._order(table, r) > self._order(table, key) for r in rivals):
            self.parked[table, key] = ("clash", row)
        else:
            self.tables[table][key] = row
            self.parked.pop((table, key), None)
            for rival in rivals:
                self._park(table, rival, "clash")
        self._orphan_children(table)  # a column that they refer to may have changed

    def _park(self, table: str, key: str, reason: str) -> None:
        self.parked[table, key] = (reason, self.tables[table].pop(key))
        self._orphan_children(table)

    def _leave(self, table: str, key: str) -> None:
        self.tables[table].pop(key, None)
        self._orphan_children(table)

    def _orphan_children(self, parent: str) -> None:
        """Rows whose parent has just gone can't stay."""
        for name, table in self.schema.tables.items():
            if any(f.parent == parent for f in table.foreign_keys):
                for key, row in list(self.tables[name].items()):
                    if key in self.tables[name] and not has_parents(
                        self.schema, name, row, self._alive(), self.tables
                    ):
                        self._park(name, key, "orphan")

    # --- the agent's turn

    def sweep(self) -> None:
        """Try each parked row again: parents first, newest first."""
        for table in self.schema.parents_first:
            keys = [k for t, k in self.parked if t == table]
            for key in sorted(keys, key=lambda k: self._order(table, k), reverse=True):
                self._settle(table, key)

    def sweep_until_settled(self) -> Outcome:
        """For a model one sweep is enough."""
        self.sweep()
        return self.outcome()

    def promise(self, watermark: int) -> None:
        """Every member has all changes up to here, and all later ones are newer."""
        self.clock_floor = max(self.clock_floor, watermark)
        for name, (reason, _) in list(self.parked.items()):
            if reason == "unborn" and self._version(*name)[0] <= watermark:
                del self.parked[name]  # its insert and its delete were here and are forgotten

    def forget(self, watermark: int) -> bool:
        """Drop all changes up to a clock value up to which every member has everything."""
        self.promise(watermark)
        keep = set(self.parked)
        for (table, key), (_, row) in self.parked.items():
            if row is not None:
                keep |= {(table, rival) for rival in self._rivals(table, key, row)}
        self.rank = {name: self._version(*name) for name in keep}
        self.log = {n: c for n, c in self.log.items() if c.hlc > watermark}
        self.forgotten_to = max(self.forgotten_to, watermark)
        return True

    # --- local writes

    def write(self, statements: list[tuple], clock: int) -> list[Change]:
        """A local transaction; returns its changes. Raises Refused as a database's constraints do.

        A statement: ("I", table, row), ("U", table, key, columns), ("K", table, key, new key), ("D", table, key),
        ("T", table), which truncates the tables that refer to this one too.
        """
        before = self._state()
        made: list[Change] = []
        try:
            for statement in statements:
                made += self._statement(*statement, clock=clock)
            self.check()
        except Refused:
            self.__dict__ = before
            raise
        return made

    def _statement(self, kind: str, table: str, *rest, clock: int) -> list[Change]:
        if kind == "T":
            tables = [t for t in self.schema.tables if t == table or self.schema.refers(t, table)]
            return [self._log("T", t, EVERY_KEY, {}, clock) for t in tables]
        if kind == "I":
            row = rest[0]
            if row["id"] in self.tables[table]:
                raise Refused
            return [self._log("I", table, row["id"], row, clock)]
        old = self.tables[table].get(rest[0])
        if old is None:
            return []
        if kind == "D":
            return [self._log("D", table, rest[0], {}, clock)]
        if kind == "K":
            if rest[1] in self.tables[table]:
                raise Refused
            gone = self._log("D", table, rest[0], {}, clock)
            return [gone, self._log("I", table, rest[1], old | {"id": rest[1]}, clock)]
        changed = {c: v for c, v in rest[1].items() if old[c] != v}
        return [self._log("U", table, rest[0], changed, clock)] if changed else []

    def _log(self, kind: str, table: str, key: str, row: Row, clock: int) -> Change:
        seen = [
            c.hlc
            for c in self.log.values()
            if c.table == table and (key in (c.key, EVERY_KEY) or c.key == EVERY_KEY)
        ]
        hlc = max([clock, self.clock_floor + 1, *(h + 1 for h in seen)])
        c = Change(self.number, self.next_seq, hlc, table, key, kind, tuple(row.items()))
        self.next_seq += 1
        self.log[c.origin, c.seq] = c
        if kind == "T":
            self.tables[table] = {}
            self.parked = {n: p for n, p in self.parked.items() if n[0] != table}
        elif kind == "D":
            del self.tables[table][key]
        else:
            self.tables[table][key] = self.tables[table].get(key, {}) | row
            self.parked.pop((table, key), None)
        return c

    def check(self) -> None:
        """Raises Refused if rows clash or lack a parent, as a database does at the end of a local transaction."""
        for name, table in self.schema.tables.items():
            rows = list(self.tables[name].values())
            if any(table.clash(a, b) for i, a in enumerate(rows) for b in rows[:i]):
                raise Refused
            if not all(has_parents(self.schema, name, r, self._alive(), self.tables) for r in rows):
                raise Refused

    def _state(self) -> dict:
        """All that a crash or a refusal takes back; rows and changes are never altered in place."""
        tables = {name: dict(rows) for name, rows in self.tables.items()}
        copies = {"log": dict(self.log), "tables": tables, "parked": dict(self.parked)}
        return self.__dict__ | copies

    # --- what stands where

    def outcome(self) -> Outcome:
        parked = {n: (reason, row) for n, (reason, row) in self.parked.items() if row is not None}
        return Outcome(
            self.tables, parked, {n for n, (reason, _) in self.parked.items() if reason == "unborn"}
        )

    def _changes(self, table: str, key: str) -> list[Change]:
        return [
            c for c in self.log.values() if c.table == table and (c.key == key or c.kind == "T")
        ]

    def _standing(self, table: str, key: str) -> Row | None:
        return self.tables[table].get(key) or self.parked.get((table, key), ("", None))[1]

    def _version(self, table: str, key: str) -> Version:
        own = [c for c in self._changes(table, key) if c.kind != "T"]
        return max(newest(own), self.rank.get((table, key), (0, 0)))

    def _order(self, table: str, key: str) -> tuple[Version, str]:
        return self._version(table, key), key

    def _rivals(self, table: str, key: str, row: Row) -> list[str]:
        clash = self.schema.tables[table].clash
        return [k for k, r in self.tables[table].items() if k != key and clash(row, r)]

    def _alive(
        self, table: str = "", key: str = "", row: Row | None = None
    ) -> dict[str, dict[str, Row]]:
        """All rows in tables or parked; the named one as it is being placed."""
        alive = {name: dict(rows) for name, rows in self.tables.items()}
        for (t, k), (_, r) in self.parked.items():
            if r is not None:
                alive[t].setdefault(k, r)
        if row is not None:
            alive[table][key] = row
        return alive
