"""What a mesh refuses, does otherwise, or can't do while people work. docs/operations/django.md has the table.

Each rule looks at one statement. That the mesh really does so is shown by tests/multimaster/test_lint_premises.py.
"""

import re
from collections.abc import Callable

from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType, Issue
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

from webapp.multimaster import statements
from webapp.multimaster.lint.sql import Statement, without_values

_N = r'(?:"(?:[^"]|"")+"|\w+)'
"""A name of one part."""
_VOLATILE = r"\b\w+\(|\b(?:CURRENT_|LOCALTIME|SESSION_USER|USER\b)"
_DEFAULT = re.compile(
    r"\bDEFAULT (.*?)(?= NOT NULL\b| NULL\b| UNIQUE\b| PRIMARY KEY\b| CHECK\b| CONSTRAINT\b| REFERENCES\b|$)"
)


def _no_primary_key(s: Statement) -> bool:
    if re.match(r"SELECT .*\bINTO (UNLOGGED |TABLE )*[\w\"]", without_values(s)):
        return True
    makes_table = re.match(r"CREATE (UNLOGGED )?TABLE ", s)
    has_one = re.search(r"\bPRIMARY KEY\b| PARTITION OF | INCLUDING (ALL|INDEXES)\b", s)
    return bool(makes_table) and not has_one


def _changes_primary_key(s: Statement) -> bool:
    return s.does_to_rows(
        rf"ADD (?:CONSTRAINT {_N} )?PRIMARY KEY|ADD (?!CONSTRAINT ).* PRIMARY KEY"
        r"|DROP CONSTRAINT (?:IF EXISTS )?\"?\w*_pkey\b"
    )


def _not_replicated(s: Statement) -> bool:
    if not re.match(r"CREATE (UNLOGGED )?TABLE ", s):
        return False
    words = without_values(s)
    elsewhere = "." in (s.table or "")
    return elsewhere or bool(re.match("CREATE UNLOGGED|.* PARTITION (BY|OF) ", words))


def _volatile_default(s: Statement) -> bool:
    return not s.new and any(map(_is_volatile, s.actions))


def _is_volatile(action: str) -> bool:
    if not re.match(r"ADD (?!CONSTRAINT |CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)", action):
        return False
    if re.search(r"\b(?:SMALL|BIG)?SERIAL\d?\b| AS IDENTITY\b", without_values(action)):
        return True
    default = _DEFAULT.search(without_values(action))
    without_casts = re.sub(r"::\s*[\w ]+(\([\d, ]*\))?(\[\])*", "", default[1]) if default else ""
    return bool(re.search(_VOLATILE, without_casts))


def _not_null(s: Statement) -> bool:
    if s.does_to_rows(rf"ALTER (?:COLUMN )?{_N} SET NOT NULL"):
        return True
    added = [a for a in s.actions if not s.new and re.match(r"ADD (?!CONSTRAINT )", a)]
    return any(
        " NOT NULL" in a and not re.search(r" DEFAULT (?!NULL\b)| GENERATED |SERIAL", a)
        for a in map(without_values, added)
    )


def _adds_unique(s: Statement) -> bool:
    if s.has_existing_table and re.match(r"CREATE UNIQUE INDEX (?!.*\bIF NOT EXISTS )", s):
        return True
    return s.does_to_rows(
        rf"ADD (?:CONSTRAINT {_N} )?(?:UNIQUE(?! USING INDEX)|EXCLUDE)\b"
        r"|ADD (?!CONSTRAINT ).* DEFAULT (?!NULL\b).* UNIQUE\b"
    )


def _adds_checked(s: Statement) -> bool:
    return any(
        re.match(rf"ADD (?:CONSTRAINT {_N} )?(?:CHECK|FOREIGN KEY)\b", action)
        or re.match(r"ADD (?!CONSTRAINT ).* DEFAULT (?!NULL\b).* REFERENCES ", action)
        for action in s.actions
        if not s.new and not action.endswith("NOT VALID")
    )


