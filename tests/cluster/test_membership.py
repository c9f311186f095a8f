"""Nodes come, go and come back under writes, and nothing is lost or doubled; who must not serve is refused."""

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from click.testing import CliRunner
from psycopg2.extensions import make_dsn
from psycopg2.extras import LogicalReplicationConnection

from cluster.cli import main
from cluster.db import connect
from cluster.errors import ClusterError
from cluster.eviction import drop_slot, evict
from cluster.health import Follower
from cluster.joiner import Joiner
from cluster.joining import join, rejoin
from cluster.membership import (
    ADMIT_ALONE_AFTER_SECONDS,
    Kept,
    PeerSays,
    View,
    admission,
    alone,
    beyond_bound,
    look,
    members_beside,
)
from cluster.mesh.build import build
from cluster.topology import Topology
from cluster.watch import Watch
from tests.support.nodes import CREDENTIALS, Nodes, running_mesh, wait_until

SCHEMA = (
    "create table pupil (id text primary key, n int not null, badge text unique)",
    "create table mark (id serial primary key, pupil text not null references pupil(id), value int)",
    "create table room (id int primary key, old text)",
    "alter table room add column wing text default 'east'",
    "alter table room rename column old to name",
    "create view best as select pupil, max(value) from mark group by 1",
)


class Writers:
    """One writer per node: pupils with a mark each, now and then changed or deleted. Knows what was acknowledged."""

    def __init__(self, nodes: Nodes):
        self.nodes = nodes
        self.kept: set[str] = set()
        self.deleted: set[str] = set()
        self.unsure: set[str] = set()
        """Under way when a connection was lost: may be there or not."""
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def add(self, node: int) -> None:
        thread = threading.Thread(target=self._write, args=(node,))
        thread.start()
        self.threads.append(thread)

    def wait_for_more(self, node: int) -> None:
        """Until the writer of this node has had some more writes acknowledged."""

        def count() -> int:
            return sum(name.startswith(f"{node}-") for name in [*self.kept])

        enough = count() + 10
        wait_until(lambda: count() >= enough, what=f"node {node} takes writes")

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _write(self, node: int) -> None:
        db = self.nodes.connect(node)
        db.autocommit = True
        i = 0
        name = ""
        try:
            with contextlib.closing(db), db.cursor() as cursor:
                while not self.stopping.is_set():
                    i += 1
                    name = f"{node}-{time.time_ns()}"
                    cursor.execute(
                        "with p as (insert into pupil values (%s, 0, %s) returning id) select id from p",
                        (name, f"badge {name}"),
                    )
                    self.kept.add(name)
                    cursor.execute("insert into mark (pupil, value) values (%s, %s)", (name, i))
                    cursor.execute("update pupil set n = n + 1 where id = %s", (name,))
                    if i % 7 == 0:
                        cursor.execute("delete from mark where pupil = %s", (name,))
                        cursor.execute("delete from pupil where id = %s", (name,))
                        self.kept.discard(name)
                        self.deleted.add(name)
                    time.sleep(0.005)
        except psycopg2.OperationalError:
            self.kept.discard(name)
            self.unsure.add(name)

    def assert_all_there(self, *only: int) -> None:
        """Every acknowledged row is on every node, none that was deleted, none from nowhere."""
        for node, rows in self.nodes.rows("pupil").items():
            if only and node not in only:
                continue
            found = {row.strip("()").split(",")[0] for (row,) in rows}
            assert len(found) == len(rows)
            assert self.kept - found == set(), f"missing on node {node}"
            assert found - self.kept - self.unsure == set(), f"extra on node {node}"


@contextlib.contextmanager
def writing(nodes: Nodes, *on: int) -> Iterator[Writers]:
    writers = Writers(nodes)
    for node in on:
        writers.add(node)
    try:
        yield writers
    finally:
        writers.stop()


def made(nodes: Nodes) -> None:
    for statement in SCHEMA:
        if statement.startswith("alter table room add"):
            nodes.sql(1, "insert into room values (1, 'a'), (2, 'b')")
        nodes.ddl(1, statement)


