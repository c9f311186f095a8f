"""Hosts as far as the API goes: of each a node, its agent and gunicorn, which die together; lines between nodes can be cut."""

import shutil
import tempfile
from pathlib import Path

from tests.drills.mesh import DrillMesh
from tests.support.nodes import CREDENTIALS
from tests.support.processes import kill_family
from tests.webapp.support import Api, environment, manage

PRODUCT = "webapp.wsgi:application"


class Hosts(DrillMesh):
    """A mesh with the demo school's data and an API in front of each node. `kill(n)` and `start(n)` are of the whole host."""

    def __init__(self, count: int):
        self.apis: dict[int, Api] = {}
        self._media = Path(tempfile.mkdtemp(prefix="firstbell-media-"))
        super().__init__(count, proxied=True)
        try:
            for command in ("migrate", "seed_demo"):
                done = manage(self._environment(1), command)
                assert done.returncode == 0, done.stderr
            self.level(60)
            self.serve(PRODUCT)
        except BaseException:
            self.close()
            raise

    def serve(self, app: str) -> None:
        """Start the hosts' web applications, anew if they run: `app` as module:name. All hosts must be alive."""
        for node in self.numbers:
            self._stop_api(node)
            log = self.folder / f"api{node}.log"
            self.apis[node] = Api(self._environment(node), log, app)
            self.apis[node].start()

    def url(self, node: int, path: str) -> str:
        return self.apis[node].url(path)

    def start(self, node: int, admit: bool = False) -> None:
        super().start(node, admit)
        if api := self.apis.get(node):
            api.spawn()  # clients find out by themselves when it answers

    def kill(self, node: int) -> None:
        self._stop_api(node)
        super().kill(node)

    def close(self) -> None:
        for node in self.apis:
            self._stop_api(node)
        super().close()
        shutil.rmtree(self._media, ignore_errors=True)

    def _stop_api(self, node: int) -> None:
        """SIGKILL of gunicorn and its workers."""
        api = self.apis.get(node)
        if api is None or api.process is None:
            return
        kill_family(api.process.pid)
        api.process.wait()
        api.process = None

    def _environment(self, node: int) -> dict[str, str]:
        port = self.topology.host(node).ports.postgres
        url = f"postgres://firstbell:{CREDENTIALS.app}@127.0.0.1:{port}/{self.topology.database}"
        return environment(url, self._media) | {
            "FIRSTBELL_DB_ENGINE": "webapp.multimaster",
            "FIRSTBELL_NODE": str(node),
            "FIRSTBELL_WORKERS": "4",  # one that waits for a position answers nobody else meanwhile
            "PGOPTIONS": "-c synchronous_commit=remote_apply",  # as the role postgres_mesh sets it
        }
