"""The laptop cluster alive: kill, revive, media between hosts, the edge with its origin down."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg2
import pytest
import requests

from cluster.errors import ClusterError
from cluster.local import Laptop, ports
from cluster.local.progress import wait_until

SECONDS = 5


def media_name(content: bytes, ending: str = "svg") -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest}.{ending}"


def upload(laptop: Laptop, host: str, content: bytes) -> str:
    """Put a file where the API would; returns its address below a front door."""
    name = media_name(content)
    path = laptop.state.media_root(host) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return f"/media/{name}"


def from_host(laptop: Laptop, host: int, path: str) -> requests.Response:
    return requests.get(laptop.host(host).public_url + path, timeout=SECONDS)


def from_edge(laptop: Laptop, path: str) -> requests.Response:
    return requests.get(laptop.topology.page_url + path, timeout=SECONDS)


def others(laptop: Laptop, host: str) -> set[int]:
    """Process numbers of all units but one."""
    return {p.pid for unit in laptop.units() if unit.name != host for p in unit.processes()}


@pytest.fixture
def bystander(tmp_path):
    """A process of somebody else that looks like ours: another clone's mark."""
    environment = {"FIRSTBELL_UNIT": f"{tmp_path}/.run:host2", "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(["sleep", "120"], env=environment)
    yield process
    process.kill()
    process.wait()


# ---- life and death


def test_kill_leaves_nothing_of_the_host_and_touches_nothing_else(laptop, bystander):
    unit = laptop.unit(2)
    before = others(laptop, "host2")
    victims = {p.pid for p in unit.processes()}
    assert len(victims) > 8, "postgres, nats, nginx, agent and their children"
    laptop.kill(2)
    assert unit.processes() == []
    assert [pid for pid in victims if psutil.pid_exists(pid) and is_alive(pid)] == []
    assert not any(ports.is_taken(listener.port) for listener in unit.listeners)
    assert bystander.poll() is None
    assert len(before & others(laptop, "host2")) > 20
    assert {h.name for h in laptop.alive()} == {"host1", "host3"}
    laptop.revive(2)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_revived_host_has_what_was_written_meanwhile(laptop):
    sql(laptop, 1, "select mesh.run_ddl('create table public.note (t text primary key)')")
    laptop.wait_level(1)
    laptop.kill(3)
    sql(laptop, 1, "insert into public.note values ('while away')")
    laptop.revive(3)
    assert sql(laptop, 3, "select t from public.note") == [("while away",)]
    sql(laptop, 3, "insert into public.note values ('back again')")
    laptop.wait_level(3)
    assert ("back again",) in sql(laptop, 1, "select t from public.note")


def sql(laptop: Laptop, node: int, query: str) -> list[tuple]:
    """Run one statement as the application's role; its rows, if it has any."""
    connection = psycopg2.connect(laptop.dsn(node))
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def test_up_on_a_running_cluster_restarts_what_is_missing_and_nothing_else(laptop, capsys):
    laptop.stop(1, "nats")
    assert laptop.pid(1, "nats") == 0
    postgres = laptop.pid(1, "postgres")
    laptop.up()
    assert "host1 is running already" in capsys.readouterr().out
    assert laptop.pid(1, "nats") > 0
    assert laptop.pid(1, "postgres") == postgres


def test_a_program_that_dies_is_started_again(laptop):
    before = laptop.pid(2, "nats")
    psutil.Process(before).kill()
    wait_until("NATS is back", lambda: laptop.pid(2, "nats") not in (0, before), 20)


def test_a_host_whose_process_manager_died_alone_can_be_revived(laptop):
    unit = laptop.unit(2)
    old = {part: laptop.pid(2, part) for part in laptop.parts}
    unit.processes()[0].kill()
    wait_until("supervisord is gone", lambda: not unit.is_up(), 20)
    assert all(is_alive(pid) for pid in old.values())
    note = laptop.state.postgres_data("host2") / "postmaster.pid"
    laptop.revive(2)
    assert not any(is_alive(pid) for pid in old.values())
    assert note.read_text().startswith(f"{laptop.pid(2, 'postgres')}\n")


def test_an_nginx_worker_that_outlived_its_master_goes_with_its_host(laptop):
    unit = laptop.unit(2)
    laptop.unit(2)._supervisord().suspend()  # so that no new nginx is started
    master = psutil.Process(laptop_nginx(unit))
    workers = master.children()
    assert workers
    master.kill()
    wait_until("the worker is an orphan", lambda: not psutil.pid_exists(master.pid) or
               master.status() == psutil.STATUS_ZOMBIE, SECONDS)  # fmt: skip
    assert all(worker.is_running() for worker in workers)
    laptop.kill(2)
    assert not any(ports.is_taken(listener.port) for listener in unit.listeners)
    laptop.revive(2)


def laptop_nginx(unit) -> int:
    """Process number of the host's nginx master."""
    (master,) = [p for p in unit.processes() if "nginx: master" in " ".join(p.cmdline())]
    return master.pid


def test_a_note_of_another_boot_does_not_keep_postgres_from_starting(laptop):
    laptop.kill(2)
    note = laptop.state.postgres_data("host2") / "postmaster.pid"
    lines = note.read_text().splitlines()
    other_node = laptop.pid(1, "postgres")
    note.write_text("\n".join([str(other_node), *lines[1:]]) + "\n")
    laptop.revive(2)


def test_a_port_taken_by_somebody_else_stops_up_before_anything_starts(laptop):
    base = ports.base_of(laptop.topology)
    folder = laptop.state.root.parent / "second"
    second = Laptop(folder, 2, base, laptop.parts, laptop.dist)
    with pytest.raises(ClusterError) as refused:
        second.up()
    assert f"port {base + 101} is taken by nginx" in refused.value.message
    assert "host1's public should listen there" in refused.value.message
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_secrets_do_not_show_in_process_lists_or_logs(laptop):
    values = vars(laptop.secrets).values()
    shown = [" ".join(p.cmdline()) for unit in laptop.units() for p in unit.processes()]
    shown += [path.read_text(errors="replace") for path in laptop.state.log.glob("*.log")]
    assert not any(value in text for value in values for text in shown)


# ---- media


def test_a_file_of_one_host_is_readable_through_another_and_then_kept_there(laptop):
    path = upload(laptop, "host1", b"<svg/>")
    answer = from_host(laptop, 2, path)
    assert (answer.status_code, answer.content) == (200, b"<svg/>")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    kept = laptop.state.files("host2") / path.lstrip("/")
    assert kept.read_bytes() == b"<svg/>"
    laptop.stop(1, "nginx")
    assert from_host(laptop, 2, path).content == b"<svg/>"
    laptop.start(1, "nginx")
    laptop.wait_ready(1)


def test_a_file_that_no_host_has_is_not_found(laptop):
    answer = from_host(laptop, 1, f"/media/{media_name(b'nobody has this')}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_with_a_peer_down_an_unknown_file_is_unsure_and_never_cached(laptop):
    path = f"/media/{media_name(b'perhaps on host 3')}"
    laptop.stop(3, "nginx")
    # Whichever peer is asked last: each of several requests must say the same.
    answers = [from_host(laptop, 1, path) for _ in range(4)]
    laptop.start(3, "nginx")
    laptop.wait_ready(3)
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert from_host(laptop, 1, path).status_code == 404


def test_peers_listener_never_asks_on(laptop):
    path = upload(laptop, "host1", b"only on host 1")
    port = laptop.host(2).ports.media_peers
    answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=SECONDS)
    assert answer.status_code == 404
    assert not (laptop.state.files("host2") / path.lstrip("/")).exists()


@pytest.mark.parametrize("path", ["/media/../../nginx.conf", "/media/", "/media/aa/short.png"])
def test_only_names_by_content_are_served(laptop, path):
    assert from_host(laptop, 1, path).status_code == 404


# ---- front door


def test_a_part_that_is_down_answers_at_once_and_readably_for_our_pages(laptop):
    page = laptop.topology.page_url
    address = laptop.host(1).public_url + "/api/v1/session"
    answer = requests.get(address, headers={"Origin": page}, timeout=SECONDS)
    assert answer.status_code == 502
    assert answer.json()["code"] == "host_unavailable"
    assert answer.headers["Access-Control-Allow-Origin"] == page
    assert answer.elapsed.total_seconds() < 0.5
    stranger = requests.get(address, headers={"Origin": "http://evil.test"}, timeout=SECONDS)
    assert "Access-Control-Allow-Origin" not in stranger.headers


# ---- edge


def test_edge_serves_both_pages_and_any_view_below_them(laptop):
    assert "teacher" in from_edge(laptop, "/").text
    assert "teacher" in from_edge(laptop, "/lessons/0190/edit?x=1").text
    assert "board" in from_edge(laptop, "/board").text
    assert "board" in from_edge(laptop, "/board/anything").text
    assert from_edge(laptop, "/assets/gone.js").status_code == 404


def test_edge_says_which_hosts_there_are(laptop):
    assert from_edge(laptop, "/config.json").json() == json.loads(
        json.dumps(laptop.topology.browser_config())
    )


def test_edge_sends_security_and_cache_headers(laptop):
    page = from_edge(laptop, "/").headers
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "stale-if-error" in page["Cache-Control"]
    assert "immutable" in from_edge(laptop, "/assets/app-1.js").headers["Cache-Control"]


def test_edge_serves_what_it_knows_with_the_origin_down(laptop):
    seen = ("/", "/board", "/config.json", "/assets/app-1.js")
    for path in seen:
        assert from_edge(laptop, path).status_code == 200
    laptop.stop("edge", "origin")
    wait_until("pages go stale", lambda: is_stale(laptop, "/board"), 20)
    for path in (*seen, "/lessons/never-seen-before"):
        assert from_edge(laptop, path).status_code == 200, path
    assert from_edge(laptop, "/assets/never-seen.js").status_code == 502
    laptop.start("edge", "origin")
    wait_until("origin is back", lambda: from_edge(laptop, "/x.js").status_code == 404, 20)


def is_stale(laptop: Laptop, path: str) -> bool:
    return from_edge(laptop, path).headers["X-Cache"] in ("STALE", "UPDATING")


def test_edge_takes_a_new_build_after_a_purge(laptop):
    assert "teacher" in from_edge(laptop, "/").text
    page = laptop.dist / "index.html"
    old = page.read_text()
    page.write_text("<title>newer</title>")
    command = [sys.executable, "-m", "cluster.local", "--state", str(laptop.state.root), "purge"]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    assert "newer" in from_edge(laptop, "/").text
    page.write_text(old)
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
