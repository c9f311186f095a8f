"""The database that `manage.py test` runs on.

A mesh is made by its operator, not by Django: it needs a superuser on every node. So there are two ways:

- `TEST = {"MESH": True, "NAME": …}`: the database is a node of a mesh that was made for tests. It is emptied
  on all nodes before the tests and after them, and never created or dropped.
- otherwise Django makes `test_<NAME>` on this server as it always does, a plain database that is no node of
  anything. Schema changes then run as they are. An application's tests need no more.
"""

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db.backends.postgresql import creation

_TABLES_AND_VIEWS = """
select format('drop %s if exists %s cascade',
    case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                 when 'f' then 'foreign table' else 'table' end,
    c.oid::regclass)
from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass
    and d.deptype in ('a', 'i', 'e'))
union all
select format('drop %s if exists %s cascade', case prokind when 'p' then 'procedure' else 'function' end,
    p.oid::regprocedure)
from pg_proc p where pronamespace = 'public'::regnamespace and not exists (select from pg_depend d
    where d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e')
"""


class DatabaseCreation(creation.DatabaseCreation):
    @property
    def _is_mesh(self) -> bool:
        return bool(self.connection.settings_dict["TEST"].get("MESH"))

    def _create_test_db(self, verbosity, autoclobber, keepdb=False):
        if not self._is_mesh:
            self.connection.settings_dict["TEST"]["PLAIN"] = True
            return super()._create_test_db(verbosity, autoclobber, keepdb)
        name = self._get_test_db_name()
        if name == self.connection.settings_dict["NAME"]:
            raise ImproperlyConfigured(
                f"the test database of {self.connection.alias!r} would be {name!r}, the database itself, and"
                " would be emptied; name another mesh in TEST"
            )
        if not keepdb:
            self._empty(name)
        return name

    def _destroy_test_db(self, test_database_name, verbosity):
        if self._is_mesh:
            self._empty(test_database_name)
        else:
            super()._destroy_test_db(test_database_name, verbosity)

    def _clone_test_db(self, suffix, verbosity, keepdb=False):
        if self._is_mesh:
            raise CommandError(
                "a test database that is a mesh can't be cloned: run the tests with --parallel 1"
            )
        super()._clone_test_db(suffix, verbosity, keepdb)

    def setup_worker_connection(self, _worker_id):
        self.connection.settings_dict["TEST"]["PLAIN"] = True
        super().setup_worker_connection(_worker_id)

    def _empty(self, name: str) -> None:
        """Drop all that the tests made, on all nodes. Raises CommandError when the database is not a mesh node."""
        connection = self.connection.copy(self.connection.alias)
        connection.settings_dict["NAME"] = name
        try:
            with connection.cursor() as cursor:
                cursor.execute("select to_regprocedure('mesh.run_ddl(text)') is not null")
                if not cursor.fetchone()[0]:
                    raise CommandError(
                        f"the test database {name!r} is not a node of a mesh, as TEST['MESH'] of"
                        f" {connection.alias!r} says; build a mesh there, or take MESH out"
                    )
                cursor.execute(_TABLES_AND_VIEWS)
                for (statement,) in cursor.fetchall():
                    cursor.execute(statement)
        finally:
            connection.close()