def part(nodes: Nodes, *numbers: int) -> Topology:
    return replace(nodes.topology, hosts=tuple(nodes.topology.host(n) for n in numbers))


def a_join(nodes: Nodes, name: str) -> list[str]:
    return join(nodes.topology, CREDENTIALS, name)


def heal_later(nodes: Nodes, subscriber: int, publisher: int) -> None:
    """Heal a cut, on a connection of its own: a thread's."""
    with connect(
        nodes.topology, nodes.topology.host(subscriber), CREDENTIALS, autocommit=True
    ) as db:
        db.cursor().execute(f"alter subscription n{subscriber}_from_n{publisher} enable")


def watch(nodes: Nodes, node: int, turns: int = 1) -> Watch:
    """The agent's look at its node's place in the mesh, so many times."""
    watching = Watch(nodes.topology, nodes.topology.host(node), CREDENTIALS)
    with connect(nodes.topology, watching.host, CREDENTIALS, autocommit=True) as db:
        for _ in range(turns):
            watching.turn(db)
            watching.looked_at = -1e9
    watching.close()
    return watching


def reasons(nodes: Nodes, node: int) -> str:
    return " ".join(r for (r,) in nodes.sql(node, "select mesh.unfit_reasons()"))


def forget_connections(nodes: Nodes, node: int) -> None:
    """A rejoin ends all sessions of a node."""
    for key in [key for key in nodes._connections if key[0] == node]:
        nodes._connections.pop(key).close()


def is_being_filled(nodes: Nodes, node: int) -> bool:
    installed = nodes.admin(node, "select to_regclass('mesh.joining') is not null")[0][0]
    return installed and nodes.admin(node, "select count(*) from mesh.joining") == [(1,)]


def command(nodes: Nodes, *arguments: str):
    """`clusterctl` on this mesh."""
    write_secrets(nodes)
    return CliRunner().invoke(main, ["--config", str(nodes.folder / "cluster.toml"), *arguments])


def write_secrets(nodes: Nodes) -> None:
    secrets = nodes.folder / "secrets.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(
        f'postgres_password = "{CREDENTIALS.superuser}"\n'
        f'replication_password = "{CREDENTIALS.replication}"\napp_password = "{CREDENTIALS.app}"\n'
    )


@contextlib.contextmanager
def agents(nodes: Nodes) -> Iterator[None]:
    """The agents of all nodes, as they run on hosts; none of them may end."""
    write_secrets(nodes)
    run = (sys.executable, "-m", "cluster.agent", "--config", str(nodes.folder / "cluster.toml"), "--host")  # fmt: skip
    log = (nodes.folder / "agents.log").open("w")
    processes = [
        subprocess.Popen(
            [*run, host.name, "--archive", str(nodes.folder / f"log-{host.name}")],
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=log,
        )
        for host in nodes.topology.hosts
    ]
    try:
        yield
        assert [process.poll() for process in processes] == [None] * len(processes)
        assert "looked after" not in (nodes.folder / "agents.log").read_text()
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        log.close()


# --- joining


