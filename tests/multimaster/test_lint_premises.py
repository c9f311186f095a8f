"""That a mesh really does what the rules of `manage.py lint_migrations` say, and that what they advise works there.

- `mesh`: two bare nodes, for these tests alone: much of what is shown here leaves nodes with different schemas.
"""

import pathlib
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from tests.multimaster.test_lint import Project
from tests.support.nodes import CREDENTIALS, Nodes, running_mesh
from webapp.multimaster import statements
from webapp.multimaster.lint.rules import RULES

REFUSED = psycopg2.errors.RaiseException
TOLD = "select reason, detail from mesh.parked where tbl = %s or tbl = '' and detail like %s order by 1, 2"


@pytest.fixture(scope="module")
def mesh() -> Iterator[Nodes]:
    with running_mesh(2) as nodes:
        yield nodes


def parked(mesh: Nodes, node: int, table: str, schema: str = "nothing") -> list[tuple]:
    """What is parked of a table, and schema changes whose complaint has this word in it."""
    return mesh.admin(node, TOLD, table, f"%{schema}%")


def both(mesh: Nodes, query: str) -> list:
    """What each node answers."""
    return [mesh.admin(node, query) for node in mesh.numbers]


def waits(mesh: Nodes, statement: str) -> bool:
    """Whether a statement of somebody else has to wait for a lock on node 1."""
    with mesh.connect(1) as db, db.cursor() as cursor:
        cursor.execute("set lock_timeout = '150ms'")
        try:
            cursor.execute(statement)
        except psycopg2.errors.LockNotAvailable:
            return True
    return False


# --- one function for each rule


def no_primary_key(mesh: Nodes) -> None:
    with pytest.raises(REFUSED, match="has no primary key"):
        mesh.ddl(1, "create table plain (id int)")
    with pytest.raises(REFUSED, match="has no primary key"):
        mesh.ddl(1, "create table plain as select 1 as id")


def deferrable_primary_key(mesh: Nodes) -> None:
    with pytest.raises(REFUSED, match="deferrable"):
        mesh.ddl(1, "create table late (id int primary key deferrable)")


def volatile_default(mesh: Nodes) -> None:
    mesh.ddl(1, "create table vd (id int primary key)")
    mesh.sql(1, "insert into vd values (1)")
    with pytest.raises(REFUSED, match="would be another value on each node"):
        mesh.ddl(1, "alter table vd add at timestamptz default now()")
    mesh.ddl(1, "alter table vd add at timestamptz")
    mesh.ddl(1, "alter table vd alter at set default now()")
    mesh.sql(1, "update vd set at = now() where at is null")
    mesh.level()
    assert len({str(rows) for rows in both(mesh, "select at from vd")}) == 1


def primary_key(mesh: Nodes) -> None:
    mesh.ddl(1, "create table pk (id int primary key, n int not null)")
    mesh.sql(1, "insert into pk values (1, 10)")
    with mesh.alone(2):
        mesh.sql(2, "update pk set n = 11 where id = 1")
        mesh.ddl(1, "alter table pk drop constraint pk_pkey")
        with pytest.raises(REFUSED, match="has no primary key"):
            mesh.sql(1, "insert into pk values (5, 5)")
        mesh.ddl(1, "alter table pk add primary key (n)")
    assert both(mesh, "select * from pk order by 1, 2") == [[(1, 10), (1, 11)], [(1, 11)]]
    assert both(mesh, "select 1 from mesh.parked where tbl = 'pk'") == [[], []]


def not_replicated(mesh: Nodes) -> None:
    for node in mesh.numbers:
        mesh.admin(node, "grant create on database firstbell to firstbell")
    mesh.ddl(1, "create schema archive")
    mesh.ddl(1, "create table plain (id int primary key)")
    for statement in (
        "create unlogged table fast (id int primary key)",
        "create table part (id int primary key) partition by range (id)",
        "create table archive.item (id int primary key)",
        "create table archive.item as select 1 as id",
        "alter table plain set unlogged",
        "alter table plain set schema archive",
    ):
        with pytest.raises(REFUSED, match="would stay on the node that they are written to"):
            mesh.ddl(1, statement)
    mesh.ddl(1, "create temporary table brief (id int)")
    mesh.sql(1, "insert into plain values (1)")
    mesh.level()
    assert both(mesh, "select * from plain") == [[(1,)], [(1,)]]


def capture_off(mesh: Nodes) -> None:
    mesh.ddl(1, "create table off (id int primary key)")
    mesh.ddl(1, "alter table off disable trigger user")
    mesh.sql(1, "insert into off values (1)")
    mesh.level()
    assert both(mesh, "select * from off") == [[(1,)], []]


