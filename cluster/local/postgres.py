"""The Postgres node of one laptop host: made by initdb, its database, whether it is level."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg2

from cluster.errors import ClusterError
from cluster.local import render, state
from cluster.local.binaries import Binaries
from cluster.local.secrets import Secrets, write_private
from cluster.local.state import State
from cluster.topology import Host, Topology

APP_ROLE = "firstbell"
SUPERUSER = "postgres"
_SETTINGS = "firstbell.conf"


def dsn(topology: Topology, host: Host, role: str, password: str | None) -> str:
    """Connection string for psycopg2 and psql; holds the password unless it is None."""
    return psycopg2.extensions.make_dsn(
        host=host.address,
        port=host.ports.postgres,
        dbname=topology.database,
        user=role,
        password=password,
        connect_timeout=3,
    )


def url(topology: Topology, host: Host, role: str, password: str) -> str:
    """The same as an address, for the services."""
    return f"postgres://{role}:{password}@{host.address}:{host.ports.postgres}/{topology.database}"


def prepare(kept: State, host: Host, secrets: Secrets, binaries: Binaries) -> None:
    """Make the data folder if there is none, and write the configuration."""
    data = kept.postgres_data(host.name)
    if not (data / "PG_VERSION").exists():
        _initdb(data, secrets.postgres_password, binaries)
    _check_data_version(host, data, binaries)
    _write(data / _SETTINGS, render.postgresql_conf(host))
    _write(data / "pg_hba.conf", render.pg_hba_conf(host))
    main = data / "postgresql.conf"
    include = f"include = '{_SETTINGS}'\n"
    if include not in main.read_text():
        _write(main, main.read_text() + include)


def _initdb(data: Path, password: str, binaries: Binaries) -> None:
    """A new cluster beside the place, moved there when complete: half of one is never found."""
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = data.with_name("initdb-password")
    write_private(password_file, password + "\n")
    if state.runs_as_root():
        shutil.chown(draft, state.POSTGRES_USER, state.POSTGRES_USER)
        shutil.chown(password_file, state.POSTGRES_USER)
    try:
        _as_postgres(
            *(binaries.initdb, "-D", draft, "-U", SUPERUSER, "--pwfile", password_file),
            *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"),
        )
    finally:
        password_file.unlink()
    draft.rename(data)


def _as_postgres(*command: str | Path) -> None:
    account = state.postgres_account() if state.runs_as_root() else None
    done = subprocess.run(
        command,
        cwd="/",
        capture_output=True,
        text=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"},
    )
    if done.returncode:
        raise ClusterError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


def _check_data_version(host: Host, data: Path, binaries: Binaries) -> None:
    """Data of another major version can't be opened; say so before the server does."""
    of_data = (data / "PG_VERSION").read_text().strip()
    of_server = binaries.postgres.parent.parent.name
    if of_server.isdigit() and of_data != of_server:
        raise ClusterError(
            f"{host.name}'s data in {data} is of PostgreSQL {of_data}, but the newest here is"
            f" {of_server}: install postgresql-{of_data}, or start anew after `make clean`"
        )


def _write(path: Path, text: str) -> None:
    write_private(path, text)
    if state.runs_as_root():
        shutil.chown(path, state.POSTGRES_USER, state.POSTGRES_USER)


def accepts(dsn_: str, database: str = "") -> bool:
    """Whether a connection with this string works now (to another database, if one is named)."""
    if database:
        dsn_ = psycopg2.extensions.make_dsn(dsn_, dbname=database)
    try:
        psycopg2.connect(dsn_).close()
    except psycopg2.OperationalError:
        return False
    return True


def make_database(topology: Topology, host: Host, secrets: Secrets) -> None:
    """Role and database of the application, if they are not there."""
    superuser = dsn(topology, host, SUPERUSER, secrets.postgres_password)
    connection = psycopg2.connect(psycopg2.extensions.make_dsn(superuser, dbname="postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = local")
        cursor.execute("select 1 from pg_roles where rolname = %s", (APP_ROLE,))
        if not cursor.fetchone():
            cursor.execute(f"create role {APP_ROLE} login password %s", (secrets.app_password,))
        cursor.execute("select 1 from pg_database where datname = %s", (topology.database,))
        if not cursor.fetchone():
            cursor.execute(f"create database {topology.database} owner {APP_ROLE}")
    connection.close()


def is_level(reader: str, writer: str) -> bool:
    """Whether the node behind `reader` has all that the node behind `writer` knows by now."""
    position = _ask(writer, "select mesh.position()")
    return position is not None and _ask(reader, "select mesh.wait_for(%s, 500)", position) is True


def takes_writes(superuser_dsn: str) -> bool:
    """Whether this node was admitted since its Postgres started (docs/operations/members.md)."""
    return bool(_ask(superuser_dsn, "select mesh.gate_is_open()"))


def waits_for_peers(superuser_dsn: str) -> bool:
    """Whether commits of this node wait for a peer: the agent sees to it once peers follow."""
    return bool(_ask(superuser_dsn, "select current_setting('synchronous_standby_names')"))


def _ask(dsn_: str, query: str, *parameters: object) -> object:
    """One value, or None when the node can't be asked."""
    try:
        connection = psycopg2.connect(dsn_)
    except psycopg2.OperationalError:
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            row = cursor.fetchone()
            return row[0] if row else None
    except psycopg2.Error:
        return None
    finally:
        connection.close()