def test_nodes_join_one_after_the_other_while_every_member_is_written_to():
    with running_mesh(3, members=1) as nodes:
        made(nodes)
        with writing(nodes, 1) as writers:
            for node in (2, 3):
                if node == 3:
                    # The donor lacks what node 2 has sent when the joiner's slots are made: that is waited for.
                    nodes.cut(1, 2)
                    nodes.sql(2, "insert into pupil values ('late', 0, 'late')")
                    writers.kept.add("late")
                    threading.Timer(4, heal_later, (nodes, 1, 2)).start()
                a_join(nodes, f"host{node}")
                writers.add(node)
                writers.wait_for_more(node)
        nodes.level()
        writers.assert_all_there()
        nodes.assert_equal("pupil", "mark", "best")
        # Numbers of a node's own class: what two nodes hand out never meets.
        for node in (1, 2, 3):
            assert nodes.sql(node, "select nextval('mark_id_seq') % 16")[0][0] == node
        assert set(nodes.sql(2, "select node, state from mesh.node")) == {(n, "member") for n in (1, 2, 3)}  # fmt: skip
        who = nodes.admin(3, "select who, what, detail->>'node' from mesh.audit")
        assert [(what, node) for _, what, node in who] == [("join", "host3")]
        assert "@" in who[0][0]
        nodes.sql(3, "update room set name = 'c' where id = 1")
        nodes.level()
        assert nodes.sql(1, "select name, wing from room where id = 1") == [("c", "east")]
        nodes.assert_equal("room")
        # A schema change reaches the new ones, and the next beat of each is heard by all.
        nodes.ddl(3, "alter table pupil add column house text")
        nodes.level()
        for node in (1, 2, 3):
            nodes.admin(node, "select mesh.beat()")
        wait_until(lambda: nodes.admin(1, "select min(at) > '-infinity' from mesh.heartbeat")[0][0])
        # It is a member now: nothing is done to it a second time.
        assert a_join(nodes, "host3") == []
        assert build(nodes.topology, CREDENTIALS) in (True, False)
        assert build(nodes.topology, CREDENTIALS) is False


def test_a_join_that_is_killed_anywhere_is_completed_by_running_it_again():
    with running_mesh(2, members=1) as nodes:
        made(nodes)
        assert command(nodes, "join", "host2", "--dry-run").exit_code == 0
        run = (sys.executable, "-m", "cluster.cli", "--config", str(nodes.folder / "cluster.toml"), "join", "host2")  # fmt: skip
        killed = 0
        with writing(nodes, 1) as writers:
            for line_to_die_after in range(1, 6):
                process = subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env={"PYTHONUNBUFFERED": "1", "PATH": "/usr/bin:/bin"})  # fmt: skip
                assert process.stdout
                for count, _ in enumerate(process.stdout, 1):
                    if count == line_to_die_after:
                        process.kill()
                        killed += 1
                        break
                process.stdout.close()
                process.wait()
                # Half filled it takes no writes, and making the mesh again does not make it a member.
                if is_being_filled(nodes, 2):
                    forget_connections(nodes, 2)
                    said = nodes.admin(2, "select mesh.unfit_reasons()")
                    assert "is being filled" in said[0][0]
                    with pytest.raises(psycopg2.OperationalError, match="not permitted to log in"):
                        nodes.sql(
                            2, "select 1"
                        )  # nor does anybody write to tables without triggers
                    with pytest.raises(ClusterError, match=r"clusterctl join host2"):
                        build(nodes.topology, CREDENTIALS)
            a_join(nodes, "host2")
            writers.add(2)
            writers.wait_for_more(2)
        assert killed >= 3
        nodes.level()
        writers.assert_all_there()
        nodes.assert_equal("pupil", "mark")
        assert reasons(nodes, 2) == ""


# --- a node that is gone, and comes back


