"""Where Postgres is, as whom it runs, and fresh data folders for it."""

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any


def bin_folder() -> Path:
    """Where the newest installed Postgres keeps its programs."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))


def as_postgres() -> dict[str, Any]:
    """For subprocess: Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}


def new_data(data: Path, user: str = "postgres", password: str = "") -> None:
    """What initdb makes, at `data`, which must not exist. Without a password everybody on loopback is trusted.

    A copy of what it made before in this process: it takes a second of a core each time, and a run of all tests needs a
    hundred. So all these servers have one system identifier; logical replication does not look at it.
    """
    subprocess.run(["cp", "-a", "--reflink=auto", _made(user, password), data], check=True)


@functools.cache
def _made(user: str, password: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="firstbell-initdb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        for path in (folder, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    access = ["-A", "scram-sha-256", f"--pwfile={secret}"] if password else ["-A", "trust"]
    subprocess.run(
        [bin_folder() / "initdb", "-D", folder / "data", "-U", user, *access, "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, **as_postgres(),
    )  # fmt: skip
    return folder / "data"
