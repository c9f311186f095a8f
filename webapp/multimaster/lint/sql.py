"""Statements of SQL as the rules read them. Knows of each no more than what it is about, and an ALTER TABLE's parts."""

import re
from collections.abc import Iterable

from webapp.multimaster import statements

_PIECES = re.compile(
    r"""(?P<kept>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | '(?:[^']|'')*' | "(?:[^"]|"")*")"""
    r"""|(?P<space>(?:--[^\n]*|/\*.*?\*/|\s)+) | [^'"\s$/-]+ | .""",
    re.S | re.X,
)
_LITERAL = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.S)
_NAME = r'(?P<name>(?:(?:"(?:[^"]|"")+"|\w+)\.)?(?:"(?:[^"]|"")+"|\w+))'
_ABOUT = re.compile(
    r"CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?"
    r"|ALTER TABLE (?:IF EXISTS )?(?:ONLY )?"
    r"|DROP TABLE (?:IF EXISTS )?"
    r'|CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(?:(?:"(?:[^"]|"")+"|\w+) )?ON (?:ONLY )?'
)


class Statement(str):
    """One statement in one line: words in capitals, quoted names and values as they were.

    `table`: what it makes, alters, drops or indexes, without quotes and without `public.`; None: something else.
    `new`: that table is made in the same migration, here or before, so it is empty and nobody uses it.
    `actions`: the parts of an ALTER TABLE, which may do several things at once; else empty.
    """

    table: str | None
    new: bool
    actions: list[str]

    @property
    def makes_table(self) -> bool:
        return bool(re.match(r"CREATE (?:UNLOGGED )?TABLE ", self))

    @property
    def has_existing_table(self) -> bool:
        return self.table is not None and not self.new

    def does(self, pattern: str) -> bool:
        """Whether a part of this ALTER TABLE begins so."""
        return any(re.match(pattern, action) for action in self.actions)

    def does_to_rows(self, pattern: str) -> bool:
        """The same of a table that may have rows, and readers."""
        return not self.new and self.does(pattern)


def without_values(text: str) -> str:
    """Without what stands in quotes as a value."""
    return _LITERAL.sub("''", text)


def parse(script: str, created: Iterable[str] = ()) -> list[Statement]:
    """The statements of a script; `created`: tables made before it in the same migration."""
    known = set(created)
    found = []
    for text in statements.split(script):
        statement = Statement(_in_one_line(text))
        about = _ABOUT.match(statement)
        name = re.compile(_NAME).match(statement, about.end()) if about else None
        statement.table = _plain(name["name"]) if name else None
        statement.new = statement.table in known or statement.makes_table
        is_alter = name is not None and statement.startswith("ALTER TABLE")
        statement.actions = _parts(statement[name.end() :]) if name and is_alter else []
        if statement.makes_table and statement.table:
            known.add(statement.table)
        found.append(statement)
    return found


def _in_one_line(text: str) -> str:
    def piece(found: re.Match) -> str:
        if found["kept"]:
            return found["kept"]
        return " " if found["space"] else found[0].upper()

    return _PIECES.sub(piece, text).strip()


def _plain(name: str) -> str:
    parts = re.findall(r'"(?:[^"]|"")+"|\w+', name)
    plain = [p[1:-1] if p.startswith('"') else p.lower() for p in parts]
    return ".".join(plain[1:] if plain[0] == "public" and len(plain) > 1 else plain)


def _parts(text: str) -> list[str]:
    """Split at the commas that stand in no brackets and no quotes."""
    parts, depth = [""], 0
    for found in _PIECES.finditer(text):
        for character in [found[0]] if found["kept"] else found[0]:
            depth += (character == "(") - (character == ")")
            if character == "," and not depth:
                parts.append("")
            else:
                parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