def test_a_dead_node_is_put_out_and_taken_in_again_with_its_unsent_writes():
    with running_mesh(3) as nodes:
        made(nodes)
        nodes.level()
        with agents(nodes), writing(nodes, 1, 2, 3) as writers:
            time.sleep(0.5)
            # Node 2 misses what 1 gets of node 3; then a last write on 3 reaches nobody.
            nodes.cut(2, 3)
            time.sleep(0.5)
            nodes.cut(1, 3)
            nodes.sql(3, "insert into pupil values ('unsent', 1, 'unsent')")
            writers.kept.add("unsent")
            nodes.kill(3)
            nodes._admitted.discard(3)
            nodes.heal(1, 3)
            nodes.heal(2, 3)
            with pytest.raises(ClusterError, match=r"host3 at .* does not answer"):
                rejoin(nodes.topology, CREDENTIALS, "host3")
            assert evict(nodes.topology, CREDENTIALS, "host3")
            assert evict(nodes.topology, CREDENTIALS, "host3") == []
            for node, other in ((1, 2), (2, 1)):
                slots = nodes.admin(node, "select slot_name from pg_replication_slots")
                assert slots == [(f"n{other}_from_n{node}",)]
                subscriptions = nodes.admin(node, "select subname from pg_subscription")
                assert subscriptions == [(f"n{node}_from_n{other}",)]
            # The survivors exchanged what each had of it.
            count = "select count(*) from mesh.change where origin = 3"
            assert nodes.admin(1, count) == nodes.admin(2, count) != [(0,)]
            # It comes back with its old disk: no writes, not ready, and `init` does not bring it in.
            nodes.start(3)
            wait_until(lambda: "was evicted, says" in reasons(nodes, 3))
            with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
                nodes.sql(3, "insert into pupil values ('late', 1, 'late')")
            build(nodes.topology, CREDENTIALS)
            assert nodes.admin(1, "select count(*) from pg_replication_slots") == [(1,)]
            rejoin(nodes.topology, CREDENTIALS, "host3")
            forget_connections(nodes, 3)
            writers.add(3)
            writers.wait_for_more(3)
            time.sleep(
                3
            )  # more than an agent's look: it leaves the gate open that the rejoin opened
            writers.wait_for_more(3)
        nodes.level()
        writers.assert_all_there()
        nodes.assert_equal("pupil", "mark")
        assert nodes.sql(1, "select n from pupil where id = 'unsent'") == [(1,)]
        with pytest.raises(ClusterError, match="is a member and well"):
            rejoin(nodes.topology, CREDENTIALS, "host3")
        with pytest.raises(ClusterError, match="a host that lives is not evicted"):
            evict(nodes.topology, CREDENTIALS, "host3")


def test_a_node_from_an_old_copy_of_its_disk_is_refused_and_loses_nothing_when_it_rejoins(tmp_path):
    with running_mesh(2) as nodes:
        made(nodes)
        nodes.level()
        nodes.sql(2, "insert into pupil values ('old', 1, 'old')")
        nodes.level()
        nodes.kill(2)
        copied = nodes.folder / "copy"
        shutil.copytree(nodes.folder / "n2", copied, symlinks=True)
        nodes.start(2)
        for i in range(50):
            nodes.sql(2, "insert into pupil values (%s, 1, %s)", f"new {i}", f"new {i}")
        nodes.level()
        nodes.kill(2)
        shutil.rmtree(nodes.folder / "n2")
        subprocess.run(["cp", "-a", copied, nodes.folder / "n2"], check=True)
        subprocess.run(["chown", "-R", "--reference", nodes.folder / "n1", nodes.folder / "n2"], check=True)  # fmt: skip
        nodes._admitted.discard(2)
        nodes.start(2)
        watch(nodes, 2)
        assert "older than its own past" in reasons(nodes, 2)
        with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
            nodes.sql(2, "insert into pupil values ('too early', 1, 'x')")
        # Had nobody answered for long enough, it would have taken writes, under numbers that are taken.
        nodes.admin(2, "select mesh.open_gate()")
        for i in range(5):
            nodes.sql(2, "insert into pupil values (%s, 2, %s)", f"second life {i}", f"second {i}")
        watch(nodes, 2)
        with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
            nodes.sql(2, "insert into pupil values ('too late', 1, 'x')")
        done = command(nodes, "rejoin", "host2", "--dry-run", "--json")
        assert done.exit_code == 0
        assert json.loads(done.output)["changed"] is False
        assert command(nodes, "rejoin", "host2").exit_code == 0
        forget_connections(nodes, 2)
        nodes.sql(2, "insert into pupil values ('third life', 3, 'third')")
        nodes.level()
        nodes.assert_equal("pupil")
        names = {name for (name,) in nodes.sql(2, "select id from pupil")}
        assert names == {"old", "third life", *(f"new {i}" for i in range(50)), *(f"second life {i}" for i in range(5))}  # fmt: skip