def trigger_always(mesh: Nodes) -> None:
    mesh.ddl(1, "create table ta (id int primary key)")
    mesh.ddl(1, "create table ta_log (id serial primary key, ta int)")
    mesh.ddl(
        1,
        "create function ta_note() returns trigger language plpgsql as"
        " $$ begin insert into public.ta_log (ta) values (new.id); return null; end $$",
    )
    mesh.ddl(1, "create trigger ta_t after insert on ta for each row execute function ta_note()")
    mesh.sql(1, "insert into ta values (1)")
    mesh.level()
    assert both(mesh, "select ta from ta_log") == [[(1,)], [(1,)]]
    mesh.ddl(1, "alter table ta enable always trigger ta_t")
    mesh.sql(1, "insert into ta values (2)")
    mesh.level()
    assert both(mesh, "select ta from ta_log where ta = 2") == [[(2,)], [(2,), (2,)]]


def sequence(mesh: Nodes) -> None:
    mesh.ddl(1, "create table sq (id serial primary key)")
    mesh.level()
    assert both(mesh, "select nextval('sq_id_seq') % 16") == [[(1,)], [(2,)]]
    mesh.ddl(1, "alter sequence sq_id_seq restart with 100")
    mesh.level()
    given = "select n between 100 and 116, n % 16 from nextval('sq_id_seq') n"
    assert both(mesh, given) == [[(True, 1)], [(True, 2)]]
    mesh.sql(1, "select setval('sq_id_seq', 98)")
    assert mesh.sql(1, "select nextval('sq_id_seq') % 16") == [(2,)]  # node 2's
    for node in mesh.numbers:
        mesh.sql(node, "select mesh.align_sequences()")
    assert both(mesh, "select nextval('sq_id_seq') % 16") == [[(1,)], [(2,)]]


ROWS_DEPEND_ON = (
    "create function {0}_f() returns trigger language plpgsql as $$ begin return new; end $$",
    "create trigger {0}_t before insert on ho for each row execute function ho_f()",
    "create type {0}_e as enum ('a')",
    "create domain {0}_d as int check (value > 0)",
)


def here_only(mesh: Nodes) -> None:
    mesh.ddl(1, "create table ho (id int primary key, v int)")
    mesh.ddl(1, "create index ho_v on ho (v)")
    for statement in ROWS_DEPEND_ON:
        mesh.ddl(1, statement.format("ho"))
    for statement in ("create table {0} (id int primary key)", *ROWS_DEPEND_ON):
        with pytest.raises(REFUSED, match="would exist on this node only"):
            mesh.sql(1, f"do $do$ begin {statement.format('made')}; end $do$")
    for what in (
        "index ho_v",
        "table ho",
        "trigger ho_t on ho",
        "function ho_f() cascade",
        "type ho_e",
    ):
        with pytest.raises(REFUSED, match=f"{what.split()[0]} .* would be gone on this node only"):
            mesh.sql(1, f"do $$ begin drop {what}; end $$")
    mesh.level()
    for name in ("to_regclass('ho_v')", "to_regproc('ho_f')", "to_regtype('ho_e')"):
        assert both(mesh, f"select {name} is null") == [[(False,)], [(False,)]]
    assert both(mesh, "select 1 from pg_trigger where tgname = 'ho_t'") == [[(1,)], [(1,)]]
    assert not any(map(statements.changes_schema, ("reindex table ho", "create role reader")))


def drop_column(mesh: Nodes) -> None:
    mesh.ddl(1, "create table dc (id int primary key, v text)")
    mesh.sql(1, "insert into dc values (1, 'a')")
    with mesh.alone(2):
        mesh.sql(2, "update dc set v = 'b'")
        mesh.ddl(1, "alter table dc drop column v")
    assert parked(mesh, 1, "dc") == []  # what was written to it meanwhile is gone with it
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        mesh.sql(2, "select id, v from dc")


def drop_table(mesh: Nodes) -> None:
    mesh.ddl(1, "create table dt (id int primary key)")
    mesh.ddl(1, "drop table dt")
    mesh.level()
    with pytest.raises(psycopg2.errors.UndefinedTable):
        mesh.sql(2, "select * from dt")


def rename_column(mesh: Nodes) -> None:
    mesh.ddl(1, "create table rc (id int primary key, v int)")
    mesh.ddl(1, "alter table rc rename v to w")
    mesh.level()
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        mesh.sql(2, "select v from rc")


def rename_table(mesh: Nodes) -> None:
    mesh.ddl(1, "create table rt (id int primary key)")
    mesh.ddl(1, "alter table rt rename to rt2")
    mesh.level()
    with pytest.raises(psycopg2.errors.UndefinedTable):
        mesh.sql(2, "select * from rt")


