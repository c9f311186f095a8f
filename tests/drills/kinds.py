"""The kinds of writes of the conflicts drill: one table of names, schemas and what a writer does with them.

Every kind keeps to a few hot keys, so that several nodes want the same rows and the same unique values at
once. A kind names its own tables and touches no other's; what can't be (a taken value, a missing parent) fails
as in any application, and the writer counts it.

`bundle` is the yardstick for "no transaction is applied half": each bundle is written by one writer only, so
no conflict takes a row from it, and every snapshot on every node must show all of its rows with one mark.
"""

import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5


class Hand:
    """What a kind gets to write with: a cursor in an open transaction, a mark, random choices."""

    def __init__(self, cursor, r: random.Random, writer: int, mark: str):
        self.cursor, self.random, self.writer, self.mark = cursor, r, writer, mark
        self.slowest_seconds = 0.0

    def run(self, statement: str, *values: object) -> None:
        began = time.perf_counter()
        self.cursor.execute(statement, values or None)
        self.slowest_seconds = max(self.slowest_seconds, time.perf_counter() - began)

    def key(self, count: int) -> int:
        return self.random.randrange(1, count + 1)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def one(self, *choices: tuple) -> None:
        """Run one of these statements, each with its values."""
        statement, *values = self.random.choice(choices)
        self.run(statement, *values)


@dataclass(frozen=True)
class Kind:
    """`act` returns the number of the bundle it wrote, if it did. `needs_log`: only a mesh with a change log has a meaning for it, so that the control leaves it out."""

    schema: tuple[str, ...]
    act: Callable[[Hand], int | None]
    weight: int = 10
    needs_log: bool = False


def row(w: Hand) -> None:
    """insert/insert, update/update of one and of two columns, update/delete, delete/re-insert."""
    k = w.key(60)
    w.one(
        ("insert into d_row (id, a) values (%s, %s)", k, w.mark),
        ("insert into d_row (id, b) values (%s, %s) on conflict (id) do update set b = excluded.b", k, w.mark),
        ("update d_row set a = %s where id = %s", w.mark, k),
        ("update d_row set b = %s where id = %s", w.mark, k),
        ("update d_row set n = n + 1 where id = %s", k),
        ("update d_row set n = n + 1 where id %% 16 = %s", k % 16),
        ("delete from d_row where id = %s", k),
    )  # fmt: skip
    if w.chance(0.1):
        w.run("delete from d_row where id = %s", k)
        w.run("insert into d_row (id, a, b) values (%s, %s, %s)", k, w.mark, w.mark)


def serial(w: Hand) -> None:
    """Keys from sequences, which each node has for itself."""
    w.run("insert into d_serial (v) values (%s)", w.mark)
    if w.chance(0.5):
        w.run("delete from d_serial where id = (select id from d_serial order by id limit 1)")
    else:
        w.run("update d_serial set v = %s where id = (select max(id) from d_serial)", w.mark)


def secondary(w: Hand) -> None:
    """A unique value beside the key, wanted by several rows."""
    k, letter = w.key(50), w.random.choice("abcdefgh") + str(w.key(5))
    w.one(
        ("insert into d_secondary values (%s, %s, %s) on conflict do nothing", k, letter, w.mark),
        ("update d_secondary set u = %s, v = %s where id = %s", letter, w.mark, k),
        ("update d_secondary set u = null where id = %s", k),
        ("delete from d_secondary where id = %s", k),
    )


def partial(w: Hand) -> None:
    k, n = w.key(50), w.key(15)
    w.one(
        ("insert into d_partial values (%s, %s, %s) on conflict do nothing", k, n, w.chance(0.6)),
        ("update d_partial set n = %s where id = %s", n, k),
        ("update d_partial set active = not active where id = %s", k),
        ("delete from d_partial where id = %s", k),
    )


def functional(w: Hand) -> None:
    k, mail = w.key(40), w.random.choice("aAbBcCdDeE") + "@" + str(w.key(3))
    w.one(
        ("insert into d_mail values (%s, %s) on conflict do nothing", k, mail),
        ("update d_mail set mail = %s where id = %s", mail, k),
        ("delete from d_mail where id = %s", k),
    )