def test_a_slot_is_dropped_though_its_reader_comes_back_at_once():
    """As a subscription does, every 100 ms or 200."""
    ended = threading.Event()

    def read_again_and_again() -> None:
        while not ended.is_set():
            with (
                contextlib.suppress(psycopg2.Error),
                contextlib.closing(psycopg2.connect(dsn, connection_factory=LogicalReplicationConnection)) as db,
                db.cursor() as cursor,
            ):  # fmt: skip
                options = {"proto_version": "1", "publication_names": "none"}
                cursor.start_replication("read", decode=False, options=options)
                while not ended.is_set():
                    cursor.read_message()
                    time.sleep(0.001)

    def is_read() -> bool:
        return nodes.admin(1, "select active from pg_replication_slots where slot_name = 'read'") == [(True,)]  # fmt: skip

    with running_mesh(1) as nodes:
        nodes.admin(1, "select pg_create_logical_replication_slot('read', 'pgoutput')")
        with contextlib.closing(nodes.connect(1, "postgres")) as db, db.cursor() as cursor:
            db.autocommit = True
            dsn = make_dsn(db.dsn, password=CREDENTIALS.superuser)
            reader = threading.Thread(target=read_again_and_again)
            reader.start()
            try:
                wait_until(is_read)
                assert drop_slot(cursor, "read")
                assert not drop_slot(cursor, "read")
            finally:
                ended.set()
                reader.join()


def test_what_is_kept_for_a_node_that_stays_away_is_bounded_and_it_is_put_out():
    with running_mesh(2) as nodes:
        made(nodes)
        nodes.level()
        nodes.admin(1, "alter system set max_slot_wal_keep_size = '16MB'")
        nodes.admin(1, "select pg_reload_conf()")
        nodes.level()
        nodes.kill(2)
        watch(nodes, 1)
        assert nodes.sql(1, "select state from mesh.node where node = 2") == [("member",)]
        for _ in range(6):
            nodes.admin(1, "select pg_logical_emit_message(false, 'test', repeat('x', 10000000))")
            nodes.admin(1, "select pg_switch_wal()")
        nodes.admin(1, "checkpoint")
        assert nodes.admin(1, "select wal_status from pg_replication_slots") == [("lost",)]
        watch(nodes, 1)
        assert nodes.sql(1, "select state from mesh.node where node = 2") == [("evicted",)]
        assert nodes.admin(1, "select count(*) from pg_replication_slots") == [(0,)]
        assert nodes.admin(1, "select who from mesh.audit") == [("agent@host1",)]
        # Its disk was the reason: another host takes its name and number, with nothing on it.
        shutil.rmtree(nodes.folder / "n2")
        nodes._init(2)
        nodes._admitted.discard(2)
        nodes.start(2)
        nodes._create_database(2)
        rejoin(nodes.topology, CREDENTIALS, "host2")
        nodes.sql(2, "insert into pupil values ('again', 1, 'again')")
        (seq,) = nodes.sql(2, "select max(seq) from mesh.change where origin = 2")[0]
        assert seq > 1_700_000_000_000, "numbers of its former life are never used again"
        nodes.level()
        nodes.assert_equal("pupil")

        def knows_that_it_was_heard() -> bool:
            for node in (2, 1):
                nodes.admin(node, "select mesh.beat()")
            heard = "select (heard->>'2')::bigint >= (select max(hlc) from mesh.change where origin = 2)"
            return nodes.admin(2, f"{heard} from mesh.heartbeat where node = 1") == [(True,)]

        wait_until(knows_that_it_was_heard)
        # Told to go while it lives, it stays away: its agent does not open again what was shut.
        watching = watch(nodes, 2)
        assert watching.decided.open
        assert evict(nodes.topology, CREDENTIALS, "host2", force=True)
        forget_connections(nodes, 2)
        with connect(nodes.topology, watching.host, CREDENTIALS, autocommit=True) as db:
            watching.turn(db)
        watching.close()
        with pytest.raises(psycopg2.OperationalError, match="not been admitted"):
            nodes.sql(2, "insert into pupil values ('on my own', 1, 'on my own')")
        # What it writes all the same is older than what the member still remembers when it is taken in: a person gets it.
        nodes.admin(2, "select mesh.open_gate()")
        nodes.sql(2, "insert into pupil values ('too old', 1, 'too old')")
        nodes.admin(1, "select setval('mesh.pruned_to', mesh.clock())")
        rejoin(nodes.topology, CREDENTIALS, "host2")
        forget_connections(nodes, 2)
        (file,) = nodes.folder.glob("unsent-host2-*.jsonl")
        assert file.stat().st_mode & 0o777 == 0o600
        assert [json.loads(line)["key"] for line in file.read_text().splitlines()] == ["too old"]
        nodes.level()
        nodes.assert_equal("pupil")
        assert nodes.sql(2, "select id from pupil") == [("again",)]


