"""Django's own PostgreSQL backend, but schema changes reach all nodes of the mesh.

Rows need nothing here: triggers capture them. This backend never opens a connection to another node.
"""

from django.db.backends.postgresql import base

from webapp.multimaster.operations import DatabaseOperations
from webapp.multimaster.schema import DatabaseSchemaEditor


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    ops_class = DatabaseOperations

    def run_ddl(self, statement: str) -> None:
        """Run one schema change here and put it into the change log, both in the current transaction."""
        with self.cursor() as cursor:
            cursor.execute("select mesh.run_ddl(%s)", [statement])