def _file_of(mesh: Nodes, table: str) -> list:
    return both(mesh, f"select pg_relation_filenode('{table}')")


def alter_column(mesh: Nodes) -> None:
    mesh.ddl(1, "create table ac (id int primary key, v text, s varchar(10), n numeric(6, 2))")
    mesh.level()
    before = _file_of(mesh, "ac")
    mesh.ddl(1, "alter table ac alter s type varchar(20), alter n type numeric(8, 2)")
    mesh.ddl(1, "alter table ac alter s type text")
    mesh.level()
    assert _file_of(mesh, "ac") == before  # a wider type: no row was touched
    with mesh.alone(2):
        mesh.sql(2, "insert into ac values (1, 'abc')")
        mesh.ddl(1, "alter table ac alter v type int using v::int")
    assert _file_of(mesh, "ac")[0] != before[0]
    assert parked(mesh, 1, "ac") == [("error", 'invalid input syntax for type integer: "abc"')]
    assert parked(mesh, 2, "ac", "type integer") == [("schema", 'invalid input syntax for type integer: "abc"')]  # fmt: skip


def not_null(mesh: Nodes) -> None:
    mesh.ddl(1, "create table nn (id int primary key, v int)")
    with mesh.alone(2):
        mesh.sql(2, "insert into nn values (1)")
        mesh.ddl(1, "alter table nn alter v set not null")
    assert [reason for reason, _ in parked(mesh, 1, "nn")] == ["error"]
    assert [reason for reason, _ in parked(mesh, 2, "nn", "null values")] == ["schema"]
    assert both(mesh, "select count(*) from nn") == [[(0,)], [(1,)]]


def add_unique(mesh: Nodes) -> None:
    mesh.ddl(1, "create table au (id int primary key, v int, w int)")
    with mesh.alone(2):
        mesh.sql(2, "insert into au values (1, 1, 1), (2, 1, 2)")
        mesh.ddl(1, "alter table au add constraint au_v unique (v)")
    assert parked(mesh, 2, "au", "unique index") == [("schema", 'could not create unique index "au_v"')]  # fmt: skip
    assert both(mesh, "select to_regclass('au_v') is null") == [[(False,)], [(True,)]]
    _on_each_node(mesh, "create unique index concurrently au_w on au (w)")
    mesh.ddl(1, "alter table au add constraint au_w unique using index au_w")
    mesh.level()
    assert both(mesh, "select count(*) from pg_constraint where conname = 'au_w'") == [[(1,)], [(1,)]]  # fmt: skip


def add_constraint(mesh: Nodes) -> None:
    mesh.ddl(1, "create table co (id int primary key, v int)")
    mesh.ddl(1, "create table co_parent (id int primary key)")
    with mesh.alone(2):
        mesh.sql(2, "insert into co values (1, -1)")
        mesh.ddl(1, "alter table co add constraint co_v check (v > 0)")
        mesh.ddl(1, "alter table co add constraint co_f foreign key (v) references co_parent")
    assert parked(mesh, 2, "co", '"co_') == [
        ("schema", 'check constraint "co_v" of relation "co" is violated by some row'),
        ("schema", 'insert or update on table "co" violates foreign key constraint "co_f"'),
    ]
    # what is advised instead
    mesh.ddl(1, "create table nv (id int primary key, v int)")
    mesh.sql(1, "insert into nv values (1, -1)")
    mesh.level()
    mesh.ddl(1, "alter table nv add constraint nv_v check (v > 0) not valid")
    mesh.sql(1, "update nv set v = 1")
    mesh.level()
    mesh.ddl(1, "alter table nv validate constraint nv_v")
    mesh.level()
    valid = "select convalidated from pg_constraint where conname = 'nv_v'"
    assert both(mesh, valid) == [[(True,)], [(True,)]]


def validated_at_once(mesh: Nodes) -> None:
    mesh.ddl(1, "create table va (id int primary key, v int)")
    with mesh.alone(2):
        mesh.sql(2, "insert into va values (1, -1)")
        mesh.ddl(1, "alter table va add constraint va_v check (v > 0) not valid")
        mesh.ddl(1, "alter table va validate constraint va_v")
    assert [reason for reason, _ in parked(mesh, 2, "va", '"va_v"')] == ["schema"]


def table_rewrite(mesh: Nodes) -> None:
    mesh.ddl(1, "create table tr (id int primary key)")
    mesh.level()
    before = _file_of(mesh, "tr")
    mesh.ddl(1, "alter table tr add n int not null default 1")
    mesh.level()
    assert _file_of(mesh, "tr") == before  # a constant default: no row was touched
    mesh.ddl(1, "alter table tr add twice int generated always as (id * 2) stored")
    mesh.level()
    assert all(old != new for old, new in zip(before, _file_of(mesh, "tr"), strict=True))


