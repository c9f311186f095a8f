"""A request to the API on a mesh node, against the same view on stock Django and plain Postgres.

One client asks both in turn and waits for each answer, over a plain socket, so that the client costs little. The
figure is stock time ÷ our time: 1 is as fast, the goal is at least 0.9.
"""

import json
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.report import Figure, Plot, Report
from bench.stand import Options, Stand, median, percentile
from tests.support.nodes import CREDENTIALS
from tests.webapp.support import PAGE_ORIGIN, Api, Client, environment, manage, new_lesson, uuid7

GOAL = 0.9


class Asker:
    """Sends prepared requests of one signed-in teacher to one gunicorn."""

    def __init__(self, api: Api):
        self.api = api
        self.client = Client(api)
        answer = self.client.sign_in("ada")
        assert answer.ok, answer.text
        self.lesson = new_lesson(self.client, "# Tides\n\ntwo a day\n")
        self.position = answer.headers.get("Firstbell-Position", "")

    def ask(self, method: str, path: str, body: bytes = b"") -> float:
        """Milliseconds until the whole answer is here; raises on anything but 2xx."""
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.client.session.cookies)
        head = (
            f"{method} /api/v1/{path} HTTP/1.0\r\nHost: localhost\r\nCookie: {cookies}\r\nOrigin: {PAGE_ORIGIN}\r\n"
            f"X-CSRFToken: {self.client.csrf_token}\r\n"
            + (f"Firstbell-Position: {self.position}\r\n" if self.position else "")
            + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", self.api.port), timeout=20) as line:
            line.sendall(head + body)
            answer = b""
            while piece := line.recv(65536):
                answer += piece
        took = (time.perf_counter() - began) * 1000
        if answer[9:10] != b"2":
            raise RuntimeError(f"{method} {path}: {answer[:200]!r}")
        for raw in answer.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
            name, _, value = raw.partition(b":")
            if name.lower() == b"firstbell-position":
                self.position = value.strip().decode()
        return took

    def read(self) -> float:
        return self.ask("GET", f"lessons/{self.lesson['id']}")

    def list(self) -> float:
        return self.ask("GET", "lessons")

    def save(self) -> float:
        version = uuid7()
        body = {"title": "Tides", "markdown": f"# Tides\n\n{version}\n", "version": version,
                "base_version": self.lesson["version"]}  # fmt: skip
        took = self.ask("PUT", f"lessons/{self.lesson['id']}", json.dumps(body).encode())
        self.lesson["version"] = version
        return took


def api(stand: Stand, options: Options) -> Report:
    count = 30 if options.short else 500
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="firstbell-bench-") as folder, ExitStack() as stack:
        host = stand.mesh.group.topology.host(1)
        urls = {
            "stock": f"postgres://firstbell@127.0.0.1:{stand.plain.group.ports[1]}/firstbell",
            "mesh": f"postgres://firstbell:{CREDENTIALS.app}@127.0.0.1:{host.ports.postgres}/firstbell",
        }
        askers = {}
        for name, url in urls.items():
            # remote_apply is what a host sets (ansible role postgres_mesh); plain Postgres has nobody to wait for.
            env = environment(url, Path(folder)) | {
                "PGOPTIONS": "-c synchronous_commit=remote_apply"
            }
            if name == "mesh":
                env |= {"FIRSTBELL_DB_ENGINE": "webapp.multimaster", "FIRSTBELL_NODE": "1"}
            for command in ("migrate", "seed_demo"):
                done = manage(env, command)
                assert done.returncode == 0, done.stderr
            server = Api(env, Path(folder) / f"{name}.log")
            server.start()
            stack.callback(server.stop)
            askers[name] = Asker(server)
        stand.quiet()
        for i in range(count + 10):
            for what in ("read", "list", "save"):
                for name, asker in askers.items():
                    took = getattr(asker, what)()
                    if i >= 10:  # the first ones open connections
                        times.setdefault((what, name), []).append(took)
    kinds = ("read", "list", "save")
    ratios = {k: median(times[k, "stock"]) / median(times[k, "mesh"]) for k in kinds}
    # A page reads far more than it saves; nine to one is what our front end does while a lesson is edited.
    mixed = [9 * median(times["read", n]) + median(times["save", n]) for n in ("stock", "mesh")]
    return Report(
        "api",
        "API: our backend on a mesh node ÷ stock Django on plain Postgres",
        "The same views, the same gunicorn, the same rows; ours also waits for the client's position, names a new one,"
        " and a save returns when a peer has it.",
        figures=[
            *[Figure(f"{k}: stock time ÷ our time", round(r, 3), "", f"≥ {GOAL}", r >= GOAL) for k, r in ratios.items()],
            Figure("nine reads and a save: stock time ÷ our time", round(mixed[0] / mixed[1], 3), "", f"≥ {GOAL}", mixed[0] / mixed[1] >= GOAL),
            *[Figure(f"{k}, {n}: {p}", round(percentile(times[k, n], s), 2), "ms")
              for k in kinds for n in urls for p, s in (("p50", 0.5), ("p99", 0.99))],
        ],
        plots=[Plot("Median time of a request", "ms", list(kinds), {n: [round(median(times[k, n]), 2) for k in kinds] for n in urls})],
        conditions=stand.conditions(options, requests_each=count, gunicorn_workers=2, commit="remote_apply"),
    )  # fmt: skip
