"""Connections to the nodes' Postgres as the operating superuser."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from cluster.credentials import Credentials
from cluster.errors import NodeUnreachable
from cluster.topology import Host, Topology

CONNECT_SECONDS = 3
SILENT_SECONDS = 5
"""A node whose machine acknowledges nothing for this long is away."""
AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError, NodeUnreachable)
"""What whoever keeps a connection catches when its node went away, or does not do now what it was asked."""
NO_CHANGE_LOG = (
    psycopg2.errors.InvalidSchemaName,
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.UndefinedFunction,
)
"""A node without a change log: not built yet, or a rejoin is emptying it just now."""


def tls(topology: Topology) -> dict[str, str]:
    """How a connection between nodes is protected, as parameters of libpq; empty: not at all (loopback)."""
    if topology.ca_file is None:
        return {}
    return {"sslmode": "verify-full", "sslrootcert": topology.ca_file}


def row(cursor: psycopg2.extensions.cursor) -> tuple:
    """The one row of a query that always gives one."""
    found = cursor.fetchone()
    if found is None:
        raise AssertionError("a query that gives one row gave none")
    return found


def dsn(topology: Topology, host: Host, credentials: Credentials) -> str:
    """Where the node's database is and how to get in, for psycopg2; holds the password."""
    return psycopg2.extensions.make_dsn(
        host=host.address,
        port=host.ports.postgres,
        dbname=topology.database,
        user="postgres",
        password=credentials.superuser,
        connect_timeout=CONNECT_SECONDS,
        # A peer that lost its power says nothing: without these a question to it is waited for a quarter of an hour.
        tcp_user_timeout=SILENT_SECONDS * 1000,
        keepalives_idle=SILENT_SECONDS,
        keepalives_interval=1,
        keepalives_count=3,
        application_name="clusterctl",
        **tls(topology),
    )


@contextmanager
def connect(
    topology: Topology, host: Host, credentials: Credentials, autocommit: bool = False
) -> Iterator[psycopg2.extensions.connection]:
    """A connection that is closed at the end. Raises NodeUnreachable with the node's name and address."""
    try:
        connection = psycopg2.connect(dsn(topology, host, credentials))
    except psycopg2.OperationalError as error:
        # Of libpq's lines the first says what happened: "connection to server at … failed: Connection refused".
        reason = str(error).strip().splitlines()[0].rsplit("failed: ", 1)[-1]
        raise NodeUnreachable(
            f"Postgres of {host.name} at {host.address}:{host.ports.postgres} does not answer: {reason}"
        ) from None
    connection.autocommit = autocommit
    try:
        yield connection
    finally:
        connection.close()
