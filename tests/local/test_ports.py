"""Ports: laid out without overlap, refused when taken, with a message that says what to do."""

import os
import socket

import click
import pytest

from cluster.errors import ClusterError
from cluster.local import ports


def test_no_two_parts_share_a_port_and_all_are_below_the_ephemeral_range():
    for base in (ports.LOWEST_BASE, 8000, ports.HIGHEST_BASE):
        seen = list(ports._all_of(base))
        assert len(set(seen)) == len(seen)
        assert max(seen) < 32768


@pytest.mark.parametrize("base", [0, 80, 25300, 60000])
def test_a_base_that_leaves_the_range_is_misuse(base):
    with pytest.raises(click.UsageError, match=f"PORT_BASE={base} can't be used"):
        ports.check_base(base)


def test_a_taken_port_is_named_with_its_holder_and_a_way_out():
    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ClusterError) as refused:
            ports.refuse_taken([ports.Listener(port, "host2", "realtime")])
        ports.refuse_taken([ports.Listener(port, "host2", "realtime")], ours=[os.getpid()])
    message = refused.value.message
    assert "nothing was started" in message
    assert f"port {port} is taken by" in message
    assert f"(pid {os.getpid()}," in message
    assert "host2's realtime should listen there" in message
    assert "make up PORT_BASE=" in message


def test_free_ports_are_not_refused():
    with socket.socket() as nobody:
        nobody.bind((ports.LOOPBACK, 0))
        port = nobody.getsockname()[1]
    ports.refuse_taken([ports.Listener(port, "host1", "api")])


def test_a_free_base_is_one_with_all_ports_free():
    base = ports.free_base()
    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, ports.host_ports(base, 5).postgres))
        holder.listen()
        assert ports.free_base(base) > base
