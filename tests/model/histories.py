"""Random histories: what several nodes might have written, made so that rows get in each other's way.

Few keys and few values, so that nearly every history has clashes, orphans and rows that come back to life.
"""

from collections.abc import Collection
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.model.specification import EVERY_KEY, Change, Constraint, ForeignKey, Row, Schema, Table

ORIGINS = (1, 2, 3)
KEYS = ("1", "2", "3")
VALUES = {
    "int": (None, "0", "1", "2"),
    "text": (None, "a", "A", "b"),
    "boolean": ("true", "false"),
    "bound": ("0", "1", "2", "3"),
}


def unique(table: str, *columns: str, name: str = "") -> Constraint:
    name = name or f"{table}_{'_'.join(columns)}"
    return Constraint(
        name,
        f"create unique index {name} on {table} ({', '.join(columns)})",
        lambda a, b: all(a[c] is not None and a[c] == b[c] for c in columns),
    )


def _overlap(a: Row, b: Row) -> bool:
    """int4range(low, low + 2) && of the other one."""
    return abs(int(a["low"] or 0) - int(b["low"] or 0)) < 2


def _same_open_mail(a: Row, b: Row) -> bool:
    mails = [
        (r["mail"] or "").lower() for r in (a, b) if r["open"] == "true" and r["mail"] is not None
    ]
    return len(mails) == 2 and mails[0] == mails[1]


WORLD = Schema(
    [
        Table(
            "m_school",
            {"id": "int", "code": "int", "name": "text", "mail": "text", "open": "boolean"},
            (
                unique("m_school", "code"),
                Constraint(
                    "m_school_mail",  # partial and functional at once
                    "create unique index m_school_mail on m_school (lower(mail)) where open",
                    _same_open_mail,
                ),
            ),
        ),
        Table(  # a link in a chain of foreign keys
            "m_room",
            {"id": "int", "school": "int", "number": "int", "floor": "int"},
            (unique("m_room", "school", "number"), unique("m_room", "floor")),
            (ForeignKey("school", "m_school"),),
        ),
        Table(  # refers to itself, by key and by another value
            "m_pupil",
            {
                "id": "int",
                "room": "int",
                "boss": "int",
                "badge": "int",
                "buddy": "int",
                "note": "text",
            },
            (unique("m_pupil", "badge"),),
            (
                ForeignKey("room", "m_room"),
                ForeignKey("boss", "m_pupil"),
                ForeignKey("buddy", "m_pupil", "badge"),
            ),
        ),
        Table(  # constraints that may wait for the commit, and one that is no equality
            "m_slot",
            {"id": "int", "school_code": "int", "place": "int", "low": "bound"},
            (
                Constraint(
                    "m_slot_place",
                    "alter table m_slot add constraint m_slot_place unique (place) deferrable initially deferred",
                    lambda a, b: a["place"] is not None and a["place"] == b["place"],
                ),
                Constraint(
                    "m_slot_range",
                    "alter table m_slot add constraint m_slot_range exclude using gist (int4range(low, low + 2) with &&)",
                    _overlap,
                ),
            ),
            (ForeignKey("school_code", "m_school", "code"),),
        ),
        Table(  # two tables that refer to each other
            "m_left",
            {"id": "int", "other": "int", "badge": "int"},
            (unique("m_left", "badge"),),
            (ForeignKey("other", "m_right"),),
        ),
        Table(
            "m_right",
            {"id": "int", "other": "int", "badge": "int"},
            (unique("m_right", "badge"),),
            (ForeignKey("other", "m_left"),),
        ),
    ]
)
"""Tables with all kinds of constraints."""
SCENES = (
    *([name] for name in WORLD.tables),
    ["m_school", "m_room", "m_pupil"],
    ["m_school", "m_room"],
    ["m_school", "m_slot"],
    ["m_left", "m_right"],
    list(WORLD.tables),
)
"""Which tables a history plays in: few at a time, so that their rows meet."""


def values(
    schema: Schema, table: str, column: str, tables: Collection[str]
) -> st.SearchStrategy[str | None]:
    """What a column may hold, if all else happens in these tables: nothing refers to others, which stay empty."""
    of_table = schema.tables[table]
    for f in of_table.foreign_keys:
        if f.column == column:
            names = KEYS if f.parent_column == "id" else VALUES["int"]
            return st.sampled_from((*names, None)) if f.parent in tables else st.none()
    return st.sampled_from(VALUES[of_table.columns[column]])


