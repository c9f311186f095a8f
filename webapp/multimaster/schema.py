"""Schema changes that reach all nodes: each statement runs here and travels in the change log (cursors.py).

`manage.py migrate` is run on ONE node. What a migration does to rows (RunPython, the DML of RunSQL) is
captured as rows and not run again on the peers.
"""

from django.db.backends.postgresql import schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def skip_default_on_alter(self, field):
        """Keep a new column's default: peers still at the old schema insert rows without the column."""
        return True
