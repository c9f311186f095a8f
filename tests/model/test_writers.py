"""Several nodes on which clients write at once, in Python and in real Postgres: what capture logs, carried about in any
way, ends as specified on all of them."""

import contextlib
from collections.abc import Sequence

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.model.histories import ERA, KEYS, ORIGINS, SCENES, WORLD, some_columns, whole_rows
from tests.model.incremental import Crash, ModelNode, Refused
from tests.model.postgres import SqlNode
from tests.model.specification import EVERY_KEY, Change, Outcome, specified

Node = ModelNode | SqlNode


@st.composite
def statements(draw, tables: list[str]) -> tuple:
    kind = draw(st.sampled_from("IIIIIIUUUUUDDKT"))
    table, key = draw(st.sampled_from(tables)), draw(st.sampled_from(KEYS))
    if kind == "I":
        return kind, table, draw(whole_rows(WORLD, table, key, tables))
    if kind == "U":
        return kind, table, key, draw(some_columns(WORLD, table, tables))
    if kind == "K":
        return kind, table, key, draw(st.sampled_from([k for k in KEYS if k != key]))
    return (kind, table) if kind == "T" else (kind, table, key)


class Mesh:
    """Nodes, what each has written, and how much of it each of the others has."""

    def __init__(self, nodes: Sequence[Node]):
        self.nodes = {n.number: n for n in nodes}
        self.written: dict[int, list[list[Change]]] = {n: [] for n in self.nodes}
        self.has = {(to, of): 0 for to in self.nodes for of in self.nodes if to != of}
        self.era_is_over = False
        self.had: dict[Change, set[Change]] = {}
        """What the writer of a change had before it."""

    def write(self, node: int, transaction: list[tuple], clock: int) -> None:
        with contextlib.suppress(Refused):
            if made := self.nodes[node].write(transaction, clock + self.era_is_over * ERA):
                had = {c for t in self.written[node] for c in t}
                for of in self.nodes.keys() - {node}:
                    had |= {c for t in self.written[of][: self.has[node, of]] for c in t}
                for change in made:
                    self.had[change] = set(had)
                    had.add(change)
                self.written[node].append(made)

    def carry(self, to: int, of: int, crash: bool = False) -> None:
        if (n := self.has[to, of]) == len(self.written[of]):
            return
        transaction = self.written[of][n]
        if crash:
            with contextlib.suppress(Crash):
                self.nodes[to].deliver(transaction, len(transaction) - 1)
        self.nodes[to].deliver(transaction)
        self.has[to, of] += 1

    def carry_again(self, to: int, of: int, which: int) -> None:
        if n := self.has[to, of]:
            self.nodes[to].deliver(self.written[of][which % n])

    def end_era(self) -> None:
        """Every node gets all that is older than ERA and promises to write nothing as old any more."""
        for (to, of), n in list(self.has.items()):
            old = [i for i, t in enumerate(self.written[of]) if any(c.hlc < ERA for c in t)]
            for _ in range(n, max(old, default=-1) + 1):
                self.carry(to, of)
        for node in self.nodes.values():
            node.promise(ERA)
        self.era_is_over = True

    def level(self) -> None:
        for (to, of), n in list(self.has.items()):
            for _ in range(n, len(self.written[of])):
                self.carry(to, of)


def took(newer: Change, older: Change) -> set[str]:
    """Columns that the newer change took away of what the older one had written."""
    columns = {name for name, _ in older.row}
    if newer.kind == "U":
        columns &= {name for name, _ in newer.row}
    return columns if newer.version > older.version else set()


def lost(mesh: Mesh) -> set[Change]:
    """Changes of which somebody took something away who did not have them, and nobody who had them before."""
    found = set()
    for c in mesh.had:
        if c.kind not in "IU":
            continue
        others = [x for x in mesh.had if x.table == c.table and x.key in (c.key, EVERY_KEY)]
        for x in others:
            if c in mesh.had[x]:
                continue
            seen = [y for y in others if c in mesh.had[y] and y.version < x.version]
            if took(x, c) - set().union(*(took(y, c) for y in seen)):
                found.add(c)
    return found


def live(nodes: Sequence[Node], data: st.DataObject) -> tuple[list[Outcome], Outcome]:
    """Any life of a mesh; returns what its nodes end with, and what they should."""
    mesh = Mesh(nodes)
    tables = data.draw(st.sampled_from(SCENES))
    forgetful = data.draw(st.sets(st.sampled_from(ORIGINS)))
    for _ in range(data.draw(st.integers(1, 25))):
        node = data.draw(st.sampled_from(ORIGINS))
        other = data.draw(st.sampled_from([o for o in ORIGINS if o != node]))
        match data.draw(
            st.sampled_from(("write",) * 6 + ("carry",) * 4 + ("crash", "again", "sweep", "era"))
        ):
            case "write":
                transaction = data.draw(st.lists(statements(tables), min_size=1, max_size=3))
                # clocks are rarely right, and one may be ahead of the era
                mesh.write(node, transaction, data.draw(st.sampled_from((1, 2, 5, ERA + 1))))
            case "carry" | "crash" as how:
                mesh.carry(node, other, how == "crash")
            case "again":
                mesh.carry_again(node, other, data.draw(st.integers(0, 9)))
            case "sweep":
                mesh.nodes[node].sweep()
            case "era":
                mesh.end_era()
        if mesh.era_is_over and node in forgetful:
            forgot = mesh.nodes[node].forget(ERA)
            event(f"forgot: {forgot}")
    mesh.level()
    for n in mesh.nodes.values():
        n.promise(3 * ERA)
    found = [n.sweep_until_settled() for n in mesh.nodes.values()]
    if all(isinstance(n, SqlNode) for n in nodes):
        listed = set().union(*(n.losers() for n in nodes if isinstance(n, SqlNode)))
        unlisted = {c for c in lost(mesh) if (c.origin, c.seq) not in listed}
        assert unlisted == set(), "what people lost is listed on one node at least"
        event(f"lost: {bool(listed)}")
    changes = [c for ts in mesh.written.values() for t in ts for c in t]
    expected = specified(WORLD, changes)
    for reason in {reason for reason, _ in expected.parked.values()}:
        event(f"parked: {reason}")
    return found, expected


@given(st.data())
def test_nodes_of_the_model_end_as_specified(data):
    found, expected = live([ModelNode(WORLD, n) for n in ORIGINS], data)
    assert found == [expected] * len(ORIGINS)


@settings(max_examples=max(settings().max_examples // 3, 1))
@given(st.data())
def test_nodes_of_postgres_end_as_specified(sql_nodes, data):
    with contextlib.ExitStack() as stack:
        for node in sql_nodes:
            stack.enter_context(node.empty())
        found, expected = live(sql_nodes, data)
    assert found == [expected] * len(ORIGINS)