# --- refusals


@pytest.fixture(scope="module")
def half(request) -> Iterator[Nodes]:
    """Node 1 is a mesh with data; node 2 is empty; node 3 is a mesh of its own."""
    with running_mesh(3, members=1) as nodes:
        made(nodes)
        nodes.sql(1, "insert into pupil values ('one', 1, 'one')")
        build(part(nodes, 3), CREDENTIALS)
        nodes.ddl(3, "create table other (id int primary key)")
        yield nodes


def test_a_name_that_is_no_hosts_is_misuse_and_says_which_there_are(half: Nodes):
    for verb in ("join", "evict", "rejoin"):
        done = command(half, verb, "host9")
        assert (done.exit_code, "it has host1 (node 1)" in done.output) == (2, True)


def test_a_node_of_another_cluster_neither_joins_nor_rejoins(half: Nodes):
    before = half.admin(3, "select count(*) from mesh.change")
    two = replace(half.topology, hosts=(half.topology.host(1), half.topology.host(3)))
    for operation in (join, rejoin):
        with pytest.raises(ClusterError, match="another cluster"):
            operation(two, CREDENTIALS, "host3")
    assert half.admin(3, "select count(*) from mesh.change") == before


def test_a_database_with_tables_of_its_own_does_not_join(half: Nodes):
    half.admin(2, "create table somebodys (id int primary key)")
    try:
        with pytest.raises(ClusterError, match="host2 has tables already; only an empty database"):
            join(part(half, 1, 2), CREDENTIALS, "host2")
    finally:
        half.admin(2, "drop table somebodys")
    assert half.admin(2, "select to_regnamespace('mesh')") == [(None,)]


def test_a_joiner_that_does_not_answer_is_named(half: Nodes):
    half.kill(2)
    try:
        done = command(half, "join", "host2")
        assert (done.exit_code, "Postgres of host2" in done.output) == (1, True)
    finally:
        half.start(2)


def test_the_last_member_is_not_evicted(half: Nodes):
    one = replace(half.topology, hosts=(half.topology.host(1),))
    with pytest.raises(ClusterError, match="may be the last one"):
        evict(one, CREDENTIALS, "host1", force=True)


def test_a_join_that_is_given_up_leaves_nothing_kept(half: Nodes):
    two = part(half, 1, 2)
    half.admin(1, "select pg_create_logical_replication_slot('n2_from_n1', 'pgoutput')")
    assert evict(two, CREDENTIALS, "host2")
    assert half.admin(1, "select count(*) from pg_replication_slots") == [(0,)]
    with pytest.raises(ClusterError, match="host2 is no member of this mesh, nor was it one"):
        evict(two, CREDENTIALS, "host2")


def test_a_dry_run_changes_nothing(half: Nodes):
    two = part(half, 1, 2)
    said = join(two, CREDENTIALS, "host2", dry_run=True)
    assert any("copy schema, rows and log of host1" in line for line in said)
    assert half.admin(2, "select to_regnamespace('mesh')") == [(None,)]
    assert half.admin(1, "select count(*) from pg_replication_slots") == [(0,)]


def test_an_older_postgres_does_not_join(half: Nodes):
    """Only the check: there is one version of Postgres here."""
    newer = View(1, "host1", server_version=990000, cluster_id="c", states={1: "member"})
    host = half.topology.host(2)
    joining = Joiner(half.topology, CREDENTIALS, host, members_beside({1: newer}, 2))
    with pytest.raises(ClusterError, match="PostgreSQL 15, which can't take the tables of host1"):
        joining._check_version(150020)


