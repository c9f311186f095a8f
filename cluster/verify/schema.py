"""Have all nodes the same schema? Columns' types are compared with the rows; here is what else decides about rows."""

import time
from collections.abc import Sequence

from cluster.verify.node import Node, everywhere

PAUSE_SECONDS = 0.2

Form = dict[tuple[str, str, str], str]
"""Definition by (kind, table in the change log, name)."""

QUERY = """
select 'column', a.attrelid, a.attname::text, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
       case when a.attnotnull then 'not null' end, nullif(a.attidentity, ''), nullif(a.attgenerated, ''),
       'default ' || pg_get_expr(d.adbin, d.adrelid))
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = any(%(rels)s::oid[]) and a.attnum > 0 and not a.attisdropped
union all
select 'constraint', conrelid, conname::text, pg_get_constraintdef(oid)
  from pg_constraint where conrelid = any(%(rels)s::oid[]) and contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'index', i.indrelid, c.relname::text,
       concat_ws(' ', pg_get_indexdef(i.indexrelid), case when not i.indisvalid then 'invalid' end)
  from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = any(%(rels)s::oid[])
"""


def differences(nodes: Sequence[Node], tables: Sequence[str], seconds: float) -> list[str]:
    """In words, what nodes have not alike of `tables` (names in the change log).

    A schema change arrives at one node after the other: nodes get `seconds` to become alike. Definitions are
    compared between nodes of one major version of Postgres only, as another one may word them otherwise.
    """
    end = time.monotonic() + seconds
    while True:
        found = _compare(nodes, tables)
        if not found or time.monotonic() > end:
            return found
        time.sleep(PAUSE_SECONDS)


def _compare(nodes: Sequence[Node], tables: Sequence[str]) -> list[str]:
    forms = everywhere(nodes, lambda node: _form(node, tables))
    names = {n.host.node: n.host.name for n in nodes}
    alike = len({n.connection.info.server_version // 10_000 for n in nodes}) == 1
    found = []
    for thing in sorted(set().union(*forms.values())):
        kind, table, name = thing
        said = {number: form.get(thing) for number, form in forms.items()}
        lacking = [names[number] for number, text in said.items() if text is None]
        if lacking:
            found.append(f"{kind} {name} of table {table} is not on {', '.join(lacking)}")
        elif alike and len(set(said.values())) > 1:
            texts = "; ".join(f"{names[number]}: {text}" for number, text in said.items())
            found.append(f"{kind} {name} of table {table} is not the same everywhere: {texts}")
    return found


def _form(node: Node, tables: Sequence[str]) -> Form:
    node.read_tables()
    rels = {node.tables[name].rel: name for name in tables if name in node.tables}
    node.cursor.execute(QUERY, {"rels": list(rels)})
    rows = node.cursor.fetchall()
    node.end()
    return {(kind, rels[rel], name): text for kind, rel, name, text in rows}
