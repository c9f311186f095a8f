"""Lint migrations: their SQL by the rules, their Python by the library's own, and what they do together.

A migration says itself what may be as it is, and why:

    class Migration(migrations.Migration):
        lint_ignore = {"DROP_COLUMN": "no release since 2.3 asks for it"}
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader
from django_migration_linter.migration_linter import MigrationLinter
from django_migration_linter.sql_analyser.base import Issue

from webapp.multimaster import statements
from webapp.multimaster.lint import offline, sql
from webapp.multimaster.lint.rules import RULES, MeshAnalyser

OF_MIGRATIONS = {
    "DATA_WITH_SCHEMA": "rows are changed in the transaction that alters a table, which stays locked until all"
    " are done, here and then on each peer. Two migrations: one for the schema, one for the rows",
    "CREATE_INDEX_EXCLUSIVE": "the index is made in the transaction that altered its table, so nobody can even read the"
    " table meanwhile. If it is large: two migrations (of a foreign key: db_index=False first)",
    "NON_ATOMIC": "interrupted between its steps, a migration with atomic = False can't be run again. Leave"
    " atomic as it is, or one step to a migration",
    "RUNSQL_REVERSIBLE": "there is no way back: RunSQL has no reverse_sql. Give one, RunSQL.noop if nothing is"
    " to be undone",
    "UNREADABLE": "its SQL can't be told without a database",
}
OF_PYTHON = {
    "RUNPYTHON_REVERSIBLE": "there is no way back: {0} has no reverse_code. Give one, RunPython.noop if nothing"
    " is to be undone",
    "RUNPYTHON_MODEL_IMPORT": "{0}. Take the model from apps.get_model(): the imported one may know columns that"
    " the table has not got yet",
}
"""What is taken over of the library's findings about RunPython; the others are about names of variables."""

WARNINGS = {"CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE", "RUNPYTHON_REVERSIBLE", "RUNSQL_REVERSIBLE"}
CODES = {rule.code for rule in RULES} | {*OF_MIGRATIONS, *OF_PYTHON}


@dataclass(frozen=True)
class Finding:
    """`migration` is `app.name`; `table` is None when the finding is about no one table."""

    migration: str
    code: str
    message: str
    table: str | None = None
    ignored: str | None = None
    """Why it may be as it is; None: nobody said that it may."""

    @property
    def is_error(self) -> bool:
        return self.code not in WARNINGS and self.ignored is None

    def __str__(self) -> str:
        level = "ignored" if self.ignored else "error" if self.is_error else "warning"
        where = f" ({self.table})" if self.table else ""
        return f"{self.migration}: {level} {self.code}{where}: {self.ignored or self.message}"