def columns(schema: Schema, table: str) -> list[str]:
    return [c for c in schema.tables[table].columns if c != "id"]


@st.composite
def whole_rows(draw, schema: Schema, table: str, key: str, tables: Collection[str]) -> Row:
    return {"id": key} | {c: draw(values(schema, table, c, tables)) for c in columns(schema, table)}


@st.composite
def some_columns(draw, schema: Schema, table: str, tables: Collection[str]) -> Row:
    names = draw(
        st.lists(st.sampled_from(columns(schema, table)), min_size=1, max_size=2, unique=True)
    )
    return {c: draw(values(schema, table, c, tables)) for c in names}


@dataclass(frozen=True)
class History:
    """Transactions of each origin, in the order in which it made them."""

    of_origin: dict[int, list[list[Change]]]

    @property
    def changes(self) -> list[Change]:
        return [c for ts in self.of_origin.values() for t in ts for c in t]


@st.composite
def histories(draw, schema: Schema, max_changes: int = 16, start: int = 0) -> History:
    """Any set of changes that keeps what capture promises: versions of one key rise on each origin, and none is
    equal to a truncate's. Clocks are otherwise anything: equal between origins, set back between keys.
    All clocks and numbers lie above `start`."""
    tables = draw(st.sampled_from(SCENES))
    of_origin: dict[int, list[list[Change]]] = {o: [] for o in ORIGINS}
    newest: dict[tuple[int, str, str], int] = {}
    for seq in range(1, draw(st.integers(1, max_changes)) + 1):
        origin = draw(st.sampled_from(ORIGINS))
        table = draw(st.sampled_from(tables))
        kind = draw(st.sampled_from("IIIIIIUUUUUDDT" if seq % 3 == 0 else "IIIIUUUUDD"))
        key = EVERY_KEY if kind == "T" else draw(st.sampled_from(KEYS))
        seen = [
            h
            for (o, t, k), h in newest.items()
            if o == origin and t == table and (EVERY_KEY in (key, k) or k == key)
        ]
        hlc = max([start + draw(st.integers(1, 20)), *(h + 1 for h in seen)])
        newest[origin, table, key] = hlc
        row: Row = {}
        if kind == "I":
            row = draw(whole_rows(schema, table, key, tables))
        elif kind == "U":
            row = draw(some_columns(schema, table, tables))
        change = Change(origin, start + seq, hlc, table, key, kind, tuple(row.items()))
        if of_origin[origin] and draw(st.booleans()):
            of_origin[origin][-1].append(change)
        else:
            of_origin[origin].append([change])
    return History({o: ts for o, ts in of_origin.items() if ts})


ERA = 1000
"""A clock value between the two halves of a history that two_eras() makes."""


@st.composite
def two_eras(draw, schema: Schema) -> tuple[History, History]:
    """A history, and what of it is older than ERA."""
    old, new = draw(histories(schema)), draw(histories(schema, start=ERA))
    both = {o: old.of_origin.get(o, []) + new.of_origin.get(o, []) for o in ORIGINS}
    return History({o: ts for o, ts in both.items() if ts}), old


@dataclass(frozen=True)
class Step:
    """One thing that happens on a node: a transaction comes (again; or the node crashes amid it), or a sweep."""

    transaction: list[Change] | None
    crash_after: int | None = None


@st.composite
def deliveries(draw, history: History) -> list[Step]:
    """One order of arrival: each origin's transactions in its order, with duplicates, crashes and sweeps."""
    turns = draw(st.permutations([o for o, ts in history.of_origin.items() for _ in ts]))
    waiting = {o: iter(ts) for o, ts in history.of_origin.items()}
    steps: list[Step] = []
    for origin in turns:
        transaction = next(waiting[origin])
        extra = draw(st.sampled_from(("", "", "", "crash", "crashes", "again", "sweep")))
        for _ in range({"crash": 1, "crashes": 2}.get(extra, 0)):
            steps.append(Step(transaction, draw(st.integers(0, len(transaction) - 1))))
        steps.append(Step(transaction))
        if extra == "again":
            steps.append(
                draw(st.sampled_from([s for s in steps if s.crash_after is None and s.transaction]))
            )
        if extra == "sweep":
            steps.append(Step(None))
    return steps
