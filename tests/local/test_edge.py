"""The role edge as two hosts would have it: its files rendered by Ansible, then real nginx, TLS and certificates.

Only addresses, folders and certificates are the test's; ports below 1024 and systemd are left to tests/hosts.
"""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from cluster import topology
from cluster.local import binaries, ports
from cluster.local.progress import wait_until

ROOT = Path(__file__).parents[2]
ROLES = ROOT / "ansible/roles"
DOMAIN = "school.test"
HOSTS = {"host1": "127.0.0.11", "host2": "127.0.0.12"}
DOOR = {"host1": 21443, "host2": 21444}
PLAIN = {"host1": 21480, "host2": 21481}
SECONDS = 5


@dataclass
class Host:
    """One nginx with the role's configuration."""

    name: str
    folder: Path
    text: str
    ca: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def get(self, path: str, name: str = "", **headers: str) -> requests.Response:
        """Ask by the host's public name, or by another of the domain's."""
        session = requests.Session()
        session.trust_env = False  # a bundle named there would win over ours
        session.verify = str(self.ca)
        url = f"https://{name or self.name}.{DOMAIN}:{DOOR[self.name]}{path}"
        return session.get(url, headers=headers, timeout=SECONDS, allow_redirects=False)


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of the domain lead to this machine, as a host's DNS would."""
    real = socket.getaddrinfo

    def found(host, *rest, **more):
        return real("127.0.0.1" if str(host).endswith(DOMAIN) else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificate(folder: Path, name: str, alternatives: str) -> None:
    """Key and certificate `name`, signed by the folder's authority."""
    (folder / f"{name}.ext").write_text(f"subjectAltName={alternatives}\n")
    openssl(
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / "request"),
    )
    openssl(
        *("x509", "-req", "-in", folder / "request", "-CA", folder / "ca.pem", "-days", 2),
        *("-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", folder / f"{name}.ext"),
        *("-out", folder / f"{name}.pem"),
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="firstbell-edge-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def pki(folder: Path) -> Path:
    place = folder / "pki"
    place.mkdir()
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", 2, "-subj", "/CN=authority"),
        *("-keyout", place / "ca.key", "-out", place / "ca.pem"),
    )
    for name, address in HOSTS.items():
        make_certificate(place, name, f"DNS:{name},IP:{address}")
    make_certificate(place, "stranger", "DNS:host9,IP:127.0.0.11")
    make_certificate(place, "public", f"DNS:{DOMAIN},DNS:*.{DOMAIN}")
    return place


@pytest.fixture(scope="module")
def rendered(folder: Path, pki: Path) -> dict[str, Path]:
    """Each host's folder with what the role's templates say, rendered by Ansible with the role's own values."""
    found = {name: folder / name for name in HOSTS}
    for place in found.values():
        (place / "files/media/ab").mkdir(parents=True)
        for part in ("www", "tmp", "log", "pages/assets", "frontend"):
            (place / part).mkdir(parents=True)
        (place / "frontend/index.html").write_text("<title>teacher</title>")
        (place / "frontend/board.html").write_text("<title>board</title>")
    inventory = {
        "firstbell": {
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "firstbell_domain": DOMAIN,
                "firstbell_hosts": [{"name": n, "address": a} for n, a in HOSTS.items()],
                "work": str(folder),
            },
            "hosts": {
                name: {
                    "firstbell_address": address,
                    "edge_at": [DOOR[name], PLAIN[name]],
                }
                for name, address in HOSTS.items()
            },
        }
    }
    of_test = {
        "edge_door_listen": ["127.0.0.1:{{ edge_at[0] }} ssl http2"],
        "edge_plain_listen": ["127.0.0.1:{{ edge_at[1] }} default_server"],
        "edge_certificate_file": f"{pki}/public.pem",
        "edge_certificate_key_file": f"{pki}/public.key",
        "edge_pages_root": "{{ work }}/{{ inventory_hostname }}/frontend",
        "edge_assets_root": "{{ work }}/{{ inventory_hostname }}/pages",
        "edge_config_root": "{{ work }}/{{ inventory_hostname }}/www",
        "edge_files": "{{ work }}/{{ inventory_hostname }}/files",
        "edge_drain_file": "{{ work }}/{{ inventory_hostname }}/draining",
        "edge_peers_tls": {
            "certificate": f"{pki}/{{{{ inventory_hostname }}}}.pem",
            "key": f"{pki}/{{{{ inventory_hostname }}}}.key",
            "ca": f"{pki}/ca.pem",
        },
    }
    vars_files = ["edge/defaults", "edge/vars"]
    play = {
        "hosts": "firstbell",
        "gather_facts": False,
        "vars_files": [f"{ROLES}/{place}/main.yml" for place in vars_files],
        "tasks": [
            {
                "ansible.builtin.template": {
                    "src": f"{ROLES}/edge/templates/{name}.j2",
                    "dest": f"{{{{ work }}}}/{{{{ inventory_hostname }}}}/{dest}",
                }
            }
            for name, dest in (("nginx.conf", "nginx.conf"), ("config.json", "www/config.json"))
        ],
    }
    for name, content in (
        ("inventory.json", inventory),
        ("play.json", [play]),
        ("of_test.json", of_test),
    ):
        (folder / name).write_text(json.dumps(content))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", folder / "inventory.json"),
            *("-e", f"@{folder}/of_test.json", folder / "play.json"),
        ],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible/ansible.cfg")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return found


