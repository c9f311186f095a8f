"""Round "disk-full": one node's disk fills up under load. The others go on; it comes back when there is room.

The node's data lives on a tmpfs of bounded size (mounting it needs root), filled by a file beside the data. Its
Postgres may refuse writes or stop altogether; then it is started again, as its service manager would.
"""

import shutil
import signal
import subprocess
import time

import psycopg2

from bench.report import Figure, Report, conditions
from tests.drills import checks
from tests.drills.frame import Options, postgres_version
from tests.drills.kinds import KINDS
from tests.drills.load import Load
from tests.drills.mesh import DrillMesh
from tests.support.nodes import wait_until

SIZE_MB = 500
KINDS_WRITTEN = ["bundle", "serial", "bulk"]
FULL = 3
"""The node whose disk fills up."""


class BoundedMesh(DrillMesh):
    """Node 3 has a small disk of its own, and keeps little WAL, so that it is the data that fills it."""

    def _init(self, node: int) -> None:
        super()._init(node)
        if node != FULL:
            return
        data, self.disk = self.folder / f"n{node}", self.folder / "disk"
        with open(data / "postgresql.conf", "a") as file:
            file.write("max_wal_size = 64MB\nmin_wal_size = 32MB\n")
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "drill", self.disk], check=True)  # fmt: skip
        subprocess.run(["mv", data, self.disk / "data"], check=True)
        data.symlink_to(self.disk / "data")
        self.filler = self.disk / "filler"

    def close(self) -> None:
        self.stop_agent(FULL)
        if postgres := self._processes.get(FULL):
            postgres.send_signal(signal.SIGINT)
            postgres.wait(60)
        subprocess.run(["umount", self.disk], check=True)
        super().close()

    def fill(self) -> None:
        """Take all room that is left."""
        try:
            with open(self.filler, "ab", buffering=0) as file:
                while True:
                    file.write(b"\0" * 65536)
        except OSError:
            pass

    def says_full(self) -> bool:
        """Whether its Postgres has met the end of its disk; what room it made for itself meanwhile is taken too."""
        self.fill()
        return "No space left on device" in (self.folder / f"n{FULL}.log").read_text(
            errors="replace"
        )

    def is_down(self) -> bool:
        try:
            self.connect(FULL).close()
        except psycopg2.OperationalError:
            return True
        return False


def disk_full(options: Options) -> Report:
    with BoundedMesh(3) as mesh:
        for kind in KINDS_WRITTEN:
            for statement in KINDS[kind].schema:
                mesh.ddl(1, statement)
        checks.wait_equal(mesh, 60)
        dsns = [mesh.dsn(1), mesh.dsn(2)]
        with Load(dsns, 10**9, KINDS_WRITTEN, options.seed, commit="remote_apply") as load:
            load.wait(1)
            mesh.fill()
            wait_until(mesh.says_full, 120, f"node {FULL} meets the end of its disk")
            load.wait(3 if options.short else 20)
            was_down = mesh.is_down()
            room_at = time.monotonic()
            mesh.filler.unlink()
            if was_down:
                mesh.kill(FULL)
                mesh.start(FULL)
            load.wait(2)
        left = checks.wait_equal(mesh, 180)
        back = time.monotonic() - room_at
        failed = {
            text: n
            for told in load.told
            for text, n in told.refused.items()
            if not text.startswith(("23", "40"))
        }
        lost = checks.lost_marks(mesh, load.told)
        free = shutil.disk_usage(mesh.disk).free
    return Report(
        "disk-full",
        "Disk full: one node has no room left",
        f"Node {FULL}'s disk ({SIZE_MB} MB) is filled to the last byte while nodes 1 and 2 take writes that a peer must acknowledge.",
        figures=[
            Figure("writes acknowledged on the other nodes meanwhile", load.committed, "transactions", "more than 0", load.committed > 0),
            Figure("writes failed on the other nodes", sum(failed.values()), "", "0", not failed),
            Figure("longest statement or commit there", round(max(t.slowest_seconds for t in load.told), 2), "s"),
            Figure("Postgres of the full node stopped by itself", "yes" if was_down else "no, it refused what did not fit"),
            Figure("acknowledged writes lost", len(lost), "", "0", not lost),
            Figure("tables that differ after there was room again", len(left), "", "0", not left),
            Figure("from room to all nodes equal", round(back, 1), "s, load included"),
        ],
        conditions=conditions(seed=options.seed, writers=2, nodes=3, postgres=postgres_version(), commit="remote_apply",
                              disk_mb=SIZE_MB, free_bytes_at_the_end=free),
        details={"failed": failed, "differing": left, "lost": lost},
    )  # fmt: skip
