"""Django's own PostgreSQL backend, but schema changes reach all nodes of the mesh, and commits are as durable as asked.

Rows need nothing here: triggers capture them. This backend never opens a connection to another node.
"""

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from webapp.multimaster.creation import DatabaseCreation
from webapp.multimaster.cursors import CursorDebugWrapper, CursorWrapper
from webapp.multimaster.durability import SYNCHRONOUS_COMMIT, Requested, strongest
from webapp.multimaster.operations import DatabaseOperations
from webapp.multimaster.schema import DatabaseSchemaEditor
from webapp.multimaster.statements import only_reads

IN_TRANSACTION = 2
"""libpq's PQTRANS_INTRANS: in a transaction that has not failed."""

if is_psycopg3:
    # It keeps no notices, by which a commit says that its wait for a peer was ended: `local` would be told as `peer`.
    raise ImproperlyConfigured(
        "the mesh's backend needs psycopg2, and Django prefers psycopg 3 where that is installed:"
        " remove the package psycopg"
    )


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    creation_class = DatabaseCreation
    ops_class = DatabaseOperations

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.durability = Requested()

    @property
    def on_mesh(self) -> bool:
        """False: a plain test database that creation.py made; schema changes stay there."""
        return not self.settings_dict["TEST"].get("PLAIN", False)

    def make_cursor(self, cursor):
        return CursorWrapper(cursor, self)

    def make_debug_cursor(self, cursor):
        return CursorDebugWrapper(cursor, self)

    # --- durability

    def before_statement(self, sql: str) -> None:
        """A statement is about to run: see to it that its commit will be as durable as asked for."""
        asked = self.durability
        level = asked.level()
        writes = not only_reads(sql)
        if self.autocommit:  # a transaction of its own
            self._set_session(level)
            if writes:
                asked.note_commit(level)
        else:
            asked.transaction = strongest(asked.transaction, level)
            asked.writes |= writes

    def init_connection_state(self):
        self.durability.forget_connection()
        super().init_connection_state()

    def _set_session(self, level: str) -> None:
        if self.durability.session != level:
            self._set("set synchronous_commit = " + SYNCHRONOUS_COMMIT[level])
            self.durability.session = level

    def _commit(self):
        asked = self.durability
        if (
            asked.transaction not in (None, asked.session)
            and self.connection is not None
            and self.connection.info.transaction_status == IN_TRANSACTION
        ):
            self._set("set local synchronous_commit = " + SYNCHRONOUS_COMMIT[asked.transaction])
        super()._commit()
        if asked.writes:
            asked.note_commit(asked.transaction)
        asked.end_transaction()

    def _rollback(self):
        self.durability.end_transaction()
        super()._rollback()

    def _set(self, statement: str) -> None:
        """Past Django's cursors: this is no query of the application."""
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(statement)
