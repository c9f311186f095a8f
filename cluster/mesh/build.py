"""Make a mesh out of empty, running Postgres nodes: install the change log, then subscribe every node to every other.

Idempotent: what is there is left alone or brought up to date, so that an interrupted build is simply run again.
It does not start servers (the host's service manager does), and it does not join a node to a mesh that
already holds data.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import psycopg2
from psycopg2 import sql

from cluster.credentials import Credentials
from cluster.db import connect, tls
from cluster.errors import ClusterError, NodeUnreachable
from cluster.topology import Host, Topology

SQL_FOLDER = Path(__file__).parent / "sql"
PUBLICATION = "mesh"
BEATS_PUBLICATION = "mesh_beats"
"""The heartbeats beside it: of them updates travel, of the log only inserts. One subscription takes both, in order."""
REPLICATION_ROLE = "mesh_replication"
APP_ROLE = "firstbell"
_VERSION = "change log of version "
"""Comment of the schema: what was installed, so that a node in use is left in peace when it has just that."""
MIN_POSTGRES = 150000
"""Row filters on publications came with PostgreSQL 15."""


def subscription_name(subscriber: Host, publisher: Host) -> str:
    """Name of the subscription on `subscriber`, of its slot on `publisher`, and of the standby in commits."""
    return f"n{subscriber.node}_from_n{publisher.node}"


def build(
    topology: Topology, credentials: Credentials, progress: Callable[[str], None] = lambda _: None
) -> bool:
    """Make all hosts of `topology` one mesh; returns whether anything had to be changed.

    Raises ClusterError when a node can't be used.
    """
    changed = False
    topology = _without_evicted(topology, credentials, progress)
    cluster_id = _cluster_id(topology, credentials)
    for host in topology.hosts:
        if install(topology, host, credentials, cluster_id):
            changed = True
            progress(f"{host.name}: change log installed")
    for subscriber in topology.hosts:
        for publisher in topology.peers(subscriber):
            if subscribe(topology, subscriber, publisher, credentials):
                changed = True
                progress(f"{subscriber.name} follows {publisher.name}")
    return changed


def _without_evicted(
    topology: Topology, credentials: Credentials, progress: Callable[[str], None]
) -> Topology:
    """The hosts that no other one holds evicted: those are left alone, they may even be gone (`clusterctl rejoin`)."""
    evicted: set[int] = set()
    for host in topology.hosts:
        with suppress(NodeUnreachable), connect(topology, host, credentials) as db, db.cursor() as cursor:  # fmt: skip
            cursor.execute("select to_regclass('mesh.joining') is not null")
            if (cursor.fetchone() or (False,))[0]:
                cursor.execute(
                    "select node, exists (select from mesh.joining) from mesh.node"
                    " where node = %s or state = 'evicted'",
                    (host.node,),
                )
                for node, joining in cursor.fetchall():
                    if joining:
                        raise ClusterError(
                            f"the join of {host.name} was interrupted; run: clusterctl join {host.name}"
                        )
                    if node != host.node:
                        evicted.add(node)
    for host in topology.hosts:
        if host.node in evicted:
            progress(f"{host.name}: was evicted, is left alone")
    return replace(topology, hosts=tuple(h for h in topology.hosts if h.node not in evicted))


_HAS_TABLES = """
select exists (select from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    and not exists (select from pg_depend d
        where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e'))
"""


def _cluster_id(topology: Topology, credentials: Credentials) -> str:
    """The mesh's own name for itself, eight hexadecimal digits; a new one for a new mesh.

    Raises ClusterError when nodes of two clusters, or an empty one and one with data, would become one, or when a new
    one has tables: nothing copies what is there already.
    """
    found: dict[str, str] = {}
    with_data: list[str] = []
    with_tables: list[str] = []
    for host in topology.hosts:
        with connect(topology, host, credentials) as db, db.cursor() as cursor:
            cursor.execute("select to_regprocedure('mesh.cluster_id()') is not null")
            if (cursor.fetchone() or (False,))[0]:
                cursor.execute("select mesh.cluster_id(), exists (select from mesh.change)")
                found[host.name], has_data = cursor.fetchone() or ("", False)
                if has_data:
                    with_data.append(host.name)
            else:
                cursor.execute(_HAS_TABLES)
                if (cursor.fetchone() or (False,))[0]:
                    with_tables.append(host.name)
    if len(set(found.values())) > 1:
        raise ClusterError(
            f"these nodes belong to different clusters: {found}; a node of another cluster can't be"
            " taken in with its data. Give it an empty database"
        )
    new = [host.name for host in topology.hosts if host.name not in found]
    if new and with_data:
        raise ClusterError(
            f"{', '.join(new)} is empty, but {', '.join(with_data)} holds data already; to take it in with a copy, run:"
            f" clusterctl join {new[0]}"
        )
    if with_tables:
        raise ClusterError(
            f"{', '.join(with_tables)} has tables already, whose rows and changes would stay there; make the mesh of"
            " empty databases, then migrate and load the data on one node"
        )
    return next(iter(found.values()), token_hex(4))


def install(topology: Topology, host: Host, credentials: Credentials, cluster_id: str) -> bool:
    """Roles, change log, functions, triggers and publication of one node; whether anything was missing or older."""
    texts = [
        file.read_text(encoding="utf-8")
        .replace("{node}", str(host.node))
        .replace("{app_role}", APP_ROLE)
        .replace("{cluster_id}", cluster_id)
        .replace("{partition_hours}", str(topology.change_log.partition_hours))
        for file in sorted(SQL_FOLDER.glob("*.sql"))
    ]
    members = [(member.node, member.name) for member in topology.hosts]
    version = hashlib.sha256("\0".join([*texts, repr(members)]).encode()).hexdigest()[:16]
    with connect(topology, host, credentials) as db:
        _check_version(host, db.server_version)
        with db, db.cursor() as cursor:
            cursor.execute("set local synchronous_commit = local")
            cursor.execute("select pg_advisory_xact_lock(hashtext('mesh.build'))")
            changed = _role(cursor, REPLICATION_ROLE, True, credentials.replication)
            changed |= _role(cursor, APP_ROLE, False, credentials.app)
            cursor.execute("select obj_description(to_regnamespace('mesh'), 'pg_namespace')")
            if (cursor.fetchone() or (None,))[0] == f"{_VERSION}{version}":
                return changed
            _check_layout(cursor, host)
            cursor.execute("set local mesh.ddl = 'local'")
            for text in texts:
                cursor.execute(text)
            for member in members:
                cursor.execute(
                    "insert into mesh.node values (%s, %s) on conflict (node) do update set name = excluded.name",
                    member,
                )
                cursor.execute(
                    "insert into mesh.heartbeat (node) values (%s) on conflict do nothing",
                    member[:1],
                )
            # A log without a change has no past that the peers could know better.
            cursor.execute("select mesh.open_gate() where not exists (select from mesh.change)")
            cursor.execute("select mesh.attach(rel) from mesh.replicated where rel is not null")
            cursor.execute(
                sql.SQL(
                    "grant usage on schema mesh to {0}; grant select on mesh.change, mesh.heartbeat to {0}"
                ).format(sql.Identifier(REPLICATION_ROLE))
            )
            _publish(cursor, host, PUBLICATION, "mesh.change where (origin = {})", "insert")
            _publish(cursor, host, BEATS_PUBLICATION, "mesh.heartbeat where (node = {})", "update")
            cursor.execute(
                sql.SQL("comment on schema mesh is {}").format(sql.Literal(f"{_VERSION}{version}"))
            )
    return True


def _check_layout(cursor, host: Host) -> None:
    cursor.execute("select relkind from pg_class where oid = to_regclass('mesh.change')")
    found = cursor.fetchone()
    if found and found[0] != "p":
        raise ClusterError(
            f"{host.name} has a change log of a development version that can't be taken over;"
            " save what you need with pg_dump and start anew"
            " (on a laptop: make clean; a golden image: bin/golden N --again)"
        )


def _publish(cursor, host: Host, name: str, what: str, kinds: str) -> None:
    """Of a table only what this node wrote itself; as one table, whatever its partitions."""
    cursor.execute("select 1 from pg_publication where pubname = %s", (name,))
    if not cursor.fetchone():
        cursor.execute(
            sql.SQL(
                "create publication {} for table "
                + what
                + " with (publish = {}, publish_via_partition_root = true)"
            ).format(sql.Identifier(name), sql.Literal(host.node), sql.Literal(kinds))
        )


def subscribe(
    topology: Topology, subscriber: Host, publisher: Host, credentials: Credentials
) -> bool:
    """Let `subscriber` follow `publisher` from now on; whether it did not, or at another address or password.

    No data is copied: both must be level.
    """
    name = subscription_name(subscriber, publisher)
    conninfo = _conninfo(topology, publisher, credentials)
    with connect(topology, publisher, credentials) as db, db.cursor() as cursor:
        cursor.execute("select 1 from pg_replication_slots where slot_name = %s", (name,))
        slot_is_there = cursor.fetchone() is not None
    with connect(topology, subscriber, credentials, autocommit=True) as db, db.cursor() as cursor:
        cursor.execute("select subconninfo from pg_subscription where subname = %s", (name,))
        found = cursor.fetchone()
        if found and found[0] == conninfo:
            return False
        if found:
            cursor.execute(
                sql.SQL("alter subscription {} connection {}").format(
                    sql.Identifier(name), sql.Literal(conninfo)
                )
            )
            return True
        cursor.execute(
            sql.SQL(
                "create subscription {} connection {} publication {}, {} with"
                " (copy_data = false, create_slot = {}, slot_name = {}, synchronous_commit = 'off')"
            ).format(
                sql.Identifier(name),
                sql.Literal(conninfo),
                sql.Identifier(PUBLICATION),
                sql.Identifier(BEATS_PUBLICATION),
                sql.SQL("false" if slot_is_there else "true"),
                sql.Literal(name),
            )
        )
    return True


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
        **tls(topology),
    )


def _role(cursor, name: str, replication: bool, password: str) -> bool:
    """Make the role as it should be; whether it was not."""
    cursor.execute(
        "select rolcanlogin and rolreplication >= %s, rolpassword from pg_authid where rolname = %s",
        (replication, name),
    )
    found = cursor.fetchone()
    if found and found[0] and _is_of(found[1], password):
        return False
    cursor.execute(
        sql.SQL("{} role {} with login {} password {}").format(
            sql.SQL("alter" if found else "create"),
            sql.Identifier(name),
            sql.SQL("replication" if replication else ""),
            sql.Literal(password),
        )
    )
    return True


def _is_of(verifier: str | None, password: str) -> bool:
    """Whether what Postgres keeps of a password (SCRAM-SHA-256, RFC 5803) is of this one."""
    found = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):.*", verifier or "")
    if not found:
        return False
    rounds, salt, stored = int(found[1]), base64.b64decode(found[2]), base64.b64decode(found[3])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), stored)


def _check_version(host: Host, version: int) -> None:
    if version < MIN_POSTGRES:
        found = re.sub(r"0+(\d+)$", r".\1", str(version))
        raise ClusterError(
            f"{host.name} runs PostgreSQL {found}; the mesh needs 15 or newer"
            " (Debian 12 has 15, Debian 13 has 17)"
        )
