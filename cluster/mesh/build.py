"""Make a mesh out of empty, running Postgres nodes: install the change log, then subscribe every node to every other.

Idempotent: what is there is left alone or brought up to date, so that an interrupted build is simply run again.
It does not start servers (the host's service manager does), and it does not join a node to a mesh that
already holds data.
"""

import re
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import psycopg2
from psycopg2 import sql

from cluster.credentials import Credentials
from cluster.db import connect
from cluster.errors import ClusterError
from cluster.topology import Host, Topology

SQL_FOLDER = Path(__file__).parent / "sql"
PUBLICATION = "mesh"
REPLICATION_ROLE = "mesh_replication"
APP_ROLE = "firstbell"
MIN_POSTGRES = 150000
"""Row filters on publications came with PostgreSQL 15."""


def subscription_name(subscriber: Host, publisher: Host) -> str:
    """Name of the subscription on `subscriber`, of its slot on `publisher`, and of the standby in commits."""
    return f"n{subscriber.node}_from_n{publisher.node}"


def build(
    topology: Topology, credentials: Credentials, progress: Callable[[str], None] = lambda _: None
) -> None:
    """Make all hosts of `topology` one mesh. Raises ClusterError when a node can't be used."""
    cluster_id = _cluster_id(topology, credentials)
    for host in topology.hosts:
        install(topology, host, credentials, cluster_id)
        progress(f"{host.name}: change log installed")
    for subscriber in topology.hosts:
        for publisher in topology.peers(subscriber):
            subscribe(topology, subscriber, publisher, credentials)
    progress(f"mesh of {len(topology.hosts)}: every node follows every other")


def _cluster_id(topology: Topology, credentials: Credentials) -> str:
    """The mesh's own name for itself, eight hexadecimal digits; a new one for a new mesh."""
    found: dict[str, str] = {}
    for host in topology.hosts:
        with connect(topology, host, credentials) as db, db.cursor() as cursor:
            cursor.execute("select to_regprocedure('mesh.cluster_id()') is not null")
            if (cursor.fetchone() or (False,))[0]:
                cursor.execute("select mesh.cluster_id()")
                found[host.name] = (cursor.fetchone() or ("",))[0]
    if len(set(found.values())) > 1:
        raise ClusterError(
            f"these nodes belong to different clusters: {found}; a node of another cluster can't be"
            " taken in with its data. Give it an empty database"
        )
    return next(iter(found.values()), token_hex(4))


def install(topology: Topology, host: Host, credentials: Credentials, cluster_id: str) -> None:
    """Roles, change log, functions, triggers and publication of one node."""
    with connect(topology, host, credentials) as db:
        _check_version(host, db.server_version)
        with db, db.cursor() as cursor:
            cursor.execute("set local synchronous_commit = local")
            cursor.execute("select pg_advisory_xact_lock(hashtext('mesh.build'))")
            _role(cursor, REPLICATION_ROLE, "login replication", credentials.replication)
            _role(cursor, APP_ROLE, "login", credentials.app)
            cursor.execute("set local mesh.ddl = 'local'")
            for file in sorted(SQL_FOLDER.glob("*.sql")):
                text = file.read_text(encoding="utf-8")
                cursor.execute(
                    text.replace("{node}", str(host.node))
                    .replace("{app_role}", APP_ROLE)
                    .replace("{cluster_id}", cluster_id)
                )
            for member in topology.hosts:
                cursor.execute(
                    "insert into mesh.node values (%s, %s) on conflict (node) do update set name = excluded.name",
                    (member.node, member.name),
                )
            cursor.execute("select mesh.attach(rel) from mesh.replicated where rel is not null")
            cursor.execute(
                sql.SQL(
                    "grant usage on schema mesh to {0}; grant select on mesh.change to {0}"
                ).format(sql.Identifier(REPLICATION_ROLE))
            )
            cursor.execute("select 1 from pg_publication where pubname = %s", (PUBLICATION,))
            if not cursor.fetchone():
                cursor.execute(
                    sql.SQL(
                        "create publication {} for table mesh.change where (origin = {})"
                        " with (publish = 'insert')"
                    ).format(sql.Identifier(PUBLICATION), sql.Literal(host.node))
                )


def subscribe(
    topology: Topology, subscriber: Host, publisher: Host, credentials: Credentials
) -> None:
    """Let `subscriber` follow `publisher` from now on. No data is copied: both must be level."""
    name = subscription_name(subscriber, publisher)
    with connect(topology, publisher, credentials) as db, db.cursor() as cursor:
        cursor.execute("select 1 from pg_replication_slots where slot_name = %s", (name,))
        slot_is_there = cursor.fetchone() is not None
    with connect(topology, subscriber, credentials, autocommit=True) as db, db.cursor() as cursor:
        cursor.execute("select 1 from pg_subscription where subname = %s", (name,))
        if cursor.fetchone():
            return
        cursor.execute(
            sql.SQL(
                "create subscription {} connection {} publication {} with"
                " (copy_data = false, create_slot = {}, slot_name = {}, synchronous_commit = 'off')"
            ).format(
                sql.Identifier(name),
                sql.Literal(_conninfo(topology, publisher, credentials)),
                sql.Identifier(PUBLICATION),
                sql.SQL("false" if slot_is_there else "true"),
                sql.Literal(name),
            )
        )


def _conninfo(topology: Topology, host: Host, credentials: Credentials) -> str:
    return psycopg2.extensions.make_dsn(
        host=host.address,
        port=host.ports.postgres,
        dbname=topology.database,
        user=REPLICATION_ROLE,
        password=credentials.replication,
        connect_timeout=5,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )


def _role(cursor, name: str, attributes: str, password: str) -> None:
    cursor.execute("select 1 from pg_roles where rolname = %s", (name,))
    verb = "alter" if cursor.fetchone() else "create"
    cursor.execute(
        sql.SQL("{} role {} with {} password {}").format(
            sql.SQL(verb), sql.Identifier(name), sql.SQL(attributes), sql.Literal(password)
        )
    )


def _check_version(host: Host, version: int) -> None:
    if version < MIN_POSTGRES:
        found = re.sub(r"0+(\d+)$", r".\1", str(version))
        raise ClusterError(
            f"{host.name} runs PostgreSQL {found}; the mesh needs 15 or newer"
            " (Debian 12 has 15, Debian 13 has 17)"
        )
