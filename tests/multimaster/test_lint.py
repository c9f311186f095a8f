"""`manage.py lint_migrations`: each rule finds what it is about and lets pass what is no trouble. No database runs.

That the mesh is as the rules say: test_lint_premises.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.multimaster.lint.offline import is_wider
from webapp.multimaster.lint.run import CODES, WARNINGS
from webapp.multimaster.lint.sql import parse

REPOSITORY = Path(__file__).parents[2]
SETTINGS = """
import os
SECRET_KEY = "test"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "webapp.multimaster", "shop"]
DATABASES = {"default": {"ENGINE": "webapp.multimaster", "HOST": "127.0.0.1", "PORT": os.environ.get("NODE_PORT", 1), "NAME": "firstbell",
    "USER": "firstbell", "PASSWORD": os.environ.get("NODE_PASSWORD", "")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
FIRST = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Maker", [("id", models.BigAutoField(primary_key=True))]),
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(primary_key=True)),
            ("title", models.CharField(max_length=50)),
            ("code", models.IntegerField(null=True)),
            ("price", models.DecimalField(max_digits=6, decimal_places=2, null=True)),
            ("indexed", models.IntegerField(db_index=True)),
            ("maker", models.ForeignKey("shop.Maker", models.CASCADE, null=True)),
        ], options={"unique_together": {("title", "code")}}),
    ]
"""
MIGRATION = """
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.operations import (
    AddConstraintNotValid, AddIndexConcurrently, BtreeGistExtension, ValidateConstraint)
from django.db import migrations, models
from django.db.models.functions import Now
from django.db.migrations import *
from django.db.models import *

def fill(apps, schema_editor):
    Item = apps.get_model("shop", "Item")
    Item.objects.update(code=1)

def imports_a_model(apps, schema_editor):
    Item.objects.update(code=1)

positive = CheckConstraint(condition=Q(code__gt=0), name="positive")

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [{operations}]
    {more}
