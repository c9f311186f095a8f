"""`clusterctl probe`: what it calls ready is ready, and what fails is named, in bounded time."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cluster.cli import main
from cluster.local.laptop import Laptop
from cluster.local.programs import DEMO_PASSWORD
from cluster.visitor import Trouble, Visitor
from tests.support.ports import free_port

BUSY_MACHINE_SECONDS = 10
"""A probe of a healthy cluster takes under 2 s on a machine of its own; other tests may run beside."""


def probe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["probe", *map(str, arguments)])


def test_where_only_other_projects_live_clusterctl_runs_and_probe_says_what_it_lacks(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pycrdt'] = None\n")
    for command, expected in (
        (["--help"], (0, "")),
        (["probe", "--user", "ada", "--password-file", __file__], (1, "Error: probe gives a lesson of Firstbell's and"
            " needs the package pycrdt; install it, or leave probe alone\n")),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "cluster.cli", *command],
            env={"PATH": "/usr/bin", "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == expected


def write(path: Path, environment: Any) -> Path:
    path.write_text(environment if isinstance(environment, str) else json.dumps(environment))
    return path


def described(laptop: Laptop, **changes: Any) -> dict[str, Any]:
    """The laptop cluster as an environment file describes it."""
    hosts = [{"name": h.name, "public_url": h.public_url} for h in laptop.topology.hosts]
    return {
        "name": "laptop",
        "page_url": laptop.topology.page_url,
        "hosts": hosts,
        "users": [{"username": "ada", "password": DEMO_PASSWORD}],
        **changes,
    }


@pytest.fixture
def environment(laptop: Laptop, tmp_path: Path) -> Path:
    return write(tmp_path / "environment.json", described(laptop))


def lessons_and_sessions(laptop: Laptop) -> tuple[int, int]:
    """What a probe must not leave more of: lessons, and people who are signed in."""
    code = (
        "from webapp.lessons.models import Lesson;"
        "from django.contrib.sessions.models import Session;"
        "print(Lesson.objects.count(), Session.objects.count())"
    )
    lessons, sessions = laptop.manage(1, "shell", "--verbosity=0", "-c", code).split()[-2:]
    return int(lessons), int(sessions)


def test_a_healthy_cluster_is_ready_through_each_host_and_nothing_is_left(
    laptop: Laptop, environment: Path
) -> None:
    before = lessons_and_sessions(laptop)
    done = probe("--environment", environment, "--each-host", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["well"]
    assert report["seconds"] < BUSY_MACHINE_SECONDS
    ways = [(lesson["teacher"], lesson["board"]) for lesson in report["lessons"]]
    assert ways == [("host1", "host2"), ("host2", "host3"), ("host3", "host1")]
    for lesson in report["lessons"]:
        names = [step["name"] for step in lesson["steps"]]
        assert names[-4:] == ["board follows", "send the board away", "delete the lesson", "sign out"]  # fmt: skip
    assert lessons_and_sessions(laptop) == before


def test_a_cluster_file_with_a_user_and_a_password_file_will_do(
    laptop: Laptop, tmp_path: Path
) -> None:
    secret = write(tmp_path / "password", DEMO_PASSWORD + "\n")
    done = CliRunner().invoke(
        main,
        [
            "--config",
            str(laptop.topology.path),
            "probe",
            "--user",
            "ada",
            "--password-file",
            str(secret),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "teacher on host1, board on host3" in done.output
    assert "ready: all of it worked" in done.output
    assert DEMO_PASSWORD not in done.output


def test_one_host_is_probed_without_the_others_and_the_page(
    laptop: Laptop, environment: Path
) -> None:
    laptop.kill("host3")
    done = probe("--environment", environment, "--host", "host2")
    assert done.exit_code == 0, done.output
    assert "host1" not in done.output
    assert "page" not in done.output


def test_a_wrong_password_is_named(laptop: Laptop, tmp_path: Path) -> None:
    users = [{"username": "ada", "password": "wrong-chalk"}]
    file = write(tmp_path / "environment.json", described(laptop, users=users))
    done = probe("--environment", file)
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"NOT READY: sign in on host1 ({laptop.host(1).public_url}): ")
    assert "HTTP 403 wrong_credentials" in line
    assert "wrong-chalk" not in done.output


def test_a_dead_host_is_named_and_the_others_are_probed_all_the_same(
    laptop: Laptop, environment: Path
) -> None:
    laptop.kill("host2")
    done = probe("--environment", environment, "--each-host")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("NOT READY: board shows a code on host2 ")
    assert lines[1].startswith("NOT READY: sign in on host2 ")
    for line in lines:
        assert "nothing listens there" in line
    assert "teacher on host3, board on host1" in done.stdout


def test_a_host_whose_realtime_is_down_fails_and_leaves_no_lesson_behind(
    laptop: Laptop, environment: Path
) -> None:
    before = lessons_and_sessions(laptop)
    laptop.stop("host1", "realtime")
    try:
        done = probe("--environment", environment, "--host", "host1", "--json")
    finally:
        laptop.start("host1", "realtime")
        laptop.wait_ready("host1")
    assert done.exit_code == 1
    assert done.stderr.startswith("NOT READY: board shows a code on host1 ")
    assert "HTTP 502" in done.stderr or "HTTP 503" in done.stderr
    steps = json.loads(done.stdout)["lessons"][0]["steps"]
    assert [s["name"] for s in steps if not s["failure"]][-2:] == ["delete the lesson", "sign out"]
    assert lessons_and_sessions(laptop) == before


def test_a_host_that_takes_connections_and_never_answers_is_given_up(
    laptop: Laptop, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as mute:
        url = f"http://localhost:{mute.getsockname()[1]}"
        hosts = [{"name": "mute", "public_url": url}]
        file = write(tmp_path / "environment.json", described(laptop, hosts=hosts))
        done = probe("--environment", file, "--host", "mute", "--timeout", "0.5")
    assert done.exit_code == 1
    assert f"NOT READY: sign in on mute ({url}): no answer within 0.5 s" in done.stderr


def test_a_page_that_names_other_hosts_is_not_ready(laptop: Laptop, tmp_path: Path) -> None:
    known = described(laptop)
    file = write(tmp_path / "environment.json", {**known, "hosts": known["hosts"][:2]})
    done = probe("--environment", file)
    assert done.exit_code == 1
    assert "NOT READY: page names the hosts on page" in done.stderr
    assert f"extra: {laptop.host(3).public_url}" in done.stderr


# ---- TLS


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_ca(folder: Path, name: str) -> Path:
    ca = folder / f"{name}.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", folder / f"{name}.key", "-out", ca, "-days", "1", "-subj", f"/CN={name}")  # fmt: skip
    return ca


def make_certificate(folder: Path, ca: Path) -> ssl.SSLContext:
    """A server's side of TLS for `localhost`, signed by this CA."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            folder / "host.key", "-out", folder / "host.csr", "-subj", "/CN=localhost")  # fmt: skip
    write(folder / "names", "subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", folder / "host.csr", "-CA", ca, "-CAkey", ca.with_suffix(".key"),
            "-days", "1", "-extfile", folder / "names", "-out", folder / "host.pem")  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "host.key")
    return context


