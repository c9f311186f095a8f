"""`manage.py migrate` on one node reaches all: contrib apps, and an app with everything that migrations do."""

from pathlib import Path

import pytest

SETTINGS = """
import os
SECRET_KEY = "test"
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "webapp.multimaster", "shop"]
DATABASES = {"default": {"ENGINE": "webapp.multimaster", "HOST": "127.0.0.1", "PORT": os.environ["NODE_PORT"],
    "NAME": "firstbell", "USER": "firstbell", "PASSWORD": os.environ["NODE_PASSWORD"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]  # no pages here
"""

MODELS = """
from django.db import models

class Tag(models.Model):
    name = models.CharField(max_length=20, unique=True)

class Item(models.Model):
    title = models.CharField(max_length=50)
    amount = models.IntegerField(default=7)
    tags = models.ManyToManyField(Tag)
    extra = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["title"], name="item_title")]
        constraints = [models.UniqueConstraint(fields=["title"], condition=models.Q(amount__gt=0), name="one_title")]
"""

SECOND = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

def fill(apps, schema_editor):
    Item = apps.get_model("shop", "Item")
    Item.objects.create(title="made by a migration")
    Item.objects.update(colour="red")

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("item", "colour", models.CharField(max_length=10, default="blue")),
        migrations.AddField("item", "again", models.BooleanField(default=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveField("item", "again"),
        migrations.RenameField("item", "amount", "number"),
        migrations.RunSQL("create table shop_raw (id serial primary key, v text); insert into shop_raw (v) values ('x; y')"),
        AddIndexConcurrently("item", models.Index(fields=["colour"], name="item_colour")),
    ]
"""

SCHEMA = """
select 'c', table_name, column_name, data_type, is_nullable, coalesce(column_default, '')
  from information_schema.columns where table_schema = 'public'
union all select 'i', tablename, indexname, indexdef, '', '' from pg_indexes where schemaname = 'public'
union all select 'k', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
  from pg_constraint where connamespace = 'public'::regnamespace
union all select 'o', tablename, tableowner, '', '', '' from pg_tables where schemaname = 'public'
order by 1, 2, 3
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop" / "migrations").mkdir(parents=True)
    for path, text in (
        ("settings.py", SETTINGS),
        ("shop/__init__.py", ""),
        ("shop/migrations/__init__.py", ""),
        ("shop/models.py", MODELS),
    ):
        (folder / path).write_text(text)
    return folder


def test_migrate_on_node_2_reaches_nodes_1_and_3_with_equal_schema_and_rows(nodes, manage, project):
    manage(project, 2, "makemigrations", "shop", "-v0")
    manage(project, 2, "migrate", "-v0")
    nodes.level(60)
    (project / "shop/migrations/0002_more.py").write_text(SECOND)
    manage(
        project,
        3,
        code="import django; django.setup()\n"
        "from shop.models import Item, Tag\n"
        "i = Item.objects.create(title='a', extra={'k': [1, None]}); i.tags.add(Tag.objects.create(name='t'))\n"
        "from django.contrib.auth.models import User; User.objects.create_superuser('root', password='x')",
    )
    nodes.level(60)
    manage(project, 2, "migrate", "-v0")
    nodes.level(60)
    schemas = {n: nodes.admin(n, SCHEMA) for n in nodes.numbers}
    assert len(schemas[2]) > 80
    assert schemas[1] == schemas[2] == schemas[3]
    replicated = "select rel::regclass::text from mesh.replicated where rel is not null"
    tables = [t for (t,) in nodes.admin(1, replicated)]
    assert {"django_migrations", "shop_item_tags", "shop_raw", "auth_permission"} <= set(tables)
    nodes.assert_equal(*tables)
    assert nodes.sql(1, "select title, number, colour from shop_item order by 1") == [
        ("a", 7, "red"),
        ("made by a migration", 7, "red"),
    ]
    assert nodes.admin(1, "select * from mesh.parked") == []
    for node in nodes.numbers:  # nothing left to do, whichever node is asked
        assert "No migrations to apply" in manage(project, node, "migrate").stdout
        manage(project, node, "check", "--database", "default", "--fail-level", "ERROR")


def test_flush_and_loaddata_keep_each_nodes_residue_class(nodes, manage, project):
    manage(project, 1, "flush", "--no-input", "-v0")
    nodes.level(60)
    nodes.assert_equal("shop_item", "auth_user", "django_content_type")
    for node in nodes.numbers:
        manage(
            project,
            node,
            code="import django; django.setup(); from shop.models import Tag;"
            f" Tag.objects.create(name='n{node}')",
        )
    nodes.level(60)
    nodes.assert_equal("shop_tag")
    assert sorted(i % 16 for (i,) in nodes.sql(1, "select id from shop_tag")) == [1, 2, 3]
    assert manage(project, 2, "sqlsequencereset", "shop").stdout.strip() == (
        "BEGIN;\nselect mesh.align_sequences();\nCOMMIT;"
    )


def test_an_applications_own_sql_reaches_all_nodes_whole_or_not_at_all(nodes, manage, project):
    manage(
        project,
        2,
        code="import django; django.setup(); from django.db import DatabaseError, connection\n"
        "cursor = connection.cursor()\n"
        'cursor.execute("create table own (id int primary key, v text); insert into own values (1, %s)",'
        ' ["a; create table b"])\n'
        "try:\n"
        "    cursor.execute('create table half (id int primary key); insert into nowhere values (1)')\n"
        "except DatabaseError as error: print(error)\n"
        "cursor.execute('create temporary table mine (id int); insert into mine values (1)')",
    )
    nodes.level(60)
    nodes.assert_equal("own")
    for node in nodes.numbers:
        assert nodes.sql(node, "select * from own") == [(1, "a; create table b")]
        assert nodes.sql(node, "select to_regclass('half'), to_regclass('mine')") == [(None, None)]