def multi_column(w: Hand) -> None:
    """Two columns together, once with nulls that count as equal; a key of two columns that UPDATE changes."""
    k, room, hour = w.key(50), w.key(6), w.key(6)
    w.one(
        ("insert into d_lesson values (%s, %s, %s) on conflict do nothing", k, room, hour),
        ("update d_lesson set room = %s where id = %s", room, k),
        ("update d_lesson set room = %s, hour = %s where id = %s", room, hour, k),
        ("delete from d_lesson where id = %s", k),
        ("insert into d_nulls values (%s, %s, %s) on conflict do nothing", k, room, None if room < 3 else hour),
        ("update d_nulls set hour = %s where id = %s", None if hour < 3 else hour, k),
        ("delete from d_nulls where id = %s", k),
        ("insert into d_pair values (%s, %s, %s) on conflict (a, b) do update set v = excluded.v", room, hour, w.mark),
        ("update d_pair set b = b + 1 where a = %s and b = %s", room, hour),
        ("update d_pair set v = %s where a = %s", w.mark, room),
        ("delete from d_pair where a = %s and b >= %s", room, hour),
    )  # fmt: skip


def swap(w: Hand) -> None:
    """Rows exchange unique values in one transaction: two of them, or a whole chain, by way of a free value."""
    a, b, c = w.random.sample(range(1, 13), 3)
    w.run("insert into d_seat values (%s, %s) on conflict do nothing", a, w.key(12))
    w.run("select id, seat from d_seat where id in (%s, %s, %s) order by random()", a, b, c)
    held = w.cursor.fetchall()
    for key, _ in held:
        w.run("update d_seat set seat = null where id = %s", key)
    seats = [seat for _, seat in held[1:] + held[:1]]
    for (key, _), seat in zip(held, seats, strict=True):
        w.run("update d_seat set seat = %s where id = %s", seat, key)
    if w.chance(0.15):
        w.run("delete from d_seat where id = %s", b)


def deferrable(w: Hand) -> None:
    """Uniques that are checked at commit, and at the statement's end: swaps and rotations in one UPDATE."""
    a, b = w.random.sample(range(1, 13), 2)
    table = w.random.choice(("d_deferred", "d_immediate"))
    w.one(
        (f"insert into {table} values (%s, %s)", a, b),
        (f"insert into {table} values (%s, %s)", a, a),
        (f"update {table} t set place = o.place from {table} o"
         " where (t.id, o.id) in ((%s, %s), (%s, %s))", a, b, b, a),
        (f"update {table} set place = place % 12 + 1",),
        (f"delete from {table} where id = %s", a),
    )  # fmt: skip
    if table == "d_deferred" and w.chance(0.3):
        w.run("update d_deferred set place = %s where id = %s", b, a)
        w.run("update d_deferred set place = %s where id = %s", a, b)


def exclusion(w: Hand) -> None:
    k, start = w.key(30), w.key(60)
    during = f"[{start},{start + w.key(5)})"
    w.one(
        ("insert into d_booking values (%s, %s) on conflict do nothing", k, during),
        ("update d_booking set during = %s where id = %s", during, k),
        ("delete from d_booking where id = %s", k),
    )