@contextmanager
def tls_before(port: int, context: ssl.SSLContext) -> Iterator[str]:
    """A door with TLS before a plain port; its address."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    start = asyncio.start_server(serve, "127.0.0.1", free_port(), ssl=context)
    server = asyncio.run_coroutine_threadsafe(start, loop).result()
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.fixture
def behind_tls(laptop: Laptop, tmp_path: Path) -> Iterator[Path]:
    """Environment file of host1 behind a certificate of a CA of its own."""
    ca = make_ca(tmp_path, "ours")
    with tls_before(laptop.host(1).ports.public, make_certificate(tmp_path, ca)) as url:
        hosts = [{"name": "host1", "public_url": url}]
        changes = {"hosts": hosts, "ca_file": str(ca)}
        yield write(tmp_path / "environment.json", described(laptop, **changes))


def test_a_host_with_a_certificate_of_the_environments_ca_is_trusted(behind_tls: Path) -> None:
    done = probe("--environment", behind_tls, "--host", "host1")
    assert done.exit_code == 0, done.output


def test_a_host_with_a_certificate_of_another_ca_is_not(behind_tls: Path, tmp_path: Path) -> None:
    other = make_ca(tmp_path, "theirs")
    done = probe("--environment", behind_tls, "--host", "host1", "--ca-file", other)
    assert done.exit_code == 1
    assert "NOT READY: sign in on host1" in done.stderr
    assert "its certificate is not trusted" in done.stderr


def test_a_websocket_is_not_opened_either(behind_tls: Path, tmp_path: Path) -> None:
    """By itself: in a whole probe the sign-in before it fails already."""
    url = json.loads(behind_tls.read_text())["hosts"][0]["public_url"]
    visitor = Visitor("https://www.test", make_ca(tmp_path, "theirs"), 5)
    with pytest.raises(Trouble, match="its certificate is not trusted"):
        asyncio.run(visitor.socket(url))


# ---- misuse


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is no environment file"),
        ({"name": "x", "page_url": "https://www.x", "hosts": []}, "users: field required"),
        ({"name": "x", "page_url": "www.x", "hosts": [], "users": []}, "page_url"),
    ],
)
def test_a_file_that_is_no_environment_is_misuse(tmp_path: Path, content: Any, said: str) -> None:
    done = probe("--environment", write(tmp_path / "environment.json", content))
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--user", "eve"], "no user 'eve'; it has ada"),
        (["--host", "host9"], "no host 'host9'; there are host1, host2, host3"),
        (["--host", "host1", "--each-host"], "exclude each other"),
        (["--ca-file", __file__], "holds no CA certificate"),
        (["--password-file", __file__], "leave --password-file out"),
        (["--timeout", "0"], "--timeout"),
    ],
)
def test_options_that_cannot_be_meant_are_misuse(
    environment: Path, arguments: list[str], said: str
) -> None:
    done = probe("--environment", environment, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_without_any_account_it_says_what_to_name() -> None:
    done = probe()
    assert done.exit_code == 2
    assert "--environment FILE, or --user NAME --password-file FILE" in done.stderr
