"""Cursors that let schema changes reach all nodes, whoever makes them: migrations, or an application's own SQL.

They also tell the connection of each statement, since it must know how durable a transaction shall be.
"""

from contextlib import AbstractContextManager, nullcontext

from django.db import transaction
from django.db.backends import utils
from django.db.backends.postgresql import base

from webapp.multimaster import statements

RUN_DDL = "select mesh.run_ddl(%s)"


class CursorWrapper(utils.CursorWrapper):
    """Schema changes go through the change log; all else goes to Postgres as it is."""

    def _execute(self, sql, params, *ignored):
        text = str(sql)
        self.db.before_statement(text)
        if not self.db.on_mesh or not statements.may_change_schema(text):
            return super()._execute(sql, params, *ignored)
        if params is not None:
            text = self.db.ops.compose_sql(text, params)
        script = list(statements.split(text))
        if not any(map(statements.changes_schema, script)):
            return super()._execute(sql, params, *ignored)
        with self._as_one(script):
            for statement in script:
                if statements.changes_schema(statement):
                    super()._execute(RUN_DDL, [statements.in_a_transaction(statement)])
                else:
                    super()._execute(statement, None)
        return None

    def _as_one(self, script: list[str]) -> AbstractContextManager:
        """Postgres runs a script that is sent as one in one transaction, and so shall its parts be."""
        if self.db.autocommit and len(script) > 1:
            return transaction.atomic(self.db.alias)
        return nullcontext()

    def _executemany(self, sql, *args):
        self.db.before_statement(str(sql))
        return super()._executemany(sql, *args)


class CursorDebugWrapper(CursorWrapper, base.CursorDebugWrapper):
    """The same, noting each statement and its time."""
