"""Sequences on a mesh: each node hands out its own residue class modulo 16."""

from django.db.backends.postgresql import operations

ALIGN = "select mesh.align_sequences();"


class DatabaseOperations(operations.DatabaseOperations):
    """Wherever Django would set a sequence to max(id), the node's residue class is kept."""

    def sequence_reset_sql(self, style, model_list):
        return [ALIGN] if model_list else []

    def sequence_reset_by_name_sql(self, style, sequences):
        return [ALIGN] if sequences else []
