"""Writes through all hosts at once, one host killed and revived: all equal, nothing acknowledged lost."""

import contextlib
import re
import tempfile
import threading
import time
from pathlib import Path

import psycopg2
import pytest
import requests

from cluster.local import ports
from cluster.local.laptop import Laptop
from cluster.local.programs import DEMO_PASSWORD
from tests.support.nodes import wait_until
from tests.support.teacher import Teacher
from webapp.api.ids import uuid7

SECONDS_PER_ACT = 5


def rows(laptop: Laptop, node: int, statement: str, *args) -> list[tuple]:
    """Ask one node's Postgres as the operator."""
    with (
        contextlib.closing(psycopg2.connect(laptop.dsn(node, "postgres"))) as db,
        db,
        db.cursor() as cursor,
    ):
        cursor.execute(statement, args or None)
        return cursor.fetchall()


def nodes_of(laptop: Laptop) -> list[int]:
    return [h.node for h in laptop.topology.hosts]


def assert_well(laptop: Laptop) -> None:
    """All nodes level and equal, nothing parked, every apply worker at work."""
    nodes = nodes_of(laptop)
    wait_until(
        lambda: len({rows(laptop, n, "select mesh.position()")[0] for n in nodes}) == 1,
        60,
        "all nodes have all changes",
    )
    wait_until(
        lambda: not any(rows(laptop, n, "select 1 from mesh.parked") for n in nodes),
        20,
        "nothing stays parked",
    )
    tables = [
        t
        for (t,) in rows(
            laptop, 1, "select rel::regclass::text from mesh.replicated where rel is not null"
        )
    ]
    assert "lessons_lesson" in tables
    for table in tables:
        found = {n: rows(laptop, n, f"select t::text from {table} t order by 1") for n in nodes}
        differing = {n: sorted(set(found[n]) ^ set(found[1])) for n in nodes}
        assert not any(differing.values()), _what_is_known(laptop, table, differing)
    for n in nodes:
        working = (
            "select count(*) from pg_stat_subscription where pid is not null and relid is null"
        )
        assert rows(laptop, n, working) == [(len(nodes) - 1,)]


def _what_is_known(laptop: Laptop, table: str, differing: dict[int, list]) -> str:
    """What each node's log says of a table whose rows differ: the newest changes, and what waits."""
    told = [f"{table} differs: {differing}"]
    for n in nodes_of(laptop):
        told.append(f"node {n}: " + str(rows(laptop, n, "select mesh.position()")))
        log = "select origin, seq, hlc, key, kind, row, prev_hlc, txn from mesh.change where tbl = %s order by hlc desc limit 12"
        told += [str(change)[:600] for change in rows(laptop, n, log, table)]
        told += [str(row)[:300] for row in rows(laptop, n, "select * from mesh.parked")]
    return "\n".join(told)


class Writer(threading.Thread):
    """One teacher at one host: signs in, saves lessons, teaches, again and again. Keeps what was acknowledged."""

    def __init__(self, hosts: list[str], stop: threading.Event):
        super().__init__(daemon=True)
        self.hosts, self.stop = hosts, stop
        self.lessons: dict[str, str] = {}
        self.teachings: set[str] = set()
        self.sign_ins: set[str] = set()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self.one_visit()
        except BaseException as error:
            self.failure = error

    def one_visit(self) -> None:
        teacher = Teacher(list(self.hosts))
        teacher.sign_in()
        self.sign_ins.add(teacher.session_key)
        lesson, base = str(uuid7()), None
        for n in range(3):
            base = teacher.save_lesson(lesson, f"# One\n\n---\n\n# Two {n}", base)
            self.lessons[lesson] = base
            # what a client was told it can read, wherever it asks next
            teacher.hosts.reverse()
            seen = teacher.ask("GET", f"/api/v1/lessons/{lesson}")
            assert seen.status_code == 200, seen.text
            assert seen.json()["version"] == base
        self.teachings.add(teacher.start_teaching(lesson))


@pytest.fixture(params=[2, 1], ids=["host2", "host1"])
def victim(request) -> int:
    return request.param


