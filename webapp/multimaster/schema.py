"""Schema changes that reach all nodes: each statement runs here and travels in the change log.

`manage.py migrate` is run on ONE node. What a migration does to rows (RunPython, the DML of RunSQL) is
captured as rows and not run again on the peers.
"""

import re
from collections.abc import Iterator

import sqlparse
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.postgresql import schema

ROW_STATEMENTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TRUNCATE"}
SESSION_STATEMENTS = {"SET", "DO", "LOCK", "ANALYZE", "SHOW", "RESET"}
"""Run on this node only; a DO block that changes the schema is refused by the mesh's event trigger."""

_CONCURRENTLY = re.compile(
    r"^(\s*(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+|RE)INDEX\s+)CONCURRENTLY\b", re.I
)


def statements(sql: str) -> Iterator[tuple[str, bool]]:
    """The statements of a script, each with whether it changes the schema."""
    for text in sqlparse.split(sql):
        stripped = sqlparse.format(text, strip_comments=True).strip().rstrip(";").strip()
        if stripped:
            word = stripped.split(None, 1)[0].upper().lstrip("(")
            yield text.strip().rstrip(";"), word not in ROW_STATEMENTS | SESSION_STATEMENTS


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def execute(self, sql, params=()):
        if self.collect_sql:  # sqlmigrate only prints
            return super().execute(sql, params)
        text = str(sql) if params is None else self.connection.ops.compose_sql(str(sql), params)
        for statement, changes_schema in statements(text):
            if changes_schema:
                # CONCURRENTLY can't run in a transaction, and the log's unit is the transaction.
                self.connection.run_ddl(_CONCURRENTLY.sub(r"\1", statement))
            else:
                BaseDatabaseSchemaEditor.execute(self, statement, None)

    def skip_default_on_alter(self, field):
        """Keep a new column's default: peers still at the old schema insert rows without the column."""
        return True
