"""`peer` and `local` per transaction, on a real mesh of two whose second node is cut off: who waits for it, who doesn't."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nodes import CREDENTIALS, Nodes, running_mesh, wait_until

REPOSITORY = Path(__file__).parents[2]

SETTINGS = """
import os
SECRET_KEY = "test"
FIRSTBELL_NODE = 1
INSTALLED_APPS = ["django.contrib.sessions", "webapp.multimaster", "notes"]
SESSION_ENGINE = "webapp.multimaster.sessions"
DATABASES = {"default": {"ENGINE": "webapp.multimaster", "HOST": "127.0.0.1", "PORT": os.environ["NODE_PORT"],
    "NAME": "firstbell", "USER": "firstbell", "PASSWORD": os.environ["NODE_PASSWORD"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
if os.environ.get("DURABILITY"):
    MULTIMASTER_DURABILITY = os.environ["DURABILITY"]
"""

MODELS = """
from django.db import models

class Note(models.Model):
    text = models.CharField(max_length=50)
"""

START = """
import django, json, sys, threading
django.setup()
from django.db import connection, transaction
from notes.models import Note
from webapp.multimaster.durability import durability

def write(text="x"):
    Note.objects.create(text=text)

def in_transaction(*levels):
    "One transaction with one write per level; None: outside of any block."
    with transaction.atomic():
        for level in levels:
            if level:
                with durability(level):
                    write()
            else:
                write()
"""

LOCAL = """
from importlib import import_module
from django.conf import settings

@durability("local")
def view():
    with transaction.atomic():
        write("view")

def as_usual():
    "What a request does before: the connection is set to wait for a peer."
    Note.objects.count()

as_usual()
with durability("local"):
    write("by itself")
as_usual()
with durability("local"):
    with transaction.atomic():
        write("in a transaction")
        with transaction.atomic():
            write("behind a savepoint")
    Note.objects.bulk_create([Note(text="many")])
    with connection.cursor() as cursor:
        cursor.executemany("insert into notes_note (text) values (%s)", [["a"], ["b"]])
as_usual()
view()
as_usual()
in_transaction("local", "local")
as_usual()
with durability("local"), durability("local"):
    write("nested")
as_usual()
session = import_module(settings.SESSION_ENGINE).SessionStore()
session["seen"] = 1
session.save()
session.flush()
print("done")
"""

WAITING = """
def alone(): write()
def transaction_(): in_transaction(None)
def local_inside_peer():
    with durability("peer"), durability("local"): write()
def peer_inside_local():
    with durability("local"), durability("peer"): write()
def a_peer_write_before_a_local_one(): in_transaction(None, "local")
def a_peer_write_after_a_local_one(): in_transaction("local", None)
def a_peer_block_in_a_local_transaction():
    with durability("local"), transaction.atomic():
        write()
        with durability("peer"): write()
def after_a_local_block():
    with durability("local"): write()
    write()
def after_a_local_transaction_that_failed():
    try:
        with durability("local"), transaction.atomic():
            write()
            raise KeyError
    except KeyError:
        write()
CASES = [alone, transaction_, local_inside_peer, peer_inside_local, a_peer_write_before_a_local_one,
         a_peer_write_after_a_local_one, a_peer_block_in_a_local_transaction, after_a_local_block,
         after_a_local_transaction_that_failed]

def run(case):
    with connection.cursor() as cursor:
        cursor.execute("select set_config('application_name', %s, false)", [case.__name__])
    case()
    connection.close()

print(json.dumps([case.__name__ for case in CASES]), flush=True)
threads = [threading.Thread(target=run, args=[case]) for case in CASES]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

HEADERS = """
from django.http import HttpResponse
from django.test import RequestFactory
from webapp.multimaster.middleware import PositionMiddleware

def reads(request): return HttpResponse(Note.objects.count())
def writes_local(request):
    with durability("local"), transaction.atomic(): write()
    return HttpResponse()
def writes_both(request):
    write()
    return writes_local(request)

def header(view):
    return PositionMiddleware(view)(RequestFactory().get("/api/notes"))["Firstbell-Durability"]

"""
EACH = "print(json.dumps({view.__name__: header(view) for view in (reads, writes_local, writes_both)}))"
TWICE = "print(header(writes_both), flush=True); print(header(writes_both))"


@pytest.fixture(scope="module")
def nodes():
    with running_mesh(2) as running:
        yield running


@pytest.fixture(scope="module")
def project(nodes, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "notes").mkdir()
    for path, text in (
        ("settings.py", SETTINGS),
        ("notes/__init__.py", ""),
        ("notes/models.py", MODELS),
    ):
        (folder / path).write_text(text)
    run(
        nodes,
        folder,
        START
        + "from django.core.management import call_command\ncall_command('migrate', run_syncdb=True, verbosity=0)",
    )
    nodes.level()
    return folder


@pytest.fixture
def commits_wait(nodes):
    """Node 1's commits wait for node 2, unless told otherwise."""
    nodes.admin(1, "alter system set synchronous_standby_names = 'ANY 1 (n2_from_n1)'")
    nodes.admin(1, "select pg_reload_conf()")
    wait_until(lambda: nodes.admin(1, "show synchronous_standby_names") != [("",)])
    yield
    nodes.admin(1, "alter system reset synchronous_standby_names")
    nodes.admin(1, "select pg_reload_conf()")


@pytest.fixture
def peer_is_cut_off(nodes, commits_wait):
    nodes.cut(2, 1)
    wait_until(lambda: not nodes.admin(1, "select 1 from pg_stat_replication"))
    yield
    nodes.heal(2, 1)
    nodes.level()


def start(nodes: Nodes, project: Path, code: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            **environment,
            "PYTHONPATH": f"{project}:{REPOSITORY}",
            "DJANGO_SETTINGS_MODULE": "settings",
            "NODE_PORT": str(nodes.topology.host(1).ports.postgres),
            "NODE_PASSWORD": CREDENTIALS.app,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(nodes: Nodes, project: Path, code: str, **environment: str) -> str:
    """Its output. A script that waits for a commit for ever is killed, and the test fails."""
    process = start(nodes, project, code, **environment)
    try:
        out, complaint = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"still waiting: {process.communicate()}") from None
    assert process.returncode == 0, complaint[-2000:]
    return out


def waiting(nodes: Nodes) -> set[str]:
    """Names of the sessions whose commit waits for a peer."""
    return {
        name
        for (name,) in nodes.admin(
            1, "select application_name from pg_stat_activity where wait_event = 'SyncRep'"
        )
    }


def test_what_is_local_does_not_wait_for_a_peer(nodes, project, peer_is_cut_off):
    assert run(nodes, project, START + LOCAL) == "done\n"


def test_what_is_not_local_through_and_through_waits_for_a_peer(nodes, project, peer_is_cut_off):
    process = start(nodes, project, START + WAITING)
    assert process.stdout is not None
    try:
        cases = set(json.loads(process.stdout.readline()))
        wait_until(lambda: waiting(nodes) >= cases, 30, f"all wait: {cases}")
        nodes.heal(2, 1)
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint[-2000:]
    finally:
        process.kill()


def test_a_project_may_be_local_by_default_and_ask_for_a_peer(nodes, project, peer_is_cut_off):
    run(nodes, project, START + "write(); in_transaction(None)", DURABILITY="local")
    process = start(
        nodes,
        project,
        START + "connection.cursor().execute(\"set application_name = 'asks'\")\n"
        'with durability("peer"): write()',
        DURABILITY="local",
    )
    try:
        wait_until(lambda: waiting(nodes) == {"asks"}, 30, "the peer block waits")
    finally:
        process.kill()
        process.communicate()


def test_the_header_says_what_the_strongest_write_of_a_request_got(nodes, project, commits_wait):
    found = json.loads(run(nodes, project, START + HEADERS + EACH))
    assert found == {"reads": "peer", "writes_local": "local", "writes_both": "peer"}


def test_the_header_says_local_of_a_commit_that_was_let_go_without_a_peer(
    nodes, project, peer_is_cut_off
):
    """And the next request knows nothing of it."""
    process = start(nodes, project, START + HEADERS + TWICE)
    try:
        wait_until(lambda: waiting(nodes), 30, "a commit waits")
        nodes.admin(
            1, "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "local\n"
        nodes.heal(2, 1)
        out, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint[-2000:]
    finally:
        process.kill()
    assert out == "peer\n"


def test_the_header_says_local_when_no_commit_waits(nodes, project):
    found = json.loads(run(nodes, project, START + HEADERS + EACH))
    assert found == {"reads": "local", "writes_local": "local", "writes_both": "local"}


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (
            'durability("strong")',
            "ValueError: there is no durability 'strong'; it can be 'peer' or 'local'",
        ),
        (
            "durability(None)",
            "ValueError: there is no durability None; it can be 'peer' or 'local'",
        ),
        (
            '@durability("local")\nasync def view(): pass',
            "TypeError: durability can't decorate the coroutine function view; decorate what it calls through"
            " sync_to_async",
        ),
    ],
)
def test_what_can_not_be_meant_is_refused_where_it_is_written(nodes, project, code, complaint):
    process = start(nodes, project, START + code)
    assert process.communicate(timeout=60)[1].strip().splitlines()[-1] == complaint


def test_an_unknown_default_is_found_by_the_system_check(nodes, project):
    process = start(
        nodes,
        project,
        "import django; django.setup()\nfrom django.core.management import call_command; call_command('check')",
        DURABILITY="strong",
    )
    assert (
        "(multimaster.E003) MULTIMASTER_DURABILITY is 'strong'; it can be 'peer' or 'local'"
        in process.communicate(timeout=60)[1]
    )