def _creates_index(s: Statement) -> bool:
    if s.has_existing_table and re.match(r"CREATE INDEX (?!CONCURRENTLY |IF NOT EXISTS )", s):
        return True
    return s.does_to_rows(r"ADD (?!CONSTRAINT )(?!.* DEFAULT (?!NULL\b)).* UNIQUE\b")


def _drops_column(s: Statement) -> bool:
    return s.does_to_rows(r"DROP (?!CONSTRAINT )")


def _here_only(s: Statement) -> bool:
    """What the backend does not send to the other nodes, though it changes more than rows."""
    if re.match(r"(?:REINDEX|CLUSTER|VACUUM)\b", s):
        return True
    if re.match(r"DO\b", s):
        return bool(re.search(r"\b(CREATE|ALTER|DROP)\b", s, re.I))
    temporary = re.match(r"\w+ (?:GLOBAL |LOCAL )?TEMP", s)
    return statements.is_of_this_server(s) and not temporary


def _rule(
    code: str, finds: Callable[[Statement], bool], message: str, kind: CheckType = CheckType.ERROR
) -> Check:
    return Check(code, lambda sql, **_: finds(sql), message, CheckMode.ONE_LINER, kind)


OLD_RELEASE = (
    "hosts of the old release, which are still served while a deployment goes host by host"
)

