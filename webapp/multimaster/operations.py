"""Sequences on a mesh: each node hands out its own residue class modulo 16."""

from django.db.backends.postgresql import operations

ALIGN = "select mesh.align_sequences();"


class DatabaseOperations(operations.DatabaseOperations):
    """Wherever Django would set a sequence to max(id), the node's residue class is kept."""

    def sequence_reset_sql(self, style, model_list):
        if not self.connection.on_mesh:
            return super().sequence_reset_sql(style, model_list)
        return [ALIGN] if model_list else []

    def sequence_reset_by_name_sql(self, style, sequences):
        if not self.connection.on_mesh:
            return super().sequence_reset_by_name_sql(style, sequences)
        return [ALIGN] if sequences else []

    def last_executed_query(self, cursor, sql, params):
        """The schema change itself, not the call that carries it."""
        query = super().last_executed_query(cursor, sql, params)
        if query and query.startswith("select mesh.run_ddl("):
            return sql if params is None else self.compose_sql(sql, params)
        return query
