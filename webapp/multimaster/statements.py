"""Which SQL statements change the schema, and so must run on every node.

Deliberately knows no more of SQL than the first words of each statement.
"""

import re
from collections.abc import Iterator

import sqlparse

_COMMENTS = r"\s*(?:(?:--[^\n]*(?:\n|$)|/\*.*?\*/)\s*)*"
_WORDS = r"(?:CREATE|ALTER|DROP|COMMENT|GRANT|REVOKE|REFRESH|IMPORT|SECURITY)\b"
_SCHEMA_CHANGE = re.compile(_COMMENTS + _WORDS, re.I | re.S)
_ANYWHERE = re.compile(r"\b" + _WORDS, re.I)
_THIS_SERVER_ONLY = re.compile(
    _COMMENTS
    + r"(?:CREATE|ALTER|DROP)\s+(?:(?:GLOBAL|LOCAL)\s+)?(?:TEMP|TEMPORARY|DATABASE|TABLESPACE|"
    r"ROLE|USER|GROUP|SYSTEM|PUBLICATION|SUBSCRIPTION|SERVER|EVENT\s+TRIGGER)\b",
    re.I | re.S,
)
"""Temporary tables, and what belongs to a server and not to a database."""

_CONCURRENTLY = re.compile(
    _COMMENTS + r"(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX\s+(?P<word>CONCURRENTLY\s)", re.I | re.S
)


def changes_schema(statement: str) -> bool:
    """Whether one statement changes what all nodes must have alike."""
    return bool(_SCHEMA_CHANGE.match(statement)) and not is_of_this_server(statement)


def is_of_this_server(statement: str) -> bool:
    """Whether it makes, alters or drops a temporary table, or what belongs to a server and not to a database."""
    return bool(_THIS_SERVER_ONLY.match(statement))


def may_change_schema(sql: str) -> bool:
    """Whether a script could hold such a statement; cheap, since every query of an application is asked about."""
    return changes_schema(sql) or (";" in sql and bool(_ANYWHERE.search(sql)))


def split(sql: str) -> Iterator[str]:
    """The statements of a script, without those that are only comments."""
    for text in sqlparse.split(sql):
        if sqlparse.format(text, strip_comments=True).strip().rstrip(";").strip():
            yield text.strip().rstrip(";")


def in_a_transaction(statement: str) -> str:
    """Without CONCURRENTLY, which can't run in a transaction: the change log's unit is the transaction."""
    found = _CONCURRENTLY.match(statement)
    return statement[: found.start("word")] + statement[found.end("word") :] if found else statement


_READ = re.compile(
    r"\s*\(*\s*(?:SELECT|SHOW|SET|SAVEPOINT|RELEASE|ROLLBACK|DECLARE|FETCH|CLOSE|EXPLAIN)\b", re.I
)


def only_reads(sql: str) -> bool:
    """Whether a statement surely leaves all rows as they are, if no function that it calls writes."""
    return bool(_READ.match(sql))