def test_two_operations_on_members_exclude_each_other(half: Nodes):
    views = look(part(half, 1, 2), CREDENTIALS)
    with (
        alone(part(half, 1, 2), CREDENTIALS, members_beside(views, 2), views),
        pytest.raises(ClusterError, match="another join, evict or rejoin is running"),
    ):
        join(part(half, 1, 2), CREDENTIALS, "host2")
    older = {**views, 2: View(2, "host2", error="it did not answer")}
    with (
        pytest.raises(ClusterError, match="the nodes changed in this moment"),
        alone(part(half, 1, 2), CREDENTIALS, members_beside(views, 2), older),
    ):
        pass


# --- what decides, without a database


def says(name: str = "b", cluster: str = "c", state: str | None = "member", lost: int = 0):
    return PeerSays(name, cluster, state, lost)


@pytest.mark.parametrize(
    ("state", "said", "peers", "seconds", "opens", "why"),
    [
        ("member", [says()], 1, 0, True, None),
        ("member", [], 0, 0, True, None),
        ("member", [], 2, 1, False, "waits for a peer"),
        ("member", [], 2, ADMIT_ALONE_AFTER_SECONDS, True, "without having been compared"),
        ("member", [says(lost=3)], 1, 0, False, "older than its own past"),
        ("member", [says("b"), says("d", lost=1)], 2, 0, False, "d has 1 changes"),
        ("member", [says(state="evicted")], 1, 99, False, "was evicted, says b"),
        ("evicted", [], 1, 99, False, "was evicted"),
        ("joining", [], 1, 99, False, "being filled"),
        ("member", [says(cluster="x")], 1, 99, False, "another cluster"),
        ("member", [says(cluster="x", state="evicted", lost=9), says("d")], 2, 0, True, None),
    ],
)
def test_a_node_takes_writes_only_when_its_peers_know_nothing_against_it(state, said, peers, seconds, opens, why):  # fmt: skip
    found = admission("a", "c", state, said, peers, seconds)
    assert found.open is opens
    assert (why or "") in (found.reason or "")
    assert (found.reason is None) is (why is None)


def test_an_answer_that_is_missing_is_waited_for_even_when_the_gate_is_open():
    assert admission("a", "c", "member", [says()], 1, 0).final
    assert not admission("a", "c", "member", [says()], 2, 0).final
    assert not admission("a", "c", "member", [], 2, 99).final


def test_only_what_postgres_has_given_up_is_evicted():
    slots = [
        Kept("a", "lost", None, False),
        Kept("b", "unreserved", 5, False),
        Kept("c", "unreserved", 5, True),
        Kept("d", "extended", 4, False),
    ]
    assert beyond_bound(slots) == ["a", "b"]


def test_half_the_bound_is_an_alarm():
    gib = 2**30
    assert Follower("b", True, 0, 0.0, 5 * gib, 10 * gib).troubles == []
    (said,) = Follower("b", True, 0, 0.0, 6 * gib, 10 * gib).troubles
    assert "keeps 6.0 GiB for b" in said
    assert Follower("b", True, 0, 0.0, 6 * gib, None).troubles == []


def test_what_an_evicted_node_thinks_of_others_does_not_count():
    def view(node, states, **rest):
        return View(node, f"host{node}", cluster_id="c", states=states, **rest)

    all_in = {1: "member", 2: "member", 3: "member"}
    views = {1: view(1, {**all_in, 3: "evicted"}), 2: view(2, all_in), 3: view(3, {**all_in, 1: "evicted"})}  # fmt: skip
    members = members_beside(views, 3)
    assert (set(members.live), members.target_state) == ({1, 2}, "evicted")
    away = {**views, 2: View(2, "host2", error="host2 is away")}
    with pytest.raises(ClusterError, match="host2 is away"):
        members_beside(away, 3).require_all("so")