def foreign_key(w: Hand) -> None:
    """Parents deleted while others get children: as Django does it, by CASCADE and by SET NULL; a tree."""
    school, klass, pupil = w.key(12), w.key(30), w.key(60)
    choice = w.key(10)
    if choice == 1:
        w.run("insert into d_school values (%s, %s) on conflict do nothing", school, w.mark)
    elif choice == 2:
        w.run(
            "insert into d_class values (%s, %s, %s) on conflict do nothing", klass, school, w.mark
        )
    elif choice == 3:
        w.run(
            "insert into d_pupil values (%s, %s, %s) on conflict do nothing", pupil, klass, w.mark
        )
    elif choice == 4:  # the whole family at once
        w.run("insert into d_school values (%s, %s) on conflict do nothing", school, w.mark)
        w.run("insert into d_class values (%s, %s, %s) on conflict (id) do update set school = excluded.school",
              klass, school, w.mark)  # fmt: skip
        w.run(
            "insert into d_pupil values (%s, %s, %s) on conflict do nothing", pupil, klass, w.mark
        )
        w.run(
            "insert into d_desk values (%s, %s) on conflict (id) do update set pupil = excluded.pupil",
            pupil,
            pupil,
        )
    elif choice == 5:  # Django deletes the children first
        w.run(
            "delete from d_class_tag where class in (select id from d_class where school = %s)",
            school,
        )
        w.run("delete from d_class where school = %s", school)
        w.run("delete from d_school where id = %s", school)
    elif choice == 6:
        w.run("delete from d_class_tag where class = %s", klass)
        w.run("delete from d_class where id = %s", klass)
    elif choice == 7:
        w.run("update d_class set school = %s where id = %s", school, klass)
    elif choice == 8:
        w.run("delete from d_pupil where id = %s", pupil)
    else:
        leaf, twig = w.random.sample(range(1, 15), 2)
        w.one(
            ("insert into d_tree values (%s, %s, %s) on conflict do nothing", leaf, twig, w.mark),
            ("insert into d_tree values (%s, null, %s) on conflict do nothing", leaf, w.mark),
            ("update d_tree set parent = %s where id = %s", twig, leaf),
            ("delete from d_tree where id = %s and not exists (select from d_tree where parent = %s)", leaf, leaf),
        )  # fmt: skip


def many_to_many(w: Hand) -> None:
    """What Django's `set()` does: some links go, others come; now and then the tag itself."""
    klass, tags = w.key(30), w.random.sample(range(1, 11), 3)
    if w.chance(0.15):
        w.run("delete from d_class_tag where tag = %s", tags[0])
        w.run("delete from d_tag where id = %s", tags[0])
        return
    for tag in tags:
        w.run("insert into d_tag values (%s, %s) on conflict do nothing", tag, w.mark)
    w.run("delete from d_class_tag where class = %s and tag <> all (%s)", klass, tags)
    w.run("insert into d_class_tag (class, tag) select c.id, t from d_class c, unnest(%s) t where c.id = %s"
          " on conflict do nothing", tags, klass)  # fmt: skip


def truncate(w: Hand) -> None:
    if w.chance(0.03):
        w.run("truncate d_scrap")
    if w.chance(0.02):  # what Django's flush does: tables that refer to one another, at once
        w.run("truncate d_school, d_class, d_pupil, d_desk, d_tree, d_tag, d_class_tag")
    k = w.key(40)
    w.one(
        (
            "insert into d_scrap values (%s, %s) on conflict (id) do update set v = excluded.v",
            k,
            w.mark,
        ),
        ("update d_scrap set v = %s where id = %s", w.mark, k),
        ("delete from d_scrap where id = %s", k),
    )


def toast(w: Hand) -> None:
    """Values that are stored out of line: one changes them, another the columns beside."""
    k = w.key(8)
    w.one(
        ("insert into d_doc values (%s, %s, %s) on conflict do nothing", k, w.mark, w.random.randbytes(15_000).hex()),
        ("update d_doc set title = %s where id = %s", w.mark, k),
        ("update d_doc set title = %s where id = %s", w.mark, k),
        ("update d_doc set body = %s where id = %s", w.random.randbytes(9_000).hex(), k),
        ("delete from d_doc where id = %s and %s", k, w.chance(0.3)),
    )  # fmt: skip


def bulk(w: Hand) -> None:
    """COPY of some hundred rows, updates and deletes of as many."""
    w.run("select count(*) from d_bulk")
    if w.cursor.fetchone()[0] > 1000:
        w.run("delete from d_bulk where id in (select id from d_bulk order by id limit 500)")
    lines = "".join(f"{w.key(10)}\t{w.mark}\n" for _ in range(w.key(200)))
    w.cursor.copy_expert("copy d_bulk (n, v) from stdin", io.StringIO(lines))
    if w.chance(0.3):
        w.run("update d_bulk set v = %s where n = %s", w.mark, w.key(10))