@pytest.fixture(scope="module")
def hosts(rendered: dict[str, Path], pki: Path) -> Iterator[dict[str, Host]]:
    """nginx of both hosts, running. Nothing answers behind it: no API, no realtime."""
    nginx = binaries.find().nginx
    running, found = [], {}
    for name, place in rendered.items():
        text = (place / "nginx.conf").read_text()
        found[name] = Host(name, place, text, pki / "ca.pem")
        # What the test machine has otherwise than a host: its user, and where it may write.
        text = text.replace("user firstbell;", "user root;" if os.geteuid() == 0 else "")
        text = text.replace("/run/nginx.pid", f"{place}/pid").replace(
            "/var/log/nginx", f"{place}/log"
        )
        text = text.replace("error_log syslog:server=unix:/dev/log,nohostname", "error_log stderr")
        text = text.replace("/var/lib/firstbell/incoming", f"{place}/tmp")
        for kind in ("client_body", "fastcgi", "uwsgi", "scgi"):
            text = text.replace("http {\n", f"http {{\n  {kind}_temp_path {place}/tmp-{kind};\n", 1)
        (place / "test.conf").write_text(text)
        command = [nginx, "-e", "stderr", "-p", place, "-c", place / "test.conf"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        running.append(
            subprocess.Popen(
                [*command, "-g", "daemon off;"], stderr=(place / "log/error").open("w")
            )
        )
    try:
        for port in (*DOOR.values(), *PLAIN.values()):
            wait_until(f"nginx listens at {port}", lambda port=port: ports.is_taken(port), SECONDS)
        yield found
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(SECONDS)


def put(host: Host, letter: str) -> str:
    """A media file on one host; its address."""
    path = f"/media/ab/ab{letter * 62}.svg"
    (host.files / path.lstrip("/")).write_text(f"<svg id='{letter}'/>")
    return path


def locations(text: str) -> list[str]:
    """Every location with what is in it; ours are indented by four."""
    return re.findall(r"^    location .*?^    \}", text, re.M | re.S)


def servers(text: str) -> list[str]:
    return re.split(r"\n  server \{\n", text)[1:]


# ---- what the text says


def test_every_place_with_headers_of_its_own_tells_browsers_to_stay_with_https(hosts):
    """nginx forgets the server's headers in a location that adds one."""
    for host in hosts.values():
        found = [b for b in locations(host.text) if "add_header" in b]
        assert len(found) > 5
        assert [b for b in found if "Strict-Transport-Security" not in b] == []


def test_what_is_passed_on_keeps_the_headers_that_the_parts_need(hosts):
    for host in hosts.values():
        door = next(s for s in servers(host.text) if "/rt/" in s)
        for block in locations(door):
            if "proxy_set_header" in block:
                assert "proxy_set_header Host" in block, block
        for header in ("X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
            assert f"proxy_set_header {header}" in door


def test_the_peers_listener_asks_nobody_and_listens_to_peers_only(hosts):
    for name, host in hosts.items():
        (peers,) = [s for s in servers(host.text) if f"listen {HOSTS[name]}:8500" in s]
        peers = peers.split("\n  }\n")[0]
        assert "proxy_pass" not in peers
        assert "@" not in peers
        assert "ssl_verify_client on;" in peers


def test_browsers_are_told_of_the_same_hosts_as_clusterctl(hosts, tmp_path):
    lines = ['[cluster]\nname = "school"', f'page_url = "https://www.{DOMAIN}"']
    for node, (name, address) in enumerate(HOSTS.items(), 1):
        lines.append(
            f'[[hosts]]\nname = "{name}"\nnode = {node}\naddress = "{address}"\n'
            f'public_url = "https://{name}.{DOMAIN}"'
        )
    path = tmp_path / "cluster.toml"
    path.write_text("\n".join(lines))
    wanted = topology.load(path).browser_config()
    assert hosts["host1"].get("/config.json", "www").json() == wanted


# ---- names and TLS


def test_who_asks_for_none_of_our_names_is_told_nothing(hosts):
    context = ssl.create_default_context(cafile=str(hosts["host1"].ca))
    with (
        socket.create_connection(("127.0.0.1", DOOR["host1"]), timeout=SECONDS) as plain,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
    ):
        context.wrap_socket(plain, server_hostname="elsewhere.test")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(hosts):
    context = ssl.create_default_context(cafile=str(hosts["host1"].ca))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", DOOR["host1"]), timeout=SECONDS) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname=f"host1.{DOMAIN}")


def test_plain_http_leads_to_https(hosts):
    url = f"http://host1.{DOMAIN}:{PLAIN['host1']}/api/v1/session?x=1"
    answer = requests.get(url, allow_redirects=False, timeout=SECONDS)
    assert answer.status_code == 308, "a redirect that keeps the method"
    assert answer.headers["Location"] == f"https://host1.{DOMAIN}/api/v1/session?x=1"


# ---- media between hosts


def test_a_file_of_one_host_is_fetched_by_the_other_and_kept(hosts):
    path = put(hosts["host1"], "1")
    answer = hosts["host2"].get(path)
    assert (answer.status_code, answer.text) == (200, "<svg id='1'/>")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (hosts["host2"].files / path.lstrip("/")).read_text() == answer.text


@pytest.mark.parametrize(("shown", "status"), [(None, 400), ("host2", 200)])
def test_peers_fetch_media_with_their_nodes_certificate_only(hosts, pki, shown, status):
    path = put(hosts["host1"], "2")
    session = requests.Session()
    session.trust_env = False
    session.verify = str(pki / "ca.pem")
    if shown:
        session.cert = (str(pki / f"{shown}.pem"), str(pki / f"{shown}.key"))
    url = f"https://{HOSTS['host1']}:8500{path}"
    assert session.get(url, timeout=SECONDS).status_code == status


def test_a_peer_that_shows_another_nodes_certificate_is_not_believed(hosts, pki, rendered):
    """The same authority, the same address, another name."""
    path = put(hosts["host1"], "3")
    place = rendered["host1"]
    config = (place / "test.conf").read_text()
    pid = int((place / "pid").read_text())
    try:
        (place / "test.conf").write_text(config.replace(f"{pki}/host1.", f"{pki}/stranger."))
        os.kill(pid, 1)
        wait_until("the other certificate is shown", lambda: shown_names() == {"host9"}, SECONDS)
        answer = hosts["host2"].get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "media_unsure")
        assert not (hosts["host2"].files / path.lstrip("/")).exists()
    finally:
        (place / "test.conf").write_text(config)
        os.kill(pid, 1)
        wait_until("its own is shown again", lambda: shown_names() == {"host1"}, SECONDS)
    assert hosts["host2"].get(path).status_code == 200


def shown_names() -> set[str]:
    """Names in the certificate that host1's peers listener shows now."""
    pem = ssl.get_server_certificate((HOSTS["host1"], 8500), timeout=SECONDS)
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
        input=pem,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"DNS:(\w+)", done.stdout))


