"""`manage.py test` of a project on the multimaster backend: on a plain test database, and on a mesh made for tests."""

from pathlib import Path

import pytest

SETTINGS = """
import os
SECRET_KEY = "test"
INSTALLED_APPS = ["webapp.multimaster", "library"]
DATABASES = {"default": {"ENGINE": "webapp.multimaster", "HOST": "127.0.0.1", "PORT": os.environ["NODE_PORT"],
    "NAME": os.environ.get("DATABASE", "firstbell"), "USER": "firstbell", "PASSWORD": os.environ["NODE_PASSWORD"],
    "TEST": {"NAME": "firstbell", "MESH": True} if os.environ.get("MESH") else {}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
MODELS = """
from django.db import models

class Book(models.Model):
    title = models.CharField(max_length=50, unique=True)
"""
TESTS = """
import os, threading
from django.db import connection
from django.test import TestCase, TransactionTestCase
from library.models import Book

class Rolled(TestCase):
    def test_a_row(self):
        Book.objects.create(title="a")
        self.assertEqual(Book.objects.count(), 1)

class Committed(TransactionTestCase):
    def test_rows_and_a_table_of_its_own_sql(self):
        first, second = Book.objects.create(title="a"), Book.objects.create(title="b")
        self.assertEqual(second.pk - first.pk, 16 if os.environ.get("MESH") else 1)
        def in_a_thread():
            with connection.cursor() as cursor:
                cursor.execute("create table public.raw (id int primary key)")
            connection.close()
        thread = threading.Thread(target=in_a_thread)
        thread.start()
        thread.join()
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from raw")
            self.assertEqual(cursor.fetchone()[0], 0)
            cursor.execute("drop table raw")
"""


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "library").mkdir()
    for path, text in (
        ("settings.py", SETTINGS),
        ("library/__init__.py", ""),
        ("library/models.py", MODELS),
        ("library/tests.py", TESTS),
    ):
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def may_create_databases(nodes):
    nodes.admin(1, "alter role firstbell createdb")
    yield
    nodes.admin(1, "alter role firstbell nocreatedb")


@pytest.fixture
def kept(nodes):
    """A table of the mesh with a row, which is none of a test database's business."""
    nodes.ddl(1, "create table public.kept (id int primary key)")
    nodes.sql(1, "insert into kept values (1)")
    nodes.level()
    yield
    nodes.ddl(1, "drop table if exists public.kept")
    nodes.level()


def tables(nodes, node: int) -> set[str]:
    return {
        name
        for (name,) in nodes.admin(
            node, "select tablename from pg_tables where schemaname = 'public'"
        )
    }


def test_without_more_ado_a_project_gets_a_plain_test_database(
    nodes, manage, project, may_create_databases, kept
):
    said = manage(project, 1, "test", "--noinput").stderr
    assert "Ran 2 tests" in said
    assert "OK" in said
    assert nodes.admin(1, "select 1 from pg_database where datname = 'test_firstbell'") == []
    assert nodes.sql(1, "select id from kept") == [(1,)]


def test_plain_test_databases_serve_parallel_tests(nodes, manage, project, may_create_databases):
    assert "Ran 2 tests" in manage(project, 1, "test", "--noinput", "--parallel", "2").stderr


def test_a_mesh_made_for_tests_is_used_and_emptied_on_all_nodes(nodes, manage, project, kept):
    said = manage(project, 2, "test", "--noinput", MESH="1", DATABASE="elsewhere").stderr
    assert "Ran 2 tests" in said
    nodes.level()
    assert [tables(nodes, node) for node in nodes.numbers] == [set(), set(), set()]
    assert nodes.admin(
        3, "select count(*) > 1 from mesh.change where tbl like 'library_book%'"
    ) == [(True,)]


def test_a_test_database_that_is_the_database_itself_is_refused(nodes, manage, project, kept):
    said = manage(project, 1, "test", "--noinput", MESH="1", fails=True).stderr
    assert "the test database of 'default' would be 'firstbell', the database itself" in said
    assert nodes.sql(1, "select id from kept") == [(1,)]


def test_a_test_mesh_that_is_none_is_refused_in_one_line(nodes, manage, project):
    nodes.admin(1, "create database no_mesh owner firstbell")
    settings = (project / "settings.py").read_text()
    (project / "settings.py").write_text(
        settings.replace('"NAME": "firstbell", "MESH"', '"NAME": "no_mesh", "MESH"')
    )
    try:
        said = manage(project, 1, "test", "--noinput", MESH="1", fails=True).stderr
        assert said.strip().splitlines()[-1] == (
            "CommandError: the test database 'no_mesh' is not a node of a mesh, as TEST['MESH'] of 'default' says;"
            " build a mesh there, or take MESH out"
        )
    finally:
        nodes.admin(1, "drop database no_mesh")


def test_a_mesh_is_not_cloned_for_parallel_tests(nodes, manage, project):
    said = manage(
        project,
        1,
        "test",
        "--noinput",
        "--parallel",
        "2",
        MESH="1",
        DATABASE="elsewhere",
        fails=True,
    ).stderr
    assert said.strip().splitlines()[-1] == (
        "CommandError: a test database that is a mesh can't be cloned: run the tests with --parallel 1"
    )
