"""Media files go to the other hosts as soon as they are there: inotify says when, csync2 carries them.

    firstbell-media-sync.py watch HOST RETRY_SECONDS    (unit firstbell-media-sync)
    firstbell-media-sync.py pin HOST                    (before csync2's own daemon starts)

A host that can't be reached keeps its files waiting here; they are offered again until it has them. Uses
nothing but the host's own Python. Written by Ansible.
"""

import json
import select
import sqlite3
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

MEDIA = Path("/var/lib/firstbell/media")
DATABASES = Path("/var/lib/firstbell/csync2")
PEERS = Path("/etc/firstbell/csync2/peers.json")
SETTLE_SECONDS = 0.05
"""Files of one import come close together: one run carries them all."""
PIN_SECONDS = 30
IDLE_SECONDS = 60
"""Without news, look whether something was missed."""


def csync2(host: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["/usr/sbin/csync2", "-N", host, "-D", str(DATABASES), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def pin(host: str) -> None:
    """Tell csync2 which certificate each peer has; by itself it would trust the first it is shown."""
    DATABASES.mkdir(mode=0o700, exist_ok=True)
    rows = [
        (address, ssl.PEM_cert_to_DER_cert(certificate).hex().upper())
        for address, certificate in json.loads(PEERS.read_text()).items()
    ]
    end = time.monotonic() + PIN_SECONDS
    while True:
        csync2(host, "-M")  # makes its tables
        try:
            with sqlite3.connect(DATABASES / f"{host}.db3", timeout=10) as database:
                database.execute("begin immediate")
                database.execute("delete from x509_cert")
                database.executemany(
                    "insert into x509_cert (peername, certdata) values (?, ?)", rows
                )
            return
        except sqlite3.OperationalError:
            # Files are just being given away, which locks it; then even -M makes nothing.
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def watch(host: str, retry_seconds: float) -> None:
    """Carry what is new, for ever."""
    # inotify watches folders: with all 256 there from the start, none is noticed too late.
    for number in range(256):
        (MEDIA / f"{number:02x}").mkdir(exist_ok=True)
    events = subprocess.Popen(
        ["inotifywait", "-m", "-r", "-q", "-e", "close_write,moved_to", "--format", "", str(MEDIA)],
        stdout=subprocess.PIPE,
    )
    state = "starting"
    while events.poll() is None:
        state = carry(host, state)
        wait(events, retry_seconds if state == "behind" else IDLE_SECONDS)
    raise SystemExit(
        f"inotifywait ended with {events.returncode}: is fs.inotify.max_user_watches too low?"
    )


def carry(host: str, before: str) -> str:
    """One run of csync2; the new state. Logs when it changes."""
    forget_lost(host)
    done = csync2(host, "-x")
    after = "behind" if done.returncode else "level"
    if after != before:
        why = " ".join(line for line in done.stderr.splitlines() if line.startswith("ERROR"))
        print(f"host={host} media {before}→{after} {why}".rstrip(), flush=True)
    return after


def forget_lost(host: str) -> None:
    """csync2 would delete on all hosts what one has lost (a disk that is not mounted): media is only added.

    The front door fetches a lost file again as soon as somebody asks for it.
    """
    with sqlite3.connect(DATABASES / f"{host}.db3", timeout=10) as database:
        known = [name for (name,) in database.execute("select filename from file")]
        lost = [name for name in known if not Path(unquote(name)).exists()]
        for table in ("file", "dirty") if lost else ():
            database.executemany(f"delete from {table} where filename = ?", [(n,) for n in lost])  # noqa: S608
    if lost:
        print(f"host={host} media lost files={len(lost)} first={unquote(lost[0])}", flush=True)


def wait(events: subprocess.Popen[bytes], seconds: float) -> None:
    """Until something is new, or for so long."""
    assert events.stdout is not None
    if select.select([events.stdout], [], [], seconds)[0]:
        time.sleep(SETTLE_SECONDS)
        while select.select([events.stdout], [], [], 0)[0] and events.stdout.read1(65536):
            pass


if __name__ == "__main__":
    if sys.argv[1] == "pin":
        pin(sys.argv[2])
    else:
        watch(sys.argv[2], float(sys.argv[3]))
