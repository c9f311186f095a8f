"""Which statements are schema changes, and which are left as they are."""

import importlib
import sys

import pytest

from webapp.multimaster import statements


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (id int primary key)",
        "  create unique index concurrently i on t (a)",
        "-- why\nalter table t add c int",
        "/* why; and\nhow */ DROP VIEW v",
        "comment on table t is 'select'",
        "GRANT SELECT ON t TO reader",
        "refresh materialized view m",
    ],
)
def test_a_schema_change_is_known_by_its_first_word(sql):
    assert statements.changes_schema(sql)
    assert statements.may_change_schema("select 1; " + sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'create table t'",
        "insert into t values (';'); select 1",
        "insert into creates values (1)",
        "truncate t",
        "CREATE TEMP TABLE t (id int)",
        "create local temporary table t (id int)",
        "create database d",
        "ALTER ROLE r LOGIN",
        "alter system set a = 1",
        "(select 1)",
        "",
    ],
)
def test_rows_temporary_tables_and_what_belongs_to_a_server_are_left_alone(sql):
    assert not statements.may_change_schema(sql)


def test_a_script_is_split_only_where_statements_end():
    script = (
        "create table t (v text default 'a; b'); -- done; really\n"
        "insert into t values ('x; create table y');\n"
        "create function f() returns int language plpgsql as $$ begin perform 1; return 2; end $$;"
    )
    found = list(statements.split(script))
    assert [statements.changes_schema(s) for s in found] == [True, False, True]
    assert found[2].endswith("$$")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX i ON t (a)"),
        ("create unique index concurrently i on t (a)", "create unique index i on t (a)"),
        ("DROP INDEX CONCURRENTLY IF EXISTS i", "DROP INDEX IF EXISTS i"),
        ("comment on index i is 'index concurrently built'",) * 2,
    ],
)
def test_concurrently_is_left_out(sql, expected):
    assert statements.in_a_transaction(sql) == expected


def test_reads_are_told_from_writes():
    assert statements.only_reads(" (SELECT 1) UNION (SELECT 2)")
    assert statements.only_reads('SAVEPOINT "s1"')
    assert not statements.only_reads("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone")
    assert not statements.only_reads("insert into t values (1)")


def test_psycopg_3_which_keeps_no_notices_is_refused(monkeypatch):
    """It would say `peer` of commits whose wait for a peer was ended."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db.backends.postgresql import base, psycopg_any

    assert base.Database.__name__ == "psycopg2"  # ours
    monkeypatch.setattr(psycopg_any, "is_psycopg3", True)
    monkeypatch.delitem(sys.modules, "webapp.multimaster.base", raising=False)
    with pytest.raises(ImproperlyConfigured, match="needs psycopg2"):
        importlib.import_module("webapp.multimaster.base")