def concurrently(mesh: Nodes) -> None:
    mesh.ddl(1, "create table cc (id int primary key, v int)")
    with pytest.raises(psycopg2.errors.ActiveSqlTransaction):
        mesh.ddl(1, "create index concurrently cc_v on cc (v)")
    assert statements.in_a_transaction("create index concurrently i on t") == "create index i on t"
    mesh.level()
    _on_each_node(mesh, "create index concurrently cc_v on cc (v)")
    mesh.ddl(1, "create index if not exists cc_v on cc (v)")
    mesh.level()
    assert both(mesh, "select indisvalid from pg_index where indexrelid = 'cc_v'::regclass") == [[(True,)], [(True,)]]  # fmt: skip


def create_index(mesh: Nodes) -> None:
    mesh.ddl(1, "create table ci (id int primary key, v int)")
    with mesh.connect(1) as db, db.cursor() as cursor:
        cursor.execute("select mesh.run_ddl('create index ci_v on ci (v)')")
        assert waits(mesh, "insert into ci values (1)")
        assert not waits(mesh, "select * from ci")


PREMISES: dict[str, Callable[[Nodes], None]] = {
    function.__name__.upper(): function
    for function in (
        no_primary_key, deferrable_primary_key, volatile_default, primary_key, not_replicated, capture_off,
        trigger_always, sequence, here_only, drop_column, drop_table, rename_column, rename_table, alter_column,
        not_null, add_unique, add_constraint, validated_at_once, table_rewrite, concurrently, create_index,
    )
}  # fmt: skip


@pytest.mark.parametrize("code", PREMISES)
def test_the_mesh_does_what_the_rule_says(mesh, code):
    PREMISES[code](mesh)


def test_every_rule_about_a_statement_is_shown_on_a_mesh():
    assert {rule.code for rule in RULES} == set(PREMISES)


def test_a_table_stays_locked_until_the_rows_of_the_same_migration_are_changed(mesh):
    mesh.ddl(1, "create table ds (id int primary key)")
    with mesh.connect(1) as db, db.cursor() as cursor:
        cursor.execute("select mesh.run_ddl('alter table ds add n int')")
        cursor.execute("update ds set n = 1")
        assert waits(mesh, "select id from ds")
    assert not waits(mesh, "select id from ds")


def test_nobody_can_read_a_table_that_was_altered_while_its_index_is_made(mesh):
    mesh.ddl(1, "create table ix (id int primary key)")
    with mesh.connect(1) as db, db.cursor() as cursor:
        cursor.execute("select mesh.run_ddl('alter table ix add n int')")
        cursor.execute("select mesh.run_ddl('create index ix_n on ix (n)')")
        assert waits(mesh, "select id from ix")


def test_a_migration_without_one_transaction_that_was_interrupted_can_not_be_run_again(mesh):
    mesh.ddl(1, "create table na (id int primary key)")
    mesh.ddl(1, "alter table na add n int")  # here it was interrupted
    with pytest.raises(psycopg2.errors.DuplicateColumn):
        mesh.ddl(1, "alter table na add n int")


def test_what_migrate_would_run_now_is_linted_of_other_peoples_apps_too(mesh, tmp_path):
    project = Project(tmp_path)
    port = str(mesh.topology.host(1).ports.postgres)
    node = {"NODE_PORT": port, "NODE_PASSWORD": CREDENTIALS.app}
    project.add("0002_gone", 'RemoveField("item", "code")')
    fresh = project.lint("--unapplied", **node)
    assert "shop.0002_gone: error DROP_COLUMN" in fresh.stdout
    assert "contenttypes.0002_remove_content_type_name: error DROP_COLUMN" in fresh.stdout
    migrated = project.run("migrate", "-v0", **node)
    assert migrated.returncode == 0, migrated.stderr
    assert project.lint("--unapplied", **node).stdout == "0 migrations, no errors\n"
    away = project.lint("--unapplied")
    assert away.returncode == 1
    assert away.stderr.startswith("CommandError: --unapplied asks the database 'default', which")


def _on_each_node(mesh: Nodes, statement: str) -> None:
    """As docs/operations/django.md tells operators to make an index without keeping anybody from writing."""
    page = (pathlib.Path(__file__).parents[2] / "docs/operations/django.md").read_text()
    assert "set mesh.ddl = 'local'" in page
    for node in mesh.numbers:
        db = mesh.connect(node)
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("set mesh.ddl = 'local'")
            cursor.execute(statement)
        db.close()