"""
NEW_TABLE = 'CreateModel("Note", [("id", BigAutoField(primary_key=True)), ("text", TextField())]), '

FOUND = {
    "NO_PRIMARY_KEY": [
        'RunSQL("create table plain (id int)", RunSQL.noop)',
        'RunSQL("create table copied as select * from shop_item", RunSQL.noop)',
        "RunSQL(\"select 'x' as v into copied\", RunSQL.noop)",
    ],
    "DEFERRABLE_PRIMARY_KEY": [
        'RunSQL("create table late (id int primary key deferrable initially deferred)", RunSQL.noop)',
    ],
    "VOLATILE_DEFAULT": [
        'AddField("item", "at", DateTimeField(db_default=Now()))',
        'RunSQL("alter table shop_item add u uuid default gen_random_uuid()", RunSQL.noop)',
        'RunSQL("alter table shop_item add column n serial", RunSQL.noop)',
        'RunSQL("alter table shop_item add g int generated always as identity", RunSQL.noop)',
    ],
    "PRIMARY_KEY": [
        'AlterField("item", "id", BigIntegerField()), AddField("item", "key", IntegerField(primary_key=True, default=1))',
        'RunSQL("alter table shop_item drop constraint shop_item_pkey, add primary key (code)", RunSQL.noop)',
    ],
    "NOT_REPLICATED": [
        'RunSQL("create unlogged table fast (id int primary key)", RunSQL.noop)',
        'RunSQL("create table part (id int primary key) partition by range (id)", RunSQL.noop)',
        'RunSQL("create table archive.item (id int primary key)", RunSQL.noop)',
    ],
    "CAPTURE_OFF": [
        'RunSQL("alter table shop_item disable trigger all", RunSQL.noop)',
        'RunSQL("set session_replication_role = replica", RunSQL.noop)',
    ],
    "TRIGGER_ALWAYS": ['RunSQL("alter table shop_item enable always trigger t", RunSQL.noop)'],
    "SEQUENCE": [
        'RunSQL("alter sequence shop_item_id_seq restart with 100", RunSQL.noop)',
        "RunSQL(\"select setval('shop_item_id_seq', 100)\", RunSQL.noop)",
    ],
    "HERE_ONLY": [
        'RunSQL("reindex table shop_item", RunSQL.noop)',
        'RunSQL("do $$ begin drop index shop_item_code; end $$", RunSQL.noop)',
        'RunSQL("create role reader", RunSQL.noop)',
    ],
    "DROP_COLUMN": [
        'RemoveField("item", "code")',
        'RunSQL("alter table shop_item drop title", RunSQL.noop)',
    ],
    "DROP_TABLE": ['DeleteModel("Item")'],
    "RENAME_COLUMN": [
        'RenameField("item", "title", "name")',
        'RunSQL("alter table shop_item rename title to name", RunSQL.noop)',
    ],
    "RENAME_TABLE": ['RenameModel("Item", "Thing")'],
    "ALTER_COLUMN": [
        'AlterField("item", "title", CharField(max_length=40))',
        'AlterField("item", "code", TextField(null=True))',
    ],
    "NOT_NULL": [
        'AlterField("item", "code", IntegerField(default=0))',
        'RunSQL("alter table shop_item add n int not null", RunSQL.noop)',
    ],
    "ADD_UNIQUE": [
        'AlterField("item", "title", CharField(max_length=50, unique=True))',
        'AddConstraint("item", UniqueConstraint(fields=["code"], name="one", condition=Q(code__gt=1)))',
        'AddField("item", "n", IntegerField(default=0, unique=True))',
        'AlterUniqueTogether("item", {("title", "code"), ("code", "price")})',
        'AddConstraint("item", ExclusionConstraint(name="apart", expressions=[("code", "=")]))',
    ],
    "ADD_CONSTRAINT": [
        'AddConstraint("item", positive)',
        'AlterField("item", "code", PositiveIntegerField(null=True))',
        'AlterField("item", "code", ForeignKey("shop.Maker", CASCADE, null=True, related_name="+", db_column="code"))',
    ],
    "VALIDATED_AT_ONCE": [
        'AddConstraintNotValid("item", positive), ValidateConstraint("item", "positive")'
    ],
    "TABLE_REWRITE": [
        'AddField("item", "twice", GeneratedField(expression=F("code") * 2, output_field=IntegerField(), db_persist=True))',
        'RunSQL("alter table shop_item set logged", RunSQL.noop)',
    ],
    "CONCURRENTLY": ['AddIndexConcurrently("item", Index(fields=["code"], name="by_code"))'],
    "CREATE_INDEX": [
        'AddIndex("item", Index(fields=["code"], name="by_code"))',
        'AddField("item", "other", ForeignKey("shop.Maker", CASCADE, null=True, related_name="+"))',
        'AddField("item", "n", IntegerField(null=True, unique=True))',
    ],
    "CREATE_INDEX_EXCLUSIVE": [
        'AddField("item", "other", ForeignKey("shop.Maker", CASCADE, null=True, related_name="+"))',
        'AddField("item", "n", IntegerField(null=True)), AddIndex("item", Index(fields=["code"], name="c"))',
    ],
    "DATA_WITH_SCHEMA": [
        'AddField("item", "n", IntegerField(null=True)), RunPython(fill, RunPython.noop)',
        'RunSQL(["alter table shop_item add n int", "update shop_item set n = 1"], RunSQL.noop)',
        'SeparateDatabaseAndState([RunPython(fill, RunPython.noop), AddField("item", "n", IntegerField(null=True))])',
    ],
    "RUNPYTHON_REVERSIBLE": ["RunPython(fill)"],
    "RUNPYTHON_MODEL_IMPORT": ["RunPython(imports_a_model, RunPython.noop)"],
    "RUNSQL_REVERSIBLE": ['RunSQL("update shop_item set code = 1")'],
    "UNREADABLE": ['AlterField("item", "missing", IntegerField())'],
}
"""Rule → operations in which it must find something."""

NOT_FOUND = [
    NEW_TABLE
    + 'AddField("note", "n", IntegerField(unique=True)), AddIndex("note", Index(fields=["text"], name="t"))',
    NEW_TABLE + 'RemoveField("note", "text"), RunPython(fill, RunPython.noop)',
    NEW_TABLE + 'AddField("note", "item", ForeignKey("shop.Item", CASCADE)), AddConstraint("note", '
    'CheckConstraint(condition=Q(id__gt=0), name="c"))',
    'RunSQL("create table kept (a int, b int, primary key (a, b)); create temporary table t (id int)", RunSQL.noop)',
    'RunSQL("create table late (id int primary key not deferrable, v int unique deferrable)", RunSQL.noop)',
    'RunSQL("create table public.kept (id int primary key); alter table kept add at timestamptz default now()", RunSQL.noop)',
    'AddField("item", "colour", CharField(max_length=10, default="blue (or CURRENT_DATE, not null)"))',
    'AddField("item", "text", TextField(null=True)), AddField("item", "is_it", BooleanField(default=True))',
    "RunSQL(\"alter table shop_item add t varchar(20)[] default '{}'::varchar(20)[] not null\", RunSQL.noop)",
    'RunSQL("alter table shop_item alter title set default now()::text", RunSQL.noop)',
    'AlterField("item", "title", CharField(max_length=80))',
    'AlterField("item", "title", TextField())',
    'AlterField("item", "price", DecimalField(max_digits=9, decimal_places=2, null=True))',
    'AlterField("item", "title", CharField(max_length=50, null=True)), AlterField("item", "indexed", IntegerField())',
    'AlterUniqueTogether("item", set()), AlterModelOptions("item", {})',
    'SeparateDatabaseAndState(state_operations=[RemoveField("item", "price")])',
    'AlterField("item", "title", CharField(max_length=50, db_column="title")), RenameField("item", "title", "name")',
    'AlterModelTable("item", "shop_item"), RenameModel("Item", "Thing")',
    'AlterField("item", "title", CharField(max_length=50, null=True)), '
    'SeparateDatabaseAndState(state_operations=[RemoveField("item", "title")])',
    'AddField("item", "makers", ManyToManyField("shop.Maker", related_name="+"))',
    'AddField("item", "other", ForeignKey("shop.Maker", CASCADE, null=True, db_index=False, related_name="+"))',
    'AddConstraintNotValid("item", positive)',
    'RunSQL("alter table shop_item validate constraint positive", RunSQL.noop)',
    'RunSQL("create index if not exists by_code on shop_item (code)", RunSQL.noop)',
    'RunSQL("create unique index if not exists by_code on shop_item (code)", RunSQL.noop)',
    'RunSQL("alter table shop_item add constraint one unique using index by_code", RunSQL.noop)',
    'RunSQL("drop index concurrently by_code", RunSQL.noop)',
    'RunSQL("alter table shop_item drop constraint positive; alter table shop_item rename constraint a to b", RunSQL.noop)',
    "RunSQL(\"update shop_item set title = 'drop table x; alter table y' -- it's no change\", RunSQL.noop)",
    "RunPython(fill, RunPython.noop)",
    'RunSQL("select mesh.align_sequences()", RunSQL.noop)',
    'RunSQL("do $$ begin perform 1; end $$", RunSQL.noop)',
    'BtreeGistExtension(), RunSQL("alter sequence shop_item_id_seq owned by none", RunSQL.noop)',
]
"""Operations in which nothing at all may be found."""


class Project:
    """A project with one migration for each example; `report` has what the linter says, per migration."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "shop" / "migrations").mkdir(parents=True)
        (folder / "settings.py").write_text(SETTINGS)
        (folder / "shop/__init__.py").write_text("")
        (folder / "shop/migrations/__init__.py").write_text("")
        (folder / "shop/migrations/0001_initial.py").write_text(FIRST)

    def add(self, name: str, operations: str, more: str = "") -> None:
        text = MIGRATION.replace("{operations}", operations).replace("{more}", more)
        (self.folder / f"shop/migrations/{name}.py").write_text(text)

    def lint(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run("lint_migrations", *args, **env)

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "django", *args],
            env={**os.environ, "PYTHONPATH": f"{self.folder}:{REPOSITORY}", **env}
            | {"DJANGO_SETTINGS_MODULE": "settings"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict[str, list[str]]:
    """Migration → what was said of it, a line each; of all examples in one run."""
    project = Project(tmp_path_factory.mktemp("lint"))
    for code, examples in FOUND.items():
        for n, operations in enumerate(examples):
            project.add(f"found_{code.lower()}_{n}", operations)
    for n, operations in enumerate(NOT_FOUND):
        project.add(f"fine_{n}", operations)
    project.add("found_non_atomic_0", f'{NEW_TABLE} AddIndex("item", Index(fields=["code"], name="c"))', "atomic = False")  # fmt: skip
    project.add("fine_non_atomic", "RunPython(fill, RunPython.noop)", "atomic = False")
    done = project.lint()
    assert done.returncode == 1, done.stderr
    assert "errors in " in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        migration, text = line.split(": ", 1)
        said.setdefault(migration.removeprefix("shop."), []).append(text)
    return said


@pytest.mark.parametrize("code", [*FOUND, "NON_ATOMIC"])
def test_each_rule_finds_what_it_is_about(report, code):
    for n in range(len(FOUND.get(code, [""]))):
        said = report.get(f"found_{code.lower()}_{n}", [])
        level = "warning" if code in WARNINGS else "error"
        assert any(line.startswith((f"{level} {code}:", f"{level} {code} (")) for line in said), (FOUND.get(code), n, said)  # fmt: skip


@pytest.mark.parametrize("n", range(len(NOT_FOUND)))
def test_nothing_is_said_of_what_is_no_trouble(report, n):
    assert report.get(f"fine_{n}", []) == [], NOT_FOUND[n]


def test_an_index_alone_locks_out_nobody_who_reads(report):
    assert [line.split(" (")[0] for line in report["found_create_index_0"]] == [
        "warning CREATE_INDEX"
    ]


def test_a_data_migration_may_be_without_one_transaction(report):
    assert report.get("fine_non_atomic", []) == []


def test_every_rule_has_an_example_and_a_row_in_the_documentation():
    assert {*FOUND, "NON_ATOMIC"} == CODES
    page = (REPOSITORY / "docs/operations/django.md").read_text(encoding="utf-8")
    assert [code for code in sorted(CODES) if f"`{code}`" not in page] == []


def test_what_is_ignored_says_why_and_must_still_be_there(tmp_path):
    project = Project(tmp_path)
    project.add("0002_gone", 'RemoveField("item", "code")', 'lint_ignore = {"DROP_COLUMN": "2.3 is out"}')  # fmt: skip
    done = project.lint()
    assert (done.returncode, done.stdout) == (0, "2 migrations, no errors\n")
    assert (
        "shop.0002_gone: ignored DROP_COLUMN (shop_item): 2.3 is out" in project.lint("-v2").stdout
    )
    for ignore, complaint in (
        ({"DROP_COLUMN": " "}, "DROP_COLUMN is ignored without a reason"),
        ({"DROP_COLUMN": "so", "DROP_TABLE": "so"}, "DROP_TABLE is not found here; take it out"),
        ({"DROP_COLUMN": "so", "DROP_COLUM": "so"}, "there is no rule 'DROP_COLUM'"),
    ):
        project.add("0002_gone", 'RemoveField("item", "code")', f"lint_ignore = {ignore}")
        done = project.lint()
        assert done.returncode == 1
        assert f"shop.0002_gone: error LINT_IGNORE: {complaint}" in done.stdout


def test_one_app_or_one_migration_is_linted_and_other_peoples_only_when_named(tmp_path):
    project = Project(tmp_path)
    project.add("0002_gone", 'RemoveField("item", "code")')
    assert project.lint("shop", "0001").stdout == "1 migrations, no errors\n"
    assert "shop.0002_gone: error DROP_COLUMN" in project.lint("shop", "0002_g").stdout
    assert "contenttypes.0002" not in project.lint().stdout
    assert "contenttypes.0002_remove_content_type_name: error DROP_COLUMN" in project.lint("contenttypes").stdout  # fmt: skip
    for wrong, complaint in (
        (["shopp"], "there is no app 'shopp' with migrations"),
        (["shop", "0009"], "shop has no one migration '0009'"),
        (["--database", "other"], "there is no database 'other'; the settings have default"),
    ):
        done = project.lint(*wrong)
        assert done.returncode == 1
        assert done.stderr.startswith(f"CommandError: {complaint}")


def test_without_the_library_one_line_names_the_package(tmp_path):
    project = Project(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['django_migration_linter'] = None  # as if it were not installed\n"
    )
    done = project.lint()
    assert done.returncode == 1
    assert done.stderr == (
        "CommandError: lint_migrations needs the package django-migration-linter:"
        " pip install django-migration-linter\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ("varchar(10)", "varchar(11)", True),
        ("varchar(10)", "text", True),
        ("varchar(10)", "varchar(9)", False),
        ("text", "varchar(10)", False),
        ("varchar(10)", "integer", False),
        ("numeric(6, 2)", "numeric(8, 2)", True),
        ("numeric(6, 2)", "numeric(8, 3)", False),
        ("integer", "bigint", False),
        ("integer", "integer", True),
    ],
)
def test_a_wider_type_is_told_from_another(old, new, wider):
    assert is_wider(old, new) is wider


def test_statements_are_read_past_comments_quotes_and_brackets():
    (alter,) = parse(
        """alter /* the */ table only "Shop".item -- it's
        add "a,b" numeric(10, 2) default 'x, y', drop column c"""
    )
    assert alter.table == "Shop.item"
    assert alter.actions == ["ADD \"a,b\" NUMERIC(10, 2) DEFAULT 'x, y'", "DROP COLUMN C"]
    made, index = parse('create table if not exists public."Item" (id int); create index on "Item" (id)')  # fmt: skip
    assert (made.table, index.table, index.new) == ("Item", "Item", True)
