"""Fixtures of the realtime room:

- `node`: one node without NATS and Postgres, shared by the tests of a module.
- `nats_servers`: two clustered nats-servers; `two_nodes`: a node at each of them.
- `postgres`: a throwaway Postgres with the table of snapshots.
- `launch`: starts a process that is killed after the test.

Tests may be coroutine functions; each gets an event loop of its own.
"""

import asyncio
import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.realtime.support import (
    UNDOCUMENTED,
    NatsServer,
    PostgresServer,
    Process,
    RealtimeNode,
)
from tests.support.ports import free_port

STORY_SECONDS = 90


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    story = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    asyncio.run(asyncio.wait_for(story, STORY_SECONDS))
    return True


@pytest.fixture(autouse=True)
def only_documented_messages() -> Iterator[None]:
    """Whatever a server says to a page, in any test, is as PROTOCOL.md says."""
    UNDOCUMENTED.clear()
    yield
    assert UNDOCUMENTED == []


@pytest.fixture
def launch() -> Iterator[Callable[[Process], None]]:
    processes: list[Process] = []

    def start(process: Process) -> None:
        processes.append(process)
        process.start()  # type: ignore[attr-defined]

    yield start
    for process in processes:
        process.kill()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealtimeNode]:
    found = RealtimeNode(1, tmp_path_factory.mktemp("node"))
    found.start()
    yield found
    found.kill()


@pytest.fixture
def nats_servers(tmp_path: Path) -> Iterator[list[NatsServer]]:
    routes = [free_port(), free_port()]
    servers = [NatsServer(f"nats{i}", tmp_path, routes, i) for i in range(2)]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture
def two_nodes(nats_servers: list[NatsServer], tmp_path: Path) -> Iterator[list[RealtimeNode]]:
    nodes = [
        RealtimeNode(
            i + 1,
            tmp_path,
            REALTIME_BACKPLANE="nats",
            REALTIME_NATS_URL=server.url,
            REALTIME_SYNC_SECONDS="60",  # so that nothing is healed by the regular comparison
        )
        for i, server in enumerate(nats_servers)
    ]
    for each in nodes:
        each.start()
    yield nodes
    for each in nodes:
        each.kill()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    # not below tmp_path: the user postgres could not reach it
    folder = Path(tempfile.mkdtemp(prefix="firstbell-realtime-", dir="/tmp"))
    server = PostgresServer(folder)
    try:
        server.create()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