def test_nothing_acknowledged_is_lost_when_a_host_dies_amid_writes_through_all(laptop, victim):
    urls = [h.public_url for h in laptop.topology.hosts]
    stop = threading.Event()
    writers = [Writer([*urls[i:], *urls[:i]], stop) for i in range(len(urls))]
    for writer in writers:
        writer.start()
    time.sleep(SECONDS_PER_ACT)
    laptop.kill(victim)
    time.sleep(SECONDS_PER_ACT)
    revival = threading.Thread(target=laptop.revive, args=(victim,))
    revival.start()
    revival.join()
    time.sleep(SECONDS_PER_ACT / 2)
    stop.set()
    for writer in writers:
        writer.join(60)
        assert writer.failure is None, writer.failure
        assert len(writer.lessons) > 3
    assert_well(laptop)
    lessons = {k: v for w in writers for k, v in w.lessons.items()}
    for node in nodes_of(laptop):
        kept = dict(rows(laptop, node, "select id::text, version::text from lessons_lesson"))
        assert {k: kept.get(k) for k in lessons} == lessons
        teachings = {
            t for (t,) in rows(laptop, node, "select id::text from teaching_teachingsession")
        }
        assert {t for w in writers for t in w.teachings} <= teachings
        sessions = {s for (s,) in rows(laptop, node, "select session_key from django_session")}
        assert {s for w in writers for s in w.sign_ins} <= sessions
    print(
        f"{len(lessons)} lessons, {sum(len(w.sign_ins) for w in writers)} sign-ins, all on all nodes"
    )


@pytest.fixture(scope="module")
def two_hosts():
    """A cluster of two hosts, as `make up HOSTS=2` makes it."""
    # Not below pytest's own folder: another run's start shuts that to all but root.
    with tempfile.TemporaryDirectory(prefix="firstbell-test-") as folder:
        Path(folder).chmod(0o755)
        laptop = Laptop(state_path=Path(folder) / "run", hosts=2, port_base=ports.free_base(12500))
        try:
            laptop.up()
            yield laptop
        finally:
            laptop.down()


def test_on_two_hosts_a_dead_one_holds_up_no_write_for_long_and_catches_up(two_hosts):
    teacher = Teacher([h.public_url for h in two_hosts.topology.hosts])
    teacher.sign_in()
    lesson = str(uuid7())
    base = teacher.save_lesson(lesson, "# Both", None)
    two_hosts.kill(2)
    started = time.monotonic()
    base = teacher.save_lesson(lesson, "# Alone", base)  # within the request's own time-out
    print(f"first write after the only peer's death: {time.monotonic() - started:.2f} s")
    two_hosts.revive(2)
    wait_until(
        lambda: teacher.ask("GET", "/api/v1/lessons").headers["Firstbell-Durability"] == "peer",
        30,
        "commits wait for the peer again",
    )
    two_hosts.kill(1)
    assert teacher.ask("GET", f"/api/v1/lessons/{lesson}").json()["version"] == base
    base = teacher.save_lesson(lesson, "# On the other", base)
    two_hosts.revive(1)
    assert_well(two_hosts)
    assert rows(two_hosts, 1, "select version::text from lessons_lesson where id = %s", lesson) == [
        (base,)
    ]


def test_with_one_host_of_three_alive_work_goes_on_and_says_that_it_is_less_durable(laptop):
    urls = [h.public_url for h in laptop.topology.hosts]
    laptop.kill(2)
    laptop.kill(3)
    teacher = Teacher(urls)
    teacher.sign_in()
    lesson = str(uuid7())
    wait_until(
        lambda: teacher.ask("GET", "/api/v1/lessons").headers["Firstbell-Durability"] == "local",
        15,
        "the host says that commits are durable here only",
    )
    teacher.save_lesson(lesson, "# Alone", None)
    laptop.revive(2)
    laptop.revive(3)
    wait_until(
        lambda: teacher.ask("GET", "/api/v1/lessons").headers["Firstbell-Durability"] == "peer",
        30,
        "commits wait for a peer again",
    )
    assert_well(laptop)
    assert rows(laptop, 3, "select 1 from lessons_lesson where id = %s", lesson)


def test_migrate_on_node_2_leaves_nothing_to_do_on_the_others(laptop):
    laptop.manage(2, "migrate")
    for node in nodes_of(laptop):
        assert "No migrations to apply" in laptop.manage(node, "migrate")
    assert_well(laptop)


def test_the_admin_can_be_signed_in_to_at_every_front_door(laptop):
    for host in laptop.topology.hosts:
        address = f"{host.public_url}/admin/login/"
        http = requests.Session()
        form = http.get(address, timeout=5).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
        answer = http.post(
            address,
            data={"csrfmiddlewaretoken": token, "username": "admin", "password": DEMO_PASSWORD},
            headers={"Origin": host.public_url},  # as browsers do
            timeout=5,
            allow_redirects=False,
        )
        assert answer.status_code == 302, answer.text[:300]
