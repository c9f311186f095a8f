"""A node that is taken out of service: on SIGTERM, or by the file that `clusterctl drain` makes."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cluster.cli import main
from realtime.neighbours import Neighbours
from tests.realtime.support import (
    NatsServer,
    Page,
    Process,
    RealtimeNode,
    new_session,
    token,
    wait_until,
)

Launch = Callable[[Process], None]
CLUSTER = """
[cluster]
name = "test"
page_url = "http://localhost:8000"
parts = ["realtime"]
drain_file = "{host}-draining"
"""
HOST = """
[[hosts]]
name = "host{node}"
node = {node}
address = "{address}"
public_url = "http://127.0.0.1:{port}"
"""


@pytest.fixture
def cluster(nats_servers: list[NatsServer], tmp_path: Path, launch: Launch) -> list[RealtimeNode]:
    """Two nodes with their cluster.toml; host3 is another machine, and down."""
    nodes = [
        RealtimeNode(
            number,
            tmp_path,
            REALTIME_BACKPLANE="nats",
            REALTIME_NATS_URL=server.url,
            REALTIME_DRAIN_FILE=str(tmp_path / f"host{number}-draining"),
        )
        for number, server in enumerate(nats_servers, 1)
    ]
    for node in nodes:
        launch(node)
    hosts = [HOST.format(node=n.number, address=f"127.0.0.{n.number}", port=n.port) for n in nodes]
    hosts.append(HOST.format(node=3, address="192.0.2.3", port=1))
    (tmp_path / "cluster.toml").write_text(CLUSTER + "".join(hosts))
    (tmp_path / "secrets.toml").write_text("")
    for node, other in zip(nodes, ("host2", "host1"), strict=True):
        wait_until(partial(hears, node, other), f"{node.name} to hear {other}")
    return nodes


def hears(node: RealtimeNode, other: str) -> bool:
    return other in node.get("/readyz")[1]["others"]


def clusterctl(nodes: list[RealtimeNode], *words: str) -> Result:
    config = nodes[0].log.parent / "cluster.toml"
    return CliRunner().invoke(main, ["--config", str(config), *words])


async def test_a_drained_host_sends_its_pages_to_those_that_serve_until_it_is_taken_back(
    cluster: list[RealtimeNode],
) -> None:
    first, _ = cluster
    for words, code, said in (
        (("drain", "host1", "--dry-run"), 0, "would do: host1: drained by"),
        (("drain", "host3"), 1, "host3 is another machine (192.0.2.3): run this command there"),
        (("undrain", "host1"), 0, "nothing to do"),
        (("drain", "host9"), 2, "there is no host 'host9'"),
    ):
        done = await asyncio.to_thread(clusterctl, cluster, *words)
        assert (done.exit_code, said in done.output) == (code, True), done.output
    assert not list(first.log.parent.glob("*draining"))
    session = new_session()
    teacher = await Page.hello(first, token(session))
    teacher.change(blank="black")
    draining = asyncio.create_task(asyncio.to_thread(clusterctl, cluster, "drain", "host1"))
    assert await teacher.hear("move") == {"type": "move", "within_seconds": 1, "hosts": ["host2"]}
    late = await Page.open(first)
    assert await late.hear("move") == {"type": "move", "within_seconds": 0, "hosts": ["host2"]}
    await late.is_closed(1012)
    await teacher.is_closed(1012)
    done = await draining
    assert done.exit_code == 0, done.output
    assert "host1: 0 sockets left" in done.output
    assert "not in the audit" in done.output  # there is no Postgres here
    assert first.get("/rt/readyz")[1]["reasons"] == ["draining"]

    refused = await asyncio.to_thread(clusterctl, cluster, "drain", "host2")
    assert refused.exit_code == 1
    assert "no other host could serve" in refused.output
    assert "draining" in refused.output
    assert cluster[1].get("/rt/readyz")[0] == 200

    done = await asyncio.to_thread(clusterctl, cluster, "undrain", "host1")
    assert (done.exit_code, "host1: ready" in done.output) == (0, True), done.output
    again = await Page.hello(first, token(session))
    await again.shows(blank="black")
    done = await asyncio.to_thread(clusterctl, cluster, "undrain", "host1")
    assert done.output == "nothing to do\n"


async def test_a_drained_host_that_restarts_is_drained_still(cluster: list[RealtimeNode]) -> None:
    first, _ = cluster
    file = first.log.parent / "host1-draining"
    file.touch()
    first.signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.wait) == 0
    await asyncio.to_thread(first.start, False)
    page = await Page.open(first)
    assert (await page.hear("move"))["within_seconds"] == 0
    file.unlink()
    await asyncio.to_thread(first.wait_ready)


def test_only_who_takes_sockets_and_was_heard_lately_counts() -> None:
    found = Neighbours()
    found.hear({"host": "host2", "takes": True}, 0)
    found.hear({"host": "host3", "takes": True}, 2)
    assert found.taking(2) == ["host2", "host3"]
    assert found.taking(4) == ["host3"]
    found.hear({"host": "host3", "takes": False}, 4)
    assert found.taking(4) == []
    found.hear({"nonsense": 1}, 4)
    for number in range(1000):
        found.hear({"host": f"h{number}", "takes": True}, 4)
    assert len(found.taking(4)) == 15