# ---- drained


def test_a_drained_host_sends_pages_elsewhere_and_still_serves_files(hosts):
    host, page = hosts["host1"], f"https://www.{DOMAIN}"
    path = put(host, "4")
    (host.folder / "draining").write_text("by a test\n")
    try:
        for asked in ("/api/v1/session", "/readyz"):
            answer = host.get(asked, Origin=page)
            assert (answer.status_code, answer.json()["code"]) == (503, "draining"), asked
            assert answer.headers["Access-Control-Allow-Origin"] == page
            assert answer.json()["reasons"] == ["draining"]
        # Nothing runs behind this door, so that what is passed on is 502 and not 503. Realtime is: it says where to go.
        for asked in ("/livez", "/rt/v1/socket", "/rt/readyz"):
            assert host.get(asked).status_code == 502, asked
        assert host.get(path).status_code == 200
        assert host.get("/", "www").status_code == 200
    finally:
        (host.folder / "draining").unlink()
    assert host.get("/readyz").status_code == 502


# ---- pages


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "teacher"),
        ("/lessons/0190/edit?x=1", "teacher"),
        ("/board", "board"),
        ("/board/x", "board"),
    ],
)
def test_every_view_of_a_page_is_that_page(hosts, path, title):
    answer = hosts["host2"].get(path, "www")
    assert (answer.status_code, f"<title>{title}</title>") == (200, answer.text)
    assert "stale-if-error" in answer.headers["Cache-Control"]
    assert f"wss://host1.{DOMAIN}" in answer.headers["Content-Security-Policy"]


def test_assets_of_an_older_release_are_still_there(hosts):
    host = hosts["host1"]
    (host.folder / "pages/assets/app-old.js").write_text("export {};\n")
    answer = host.get("/assets/app-old.js", "www")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert host.get("/assets/never.js", "www").status_code == 404


def test_the_service_worker_is_asked_for_anew_each_time(hosts):
    host = hosts["host1"]
    (host.folder / "frontend/sw.js").write_text("self;\n")
    answer = host.get("/sw.js", "www")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert f"https://host1.{DOMAIN}" in answer.headers["Content-Security-Policy"], (
        "the worker fetches figures from the hosts"
    )
