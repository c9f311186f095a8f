"""The SQL of a migration, as our backend would run it, without a database.

`sqlmigrate` asks a database which migrations it has had, and what its constraints are called. Here nothing is asked:
constraints have made-up names, and what an operation of an application's own asks of the database, it finds nothing.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import DEFAULT_DB_ALIAS, ConnectionHandler, connections
from django.db.migrations import AlterField, Migration, RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from webapp.multimaster import base, operations, schema

OLDEST_POSTGRES = 150000
"""The oldest that a mesh takes: its SQL is that of all."""


@dataclass
class Step:
    """What one operation does. `operation` is None for what Django leaves to the end: foreign keys and indexes."""

    operation: Operation | None
    sql: list[str] = field(default_factory=list)
    widens: bool = False
    """It gives a column a type that holds all that the old one held; Postgres then touches no row."""
    fault: str | None = None
    """Why its SQL could not be told, in one line."""

    @property
    def is_own(self) -> bool:
        """Whether the application's own code or SQL runs, not Django's."""
        if isinstance(self.operation, RunPython):
            return self.operation.code is not RunPython.noop
        return isinstance(self.operation, RunSQL)


def steps(migration: Migration, state: ProjectState, alias: str) -> list[Step]:
    """All that the migration does, in turn. `state`, as it is before, is changed to what is after."""
    with _no_database(alias) as connection:
        editor = connection.schema_editor(collect_sql=True, atomic=False)
        with editor:
            found = _run(migration.operations, migration.app_label, state, editor)
            told = len(editor.collected_sql)
    return [*found, Step(None, editor.collected_sql[told:])]


@contextmanager
def _no_database(alias: str) -> Iterator["Connection"]:
    """Whoever asks for this database meanwhile, by whatever way, gets one that is not there."""
    real = connections[alias]
    connections[alias] = offline = Connection(alias)
    try:
        yield offline
    finally:
        connections[alias] = real


def _run(todo: Iterable[Operation], app_label: str, state: ProjectState, editor) -> list[Step]:
    found = []
    for operation in todo:
        if isinstance(operation, SeparateDatabaseAndState):
            found += _run(operation.database_operations, app_label, state.clone(), editor)
            operation.state_forwards(app_label, state)
            continue
        step, told, before = Step(operation), len(editor.collected_sql), state.clone()
        found.append(step)
        operation.state_forwards(app_label, state)
        if operation.reduces_to_sql:
            try:
                operation.database_forwards(app_label, editor, before, state)
                step.widens = _widens(operation, app_label, before, state, editor.connection)
            except Exception as error:  # an application's own operation may raise anything
                step.fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
        step.sql = editor.collected_sql[told:]
    return found


def _widens(operation: Operation, app_label: str, before, after, connection) -> bool:
    if not isinstance(operation, AlterField):
        return False
    old, new = (
        state.apps.get_model(app_label, operation.model_name)
        ._meta.get_field(operation.name)
        .db_type(connection)
        for state in (before, after)
    )
    return is_wider(old or "", new or "")


def is_wider(old: str, new: str) -> bool:
    """Whether Postgres goes from one type to the other without reading a row."""
    texts = [re.fullmatch(r"varchar(?:\((\d+)\))?|text", type_) for type_ in (old, new)]
    if texts[0] and texts[1]:
        lengths = [int(found[1]) if found[1] else float("inf") for found in texts if found]
        return lengths[1] >= lengths[0]
    numbers = [re.fullmatch(r"numeric\((\d+), ?(\d+)\)", type_) for type_ in (old, new)]
    if numbers[0] and numbers[1]:
        return numbers[0][2] == numbers[1][2] and int(numbers[1][1]) >= int(numbers[0][1])
    return old == new


class _NothingThere:
    """A cursor that finds nothing, whatever it is asked."""

    description = ()
    rowcount = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info) -> None:
        pass

    def execute(self, sql, params=None) -> None:
        pass

    def __iter__(self):
        return iter(())

    def fetchone(self) -> None:
        return None

    def fetchall(self) -> list:
        return []


def _literal(value) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "true", False: "false"}[value]
    return (
        str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"
    )


class _Operations(operations.DatabaseOperations):
    def compose_sql(self, sql, params):
        return sql % tuple(map(_literal, params)) if params else sql


class _SchemaEditor(schema.DatabaseSchemaEditor):
    def quote_value(self, value):
        return _literal(value)

    def _constraint_names(self, model, column_names=None, primary_key=None, **kind):
        """The one that Django believes to be there, by a name that says what it is."""
        table = model._meta.db_table
        if primary_key:
            return [f"{table}_pkey"]
        what = next(
            (word for word in ("unique", "foreign_key", "check", "index") if kind.get(word)), ""
        )
        return ["_".join([table, *(column_names or ()), what])]


class Connection(base.DatabaseWrapper):
    """Our backend for the database `alias` of a project, whatever that is, and never connected."""

    SchemaEditorClass = _SchemaEditor
    ops_class = _Operations
    pg_version = OLDEST_POSTGRES

    def __init__(self, alias: str):
        engine = {"ENGINE": "webapp.multimaster", "NAME": "no database"}
        databases = ConnectionHandler({DEFAULT_DB_ALIAS: engine, alias: engine})
        super().__init__(databases.settings[alias], alias)

    def cursor(self):
        return _NothingThere()

    def connect(self):
        raise AssertionError("the linter of migrations asked for a database")