class Linter(MigrationLinter):
    """Of the library's linter, the looking at Python. Its beginning asks a database, so it is left out."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.exclude_migration_tests = ()
        self.migration_loader = MigrationLoader(None, replace_migrations=False)

    def findings(self, migration: Migration) -> list[Finding]:
        """All that is to be said of one migration, each thing once, by code; what is ignored too."""
        name = f"{migration.app_label}.{migration.name}"
        ignored = getattr(migration, "lint_ignore", {})
        issues = {(i.code, i.message, i.table) for i in self._issues(migration)}
        found = [Finding(name, *issue, ignored.get(issue[0])) for issue in issues]
        found += _faults(name, ignored, {finding.code for finding in found})
        return sorted(found, key=str)

    def _issues(self, migration: Migration) -> Iterator[Issue]:
        state = self.migration_loader.project_state(
            (migration.app_label, migration.name), at_end=False
        )
        steps = offline.steps(migration, state, self.database)
        read = _read(steps)
        yield from _of_sql([statement for _, found in read for statement in found])
        yield from _of_all(migration, read)
        for step in steps:
            operation = step.operation
            if step.fault and operation:
                message = f"{OF_MIGRATIONS['UNREADABLE']} ({operation.describe()}: {step.fault})"
                yield Issue("UNREADABLE", message)
            if isinstance(operation, RunPython):
                yield from self._of_python(operation)
            if isinstance(operation, RunSQL) and not operation.reversible:
                yield Issue("RUNSQL_REVERSIBLE", OF_MIGRATIONS["RUNSQL_REVERSIBLE"])

    def _of_python(self, operation: RunPython) -> Iterator[Issue]:
        try:
            errors, _, warnings = self.lint_runpython(operation)
        except (AttributeError, OSError, TypeError) as error:
            yield Issue("UNREADABLE", f"RunPython's code can't be read: {error}")
            return
        for issue in [*errors, *warnings]:
            if issue.code in OF_PYTHON:
                what = re.sub(r":.*$", "", issue.message, flags=re.S)
                model = re.search(r'"\.\.\.", "(\w+)"', issue.message)
                what += f" asks {model[1]}.objects" if model else ""
                yield Issue(issue.code, OF_PYTHON[issue.code].format(what))


def _read(steps: list[offline.Step]) -> list[tuple[offline.Step, list[sql.Statement]]]:
    created: set[str] = set()
    found = []
    for step in steps:
        read = sql.parse("\n".join(step.sql), created)
        for statement in read:
            if statement.makes_table and statement.table:
                created.add(statement.table)
            if step.widens:
                statement.actions = [
                    a for a in statement.actions if not re.match(r"ALTER .* TYPE ", a)
                ]
        found.append((step, read))
    return found


def _of_sql(all_statements: list[sql.Statement]) -> list[Issue]:
    analyser = MeshAnalyser(None)
    analyser.analyse(list[str](all_statements))
    return [*analyser.errors, *analyser.warnings]


def _of_all(
    migration: Migration, read: list[tuple[offline.Step, list[sql.Statement]]]
) -> Iterator[Issue]:
    schema = [s for _, found in read for s in found if statements.changes_schema(s)]
    data = [step for step, found in read if step.is_own and (not found or any(map(_writes, found)))]
    altered = [s for s in schema if s.has_existing_table and not s.startswith("DROP")]
    if data and altered:
        yield Issue("DATA_WITH_SCHEMA", OF_MIGRATIONS["DATA_WITH_SCHEMA"], altered[0].table)
    if migration.atomic:
        yield from _index_under_lock(schema)
    if not migration.atomic and schema and len(schema) + len(data) > 1:
        yield Issue("NON_ATOMIC", OF_MIGRATIONS["NON_ATOMIC"])


def _index_under_lock(schema: list[sql.Statement]) -> Iterator[Issue]:
    altered: set[str | None] = set()
    for statement in schema:
        if statement.startswith("ALTER TABLE ") and statement.has_existing_table:
            altered.add(statement.table)
        makes_index = re.match(r"CREATE (?:UNIQUE )?INDEX (?!.*\bIF NOT EXISTS )", statement)
        if makes_index and statement.table in altered:
            yield Issue(
                "CREATE_INDEX_EXCLUSIVE", OF_MIGRATIONS["CREATE_INDEX_EXCLUSIVE"], statement.table
            )


def _writes(statement: str) -> bool:
    return not statements.changes_schema(statement) and not statements.only_reads(statement)


def _faults(name: str, ignored: dict[str, str], found: set[str]) -> Iterator[Finding]:
    """What is wrong with `lint_ignore` itself, so that it can't rot."""
    for code, reason in ignored.items():
        if code not in CODES:
            known = ", ".join(sorted(CODES))
            yield Finding(name, "LINT_IGNORE", f"there is no rule {code!r}; there are {known}")
        elif code not in found:
            yield Finding(name, "LINT_IGNORE", f"{code} is not found here; take it out")
        elif not str(reason).strip():
            yield Finding(name, "LINT_IGNORE", f"{code} is ignored without a reason; say why")