_WORDS = [
    "plain",
    'say "so"',
    "it's",
    "back\\slash",
    "a,b",
    "{x}",
    "ünï",
    "*",
    "NULL",
    " ",
    "line\nbreak",
]


def types(w: Hand) -> None:
    """Values whose text form is easily got wrong, as columns and as keys."""
    k, word = uuid5(NAMESPACE_OID, str(w.key(25))), w.random.choice(_WORDS)
    w.one(
        ("insert into d_types (id, t, d, j, words, bytes, f, i, n) values (%s, clock_timestamp(), %s, %s, %s, %s, %s, %s, %s)"
         " on conflict do nothing", str(k), w.random.choice(("1.10", "NaN", "-0.000")), '{"a": [1, null]}',
         _WORDS[: w.key(5)], w.random.randbytes(6), w.random.random() * 1e300, "1 mon -2 days 03:00", w.key(9)),
        ("update d_types set t = 'infinity', f = 'NaN' where id = %s", str(k)),
        ("update d_types set words = words || %s::text, n = n + 1 where id = %s", word, str(k)),
        ("update d_types set j = jsonb_set(j, '{a}', 'null'), bytes = null where id = %s", str(k)),
        ("delete from d_types where id = %s", str(k)),
        ("insert into d_word values (%s, %s) on conflict (word) do update set n = d_word.n + 1", word, w.key(9)),
        ("update d_word set word = %s where word = %s", word + "2", word),
        ("delete from d_word where word in (%s, %s)", word, word + "2"),
    )  # fmt: skip


def growing(w: Hand) -> None:
    """A table whose columns come and go meanwhile (`SCHEMA_STEPS`)."""
    k = w.key(20)
    w.one(
        ("insert into d_growing (id, v) values (%s, %s) on conflict do nothing", k, w.mark),
        ("update d_growing set v = %s where id = %s", w.mark, k),
        ("update d_growing set extra = %s where id = %s", w.key(9), k),
        ("update d_growing set extra = %s, v = %s where id = %s", w.key(9), w.mark, k),
        ("delete from d_growing where id = %s", k),
        ("insert into d_passing values (%s, %s) on conflict do nothing", k, w.mark),
    )


BUNDLES, BUNDLE_ROWS = 4, 7


def bundle(w: Hand) -> int | None:
    """All rows of one bundle get this transaction's mark; what a savepoint took back was never there."""
    number = w.writer * 100 + w.key(BUNDLES)
    if w.chance(0.3):
        w.run("savepoint before")
        w.run("update d_bundle_row set mark = 'undone' where bundle = %s", number)
        w.run("rollback to savepoint before")
    w.run("select count(*) from d_bundle_row where bundle = %s", number)
    there = w.cursor.fetchone()[0]
    if there and w.chance(0.1):
        w.run("delete from d_bundle_row where bundle = %s", number)
        w.run("delete from d_bundle where id = %s", number)
        there = 0
    w.run(
        "insert into d_bundle values (%s, %s) on conflict (id) do update set mark = excluded.mark",
        number,
        w.mark,
    )
    if there:
        half = w.key(BUNDLE_ROWS)
        w.run(
            "update d_bundle_row set mark = %s where bundle = %s and part <= %s",
            w.mark,
            number,
            half,
        )
        w.run(
            "update d_bundle_row set mark = %s where bundle = %s and part > %s",
            w.mark,
            number,
            half,
        )
    else:
        w.run("insert into d_bundle_row select %s, part, %s from generate_series(1, %s) part",
              number, w.mark, BUNDLE_ROWS)  # fmt: skip
    return number