RULES = [
    # --- the mesh refuses it
    _rule(
        "NO_PRIMARY_KEY",
        _no_primary_key,
        "the mesh refuses a table without a primary key. Give it one in the statement that makes it",
    ),
    _rule(
        "DEFERRABLE_PRIMARY_KEY",
        lambda s: bool(re.search(r"\bPRIMARY KEY(?: \([^)]*\))? DEFERRABLE\b", s)),
        "the mesh refuses a primary key that is checked at the commit. Make it not deferrable",
    ),
    _rule(
        "VOLATILE_DEFAULT",
        _volatile_default,
        "the mesh refuses a new column whose default is another value on each node, once the table has rows."
        " Add it without a default, set the default in a second migration, fill the rows in a third",
    ),
    # --- rows would not be the same on all nodes, and nothing would say so
    _rule(
        "PRIMARY_KEY",
        _changes_primary_key,
        "changes under way name their rows by the old key, so nodes end up with different rows; and nothing can be"
        " written while there is none. Make a new table with the new key and move the rows",
    ),
    _rule(
        "NOT_REPLICATED",
        _not_replicated,
        "rows of unlogged and partitioned tables, and of schemas other than public, stay on the node that writes them."
        " Make it an ordinary table in schema public",
    ),
    _rule(
        "CAPTURE_OFF",
        lambda s: s.does(r"DISABLE TRIGGER\b") or "SESSION_REPLICATION_ROLE" in s.upper(),
        "without the triggers no change of the table reaches the other nodes. Leave them on",
    ),
    _rule(
        "TRIGGER_ALWAYS",
        lambda s: s.does(r"ENABLE (?:ALWAYS|REPLICA) TRIGGER\b"),
        "such a trigger runs again for every row that arrives from a peer, whose own trigger's work arrives too, and a"
        " row that it fails for is parked. Leave it as CREATE TRIGGER made it",
    ),
    _rule(
        "SEQUENCE",
        lambda s: bool(
            re.match(r"ALTER SEQUENCE .* (?:RESTART|START|INCREMENT)\b", s)
            or re.search(r"\bSETVAL ?\(", without_values(s))
        ),
        "nodes would hand out the same numbers, or not the ones asked for. `select mesh.align_sequences()`, on each"
        " node, sets its sequences above what is there, in its own way",
    ),
    _rule(
        "HERE_ONLY",
        _here_only,
        "this runs on the node where migrate is run, and on no other. Do it on each host as an operator; instead of a"
        " DO block, write its statements",
    ),
    # --- who is at the old release, and changes that are under way
    _rule(
        "DROP_COLUMN",
        _drops_column,
        f"{OLD_RELEASE}, ask for the column, and changes of it that are under way stay parked. Deploy a release whose"
        " models lack it first (SeparateDatabaseAndState), drop it with the next",
    ),
    _rule(
        "DROP_TABLE",
        lambda s: s.startswith("DROP TABLE") and not s.new,
        f"{OLD_RELEASE}, ask for the table. Deploy a release whose models lack it first (SeparateDatabaseAndState),"
        " drop it with the next",
    ),
    _rule(
        "RENAME_COLUMN",
        lambda s: s.does_to_rows(r"RENAME (?!TO |CONSTRAINT )"),
        f"{OLD_RELEASE}, ask for the old name. Rename the field and keep its db_column",
    ),
    _rule(
        "RENAME_TABLE",
        lambda s: s.does_to_rows(r"RENAME TO |SET SCHEMA "),
        f"{OLD_RELEASE}, ask for the old name. Rename the model and keep its db_table",
    ),
    _rule(
        "ALTER_COLUMN",
        lambda s: s.does_to_rows(rf"ALTER (?:COLUMN )?{_N} (?:SET DATA )?TYPE\b"),
        "the whole table is written anew while nobody can read it, and a node that has a row which does not fit parks"
        " the change. Add a column of the new type, write both, move the rows, drop the old one a release later",
    ),
    _rule(
        "NOT_NULL",
        _not_null,
        f"{OLD_RELEASE}, leave it empty, and a node that has an empty row parks the change. Give it a default in the"
        " migration that adds it; to an old column, only once no release leaves it empty",
    ),
    # --- it depends on rows, which differ between nodes while changes are under way
    _rule(
        "ADD_UNIQUE",
        _adds_unique,
        "a node that has two such rows parks the change, the others take it: their schemas differ. Make the index"
        " on each node by itself, then adopt it",
    ),
    _rule(
        "ADD_CONSTRAINT",
        _adds_checked,
        "a node that has a row which breaks it parks the change, the others take it; and all rows are read under a"
        " lock. Add it NOT VALID, validate it in a later migration",
    ),
    # --- it holds a lock for as long as the table is large
    _rule(
        "TABLE_REWRITE",
        lambda s: s.does_to_rows(
            r"ADD .* STORED\b|SET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b"
        ),
        "the whole table is written anew while nobody can read it, on one node after the other. Add an ordinary"
        " column, and fill it by the application and in parts",
    ),
    _rule(
        "CONCURRENTLY",
        lambda s: bool(re.match(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY\b", s)) and not s.new,
        "a mesh leaves CONCURRENTLY out: nobody can write to the table while the index is made, on one node after the"
        " other. Make the index on each node by itself, then adopt it",
    ),
    _rule(
        "CREATE_INDEX",
        _creates_index,
        "nobody can write to the table while its index is made, on one node after the other. If the table is large,"
        " make the index on each node by itself, then adopt it",
        CheckType.WARNING,
    ),
]


def _validated_at_once(sql: list[Statement], **_) -> bool:
    added = {s.table for s in sql if any(a.endswith("NOT VALID") for a in s.actions)}
    return any(s.table in added and s.does("VALIDATE CONSTRAINT") for s in sql)


RULES.append(
    Check(
        "VALIDATED_AT_ONCE",
        _validated_at_once,
        "adding a constraint NOT VALID and validating it in one migration is like adding it at once. Validate it in a"
        " later migration, when all nodes have it",
        CheckMode.TRANSACTION,
        CheckType.ERROR,
    )
)


class MeshAnalyser(PostgresqlAnalyser):
    """The library's analyser with the rules of this module, which take the places of the library's of the same names.

    What it is given must be `Statement`s.
    """

    migration_checks = RULES

    def build_issue(self, migration_check, sql_statement) -> Issue:
        table = sql_statement.table if isinstance(sql_statement, Statement) else None
        return Issue(migration_check.code, migration_check.message, table)
