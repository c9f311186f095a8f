"""Hosts of a mesh without a laptop cluster round it: on each node an API and a mail sender, which can be killed."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.nodes import CREDENTIALS, Nodes
from tests.support.processes import kill_family
from tests.webapp.support import ROOT, Api, Client, environment, manage

TAKE_OVER_SECONDS = 4


class Hosts:
    """By node number: its API, and its mail sender, which can be killed."""

    def __init__(self, mesh: Nodes, folder: Path, providers: list[str]) -> None:
        self.mesh = mesh
        self.apis: dict[int, Api] = {}
        self.senders: dict[int, subprocess.Popen[bytes]] = {}
        for node in mesh.numbers:
            media = folder / f"host{node}"
            media.mkdir()
            port = mesh.topology.host(node).ports.postgres
            url = f"postgres://firstbell:{CREDENTIALS.app}@127.0.0.1:{port}/firstbell"
            env = environment(url, media) | {
                "FIRSTBELL_DB_ENGINE": "webapp.multimaster",
                "FIRSTBELL_NODE": str(node),
                "FIRSTBELL_WORKERS": "1",
                "FIRSTBELL_MAIL_PROVIDERS": ",".join(providers),
                "FIRSTBELL_MAIL_TAKE_OVER_SECONDS": str(TAKE_OVER_SECONDS),
            }
            self.apis[node] = Api(env, folder / f"api{node}.log")

    def start(self) -> None:
        for command in ("migrate", "seed_demo"):
            done = manage(self.apis[1].env, command)
            assert done.returncode == 0, done.stderr
        self.mesh.level()
        for node in self.apis:
            self.apis[node].start()
            self.start_sender(node)

    def kill(self, node: int) -> None:
        """SIGKILL to all of a host that is in here, Postgres last."""
        self.kill_sender(node)
        process = self.apis[node].process
        assert process is not None
        kill_family(process.pid)
        process.wait(10)
        self.apis[node].process = None
        self.mesh.kill(node)

    def revive(self, node: int) -> None:
        self.mesh.start(node)
        self.apis[node].start()
        self.start_sender(node)

    def start_sender(self, node: int) -> None:
        command = [sys.executable, str(ROOT / "webapp/manage.py"), "mail", "send"]
        self.senders[node] = subprocess.Popen(
            command, env=self.apis[node].env, cwd="/", stderr=subprocess.DEVNULL
        )

    def kill_sender(self, node: int) -> None:
        self.senders[node].send_signal(signal.SIGKILL)
        self.senders[node].wait(10)

    def stop(self) -> None:
        for node in self.apis:
            self.apis[node].stop()
            self.senders[node].terminate()
            self.senders[node].wait(20)

    def both(self, node: int) -> tuple[Client, Client]:
        """Ada, signed in on one host, and the same browser asking the other."""
        other = next(n for n in self.apis if n != node)
        here, there = Client(self.apis[node]), Client(self.apis[other])
        assert here.sign_in("ada").status_code == 200
        there.session, there.csrf_token = here.session, here.csrf_token
        self.mesh.level()
        return here, there