HALF_BUNDLES = f"""
    select coalesce(h.id, r.bundle) from d_bundle h full join
        (select bundle, count(*) as parts, min(mark) as low, max(mark) as high from d_bundle_row group by 1) r
        on r.bundle = h.id
    where h.mark is distinct from r.low or h.mark is distinct from r.high or r.parts is distinct from {BUNDLE_ROWS}
       or h.mark = 'undone'
"""
"""Bundles of which a snapshot shows a part only, or what was rolled back."""


KINDS: dict[str, Kind] = {
    "row": Kind(("create table d_row (id int primary key, a text, b text, n int not null default 0)",), row, 20),
    "serial": Kind(("create table d_serial (id bigint generated by default as identity primary key, v text)",), serial),
    "secondary": Kind(("create table d_secondary (id int primary key, u text unique, v text)",), secondary),
    "partial": Kind(("create table d_partial (id int primary key, n int, active boolean)",
                     "create unique index d_partial_active on d_partial (n) where active"), partial),
    "functional": Kind(("create table d_mail (id int primary key, mail text)",
                        "create unique index d_mail_lower on d_mail (lower(mail))"), functional),
    "multi-column": Kind(("create table d_lesson (id int primary key, room int, hour int, unique (room, hour))",
                          "create table d_nulls (id int primary key, room int, hour int, unique nulls not distinct (room, hour))",
                          "create table d_pair (a int, b int, v text, primary key (a, b))"), multi_column, 15),
    "swap": Kind(("create table d_seat (id int primary key, seat int unique)",), swap),
    "deferrable": Kind(("create table d_deferred (id int primary key, place int unique deferrable initially deferred)",
                        "create table d_immediate (id int primary key, place int unique deferrable initially immediate)"), deferrable),
    "exclusion": Kind(("create table d_booking (id int primary key, during int4range, exclude using gist (during with &&))",), exclusion),
    "foreign-key": Kind(("create table d_school (id int primary key, name text)",
                         "create table d_class (id int primary key, school int not null references d_school deferrable initially deferred, name text)",
                         "create table d_pupil (id int primary key, class int not null references d_class on delete cascade, name text)",
                         "create table d_desk (id int primary key, pupil int references d_pupil on delete set null)",
                         "create table d_tree (id int primary key, parent int references d_tree deferrable initially deferred, name text)",
                         "create table d_tag (id int primary key, name text)",
                         "create table d_class_tag (id bigint generated by default as identity primary key,"
                         " class int not null references d_class deferrable initially deferred,"
                         " tag int not null references d_tag deferrable initially deferred, unique (class, tag))"), foreign_key, 15),
    "many-to-many": Kind((), many_to_many),
    "truncate": Kind(("create table d_scrap (id int primary key, v text)",), truncate, 5, needs_log=True),
    "toast": Kind(("create table d_doc (id int primary key, title text, body text)",), toast, 4),
    "bulk": Kind(("create table d_bulk (id bigint generated by default as identity primary key, n int, v text)",), bulk, 1),
    "types": Kind(("create table d_types (id uuid primary key, t timestamptz, d numeric, j jsonb, words text[], bytes bytea,"
                   " f float8, i interval, n int, twice int generated always as (n * 2) stored)",
                   "create table d_word (word text primary key, n int)"), types),
    "growing": Kind(("create table d_growing (id int primary key, v text)",), growing, 6, needs_log=True),
    "bundle": Kind(("create table d_bundle (id int primary key, mark text)",
                    "create table d_bundle_row (bundle int, part int, mark text, primary key (bundle, part))"), bundle, 15),
}  # fmt: skip
"""In the order in which their tables are made: `many-to-many` uses those of `foreign-key`."""

SCHEMA_STEPS = (
    "alter table d_growing add column extra int",
    "alter table d_growing add column other text not null default 'there'",
    "create table d_passing (id int primary key, v text)",
    "alter table d_growing drop column other",
    "alter table d_passing add column w int default 3",
    "create index d_growing_extra on d_growing (extra)",
    "alter table d_growing alter column extra type bigint",
    "drop table d_passing",
    "alter table d_growing drop column extra",
)
"""Schema changes that happen in the middle, in a ring: after the last the schema is as before the first."""
