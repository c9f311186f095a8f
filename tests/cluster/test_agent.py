"""When commits wait for a peer and when they stop waiting; and what a dead node left with one peer only."""

import threading

from cluster.agent import (
    DEGRADE_AFTER_SECONDS,
    LONGEST_RESTORE_SECONDS,
    RESTORE_AFTER_SECONDS,
    SILENT_SECONDS,
    Agent,
    Durability,
    Replies,
)
from cluster.db import connect
from tests.support.nodes import CREDENTIALS, Nodes, wait_until
from webapp.multimaster.durability import LET_GO


def decisions(durability: Durability, looks: list[tuple[float, int]]) -> list[str]:
    found = []
    for now, peers in looks:
        durability.current = durability.decide(peers, now)
        found.append(durability.current)
    return found


def test_commits_stop_waiting_soon_after_the_last_peer_is_gone():
    looks = [(10.0, 1), (10.5, 0), (10.5 + DEGRADE_AFTER_SECONDS, 0)]
    assert decisions(Durability("peer"), looks) == ["peer", "peer", "local"]


def test_commits_wait_again_only_when_a_peer_has_stayed():
    looks = [(0.5, 1), (1.0, 0), (1.5, 1), (1.5 + RESTORE_AFTER_SECONDS, 1)]
    assert decisions(Durability("local"), looks) == ["local", "local", "local", "peer"]


def test_a_peer_that_comes_and_goes_changes_nothing():
    looks = [(t / 10, t // 5 % 2) for t in range(1, 100)]
    assert set(decisions(Durability("local"), looks)) == {"local"}


def agent_of(mesh: Nodes, node: int) -> Agent:
    return Agent(mesh.topology, mesh.topology.host(node), CREDENTIALS)


def turn(agent: Agent) -> None:
    with connect(agent.topology, agent.host, agent.passwords, autocommit=True) as db:
        agent.turn(db)


def test_a_follower_that_says_nothing_more_is_not_there_though_its_connection_stands():
    replies = Replies()
    assert replies.fresh({"n2": 1, "n3": 1}, 0.0) == 2
    assert replies.fresh({"n2": 2, "n3": 1}, SILENT_SECONDS) == 1
    assert replies.fresh({"n2": 2, "n3": 9}, SILENT_SECONDS + 0.1) == 2
    assert replies.fresh({}, SILENT_SECONDS + 0.2) == 0


def test_a_peer_that_comes_and_goes_is_believed_more_slowly_each_time():
    durability = Durability(current="peer")
    now, waits = 0.0, []
    for _ in range(8):
        while durability.current == "peer":
            durability.current = durability.decide(0, now)
            now += 0.1
        began = now
        while durability.current == "local":
            durability.current = durability.decide(1, now)
            now += 0.1
        waits.append(round(now - began))
    assert waits[:4] == [3, 6, 12, 24]
    assert max(waits) <= LONGEST_RESTORE_SECONDS + 1
    now += LONGEST_RESTORE_SECONDS  # it held
    durability.decide(0, now)
    durability.current = durability.decide(0, now + 1)
    assert durability.restore_after == RESTORE_AFTER_SECONDS


def test_commits_of_one_row_on_all_nodes_do_not_wait_for_one_another_for_ever(mesh):
    mesh.ddl(1, "create table hot (id int primary key, n int)")
    mesh.sql(1, "insert into hot values (1, 0)")
    mesh.level()
    agents = [agent_of(mesh, n) for n in mesh.numbers]
    commits = []
    try:
        for agent in agents:
            agent.durability.current = "peer"
            turn(agent)
        clients = [mesh.connect(n) for n in mesh.numbers]
        for client, node in zip(clients, mesh.numbers, strict=True):
            wait_until(lambda n=node: mesh.admin(n, "show synchronous_standby_names") != [("",)])
            client.cursor().execute("update hot set n = %s", [node])
        commits = [threading.Thread(target=client.commit) for client in clients]
        for commit in commits:
            commit.start()
        while any(commit.is_alive() for commit in commits):
            for agent in agents:
                turn(agent)
        assert [agent.durability.current for agent in agents] == ["peer"] * len(agents)
        told = [notice for client in clients for notice in client.notices]
        assert told, "they have met"
        assert all(LET_GO in notice for notice in told)
        for client in clients:
            client.close()
    finally:
        for n in mesh.numbers:
            mesh.admin(n, "alter system reset synchronous_standby_names")
            mesh.admin(n, "select pg_reload_conf()")
        for commit in commits:
            commit.join()
    mesh.level()
    mesh.assert_equal("hot")
    mesh.ddl(1, "drop table hot")
    mesh.level()
