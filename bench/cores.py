"""On which core a process runs, what it has used so far, how many files it may open. Linux."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

SERVER, OTHERS = 0, 1
"""What is measured has the first core alone; the generator, and what a server leans on (NATS, Redis, Postgres), the second."""
SPARE_FILES = 200


@contextmanager
def on(place: int) -> Iterator[None]:
    """What is started meanwhile runs on that core only; on a machine of one core, on that one."""
    before = os.sched_getaffinity(0)
    cores = sorted(before)
    os.sched_setaffinity(0, {cores[place % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class Used:
    """CPU seconds of processes, seconds for which their first threads could have run and others did, resident memory (KiB)."""

    cpu: float
    waited: float
    memory: float

    @classmethod
    def by(cls, pids: list[int]) -> "Used":
        cpu = waited = memory = 0.0
        for pid in pids:
            process = psutil.Process(pid)
            times = process.cpu_times()
            cpu += times.user + times.system
            waited += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
            memory += process.memory_info().rss / 1024
        return cls(cpu, waited, memory)


def allow_files(wanted: int) -> None:
    """Raise this process' limit of open files, for those it starts too; exits with one line if the system does not let us."""
    wanted += SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(
            f"bench: {wanted} open files are needed and the hard limit is {hard}: raise it (ulimit -Hn {wanted}, as root)"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
