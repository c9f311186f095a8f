"""Fill an empty node from a donor: its tables and its change log, as one snapshot saw them.

pg_dump and pg_restore carry the application's schema and rows; the tables of the log go over row by row. Nothing is
kept on disk but the dump of the schema. It attaches no trigger and subscribes to nobody: `cluster/joining.py` does.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from psycopg2 import sql

from cluster.credentials import Credentials
from cluster.db import row, tls
from cluster.errors import ClusterError
from cluster.exchange import common_columns
from cluster.topology import Host, Topology

LOG_TABLES = ("change", "conflict", "parked", "version", "heartbeat", "added", "renamed")
"""Of schema mesh; `replicated` and `node` name things of the node itself, the rest is derived or each node's own."""


def copy_schema_and_rows(
    topology: Topology, donor: Host, target: Host, passwords: Credentials, donor_db, snapshot: str
) -> None:
    """The application's schema with its rows. Raises ClusterError with what pg_dump or pg_restore said."""
    programs = _programs(donor, donor_db.server_version)
    out = _Tool(programs, topology, donor, passwords)
    into = _Tool(programs, topology, target, passwords)
    of_public = ["--format=custom", f"--snapshot={snapshot}", "--schema=public", "--extension=*"]
    with tempfile.TemporaryDirectory(prefix="firstbell-join-") as folder:
        file, wanted = Path(folder, "schema"), Path(folder, "list")
        out.run(
            "pg_dump", *of_public, "--section=pre-data", "--section=post-data", f"--file={file}"
        )
        listing = out.run("pg_restore", "--list", str(file))
        wanted.write_text(_without_ours(listing, _triggers_of_the_mesh(donor_db)))
        restore = ["--exit-on-error", f"--dbname={topology.database}", f"--use-list={wanted}"]
        into.run("pg_restore", *restore, "--section=pre-data", str(file))
        data = ["--section=data", "--compress=0", "--no-unlogged-table-data"]
        _pipe(out, [*of_public, *data], into, [*restore[:2], "--section=data"])
        into.run("pg_restore", *restore, "--section=post-data", str(file))


def copy_table(source, target, table: str, columns: list[str]) -> None:
    """Rows of one table from one open transaction into another, as a stream."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    read_end, write_end = os.pipe()
    failed: list[BaseException] = []

    def send() -> None:
        try:
            with os.fdopen(write_end, "wb") as pipe, source.cursor() as cursor:
                query = sql.SQL("copy (select {} from {}) to stdout")
                cursor.copy_expert(query.format(names, sql.SQL(table)), pipe)
        except BaseException as error:
            failed.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with os.fdopen(read_end, "rb") as pipe, target.cursor() as cursor:
            query = sql.SQL("copy {} ({}) from stdin")
            cursor.copy_expert(query.format(sql.SQL(table), names), pipe)
    finally:
        sender.join()
    if failed:
        raise failed[0]


def copy_log(source, target) -> None:
    """The change log and what belongs to it, into the open transaction of `target`."""
    _copy_partitions(source, target)
    for name in LOG_TABLES:
        table = f"mesh.{name}"
        with target.cursor() as cursor:
            cursor.execute(sql.SQL("delete from {}").format(sql.SQL(table)))
        copy_table(source, target, table, common_columns(source, target, table))
    with source.cursor() as reading, target.cursor() as cursor:
        reading.execute("select mesh.pruned()")
        cursor.execute("select setval('mesh.pruned_to', %s)", row(reading))


def _copy_partitions(source, target) -> None:
    """The donor's parts of the log, so that they are pruned in time: what goes into the rest never is."""
    with source.cursor() as reading, target.cursor() as cursor:
        reading.execute("select name, low, high from mesh.partitions()")
        for name, low, high in reading.fetchall():
            cursor.execute(
                "select exists (select from mesh.partitions() where low < %s and high > %s)",
                (high, low),
            )
            if not row(cursor)[0]:
                cursor.execute(
                    sql.SQL(
                        "create table mesh.{0} partition of mesh.change for values from ({1}) to ({2})"
                    ).format(sql.Identifier(name), sql.Literal(low), sql.Literal(high))
                )


def _triggers_of_the_mesh(db) -> set[int]:
    """Triggers whose functions the target does not have yet: mesh.attach() writes both there."""
    with db.cursor() as cursor:
        cursor.execute(
            "select t.oid from pg_trigger t join pg_proc p on p.oid = t.tgfoid"
            " where p.pronamespace = 'mesh'::regnamespace"
        )
        return {oid for (oid,) in cursor.fetchall()}


def _without_ours(listing: str, triggers: set[int]) -> str:
    """pg_restore's table of contents without schema public, which is there, and without the mesh's triggers."""
    kept = []
    for line in listing.splitlines():
        found = re.match(r"\d+; (\d+) (\d+) (.*)", line)
        if found and (
            (found[1] == "2620" and int(found[2]) in triggers)
            or re.match(r"(SCHEMA - public|COMMENT - SCHEMA public) ", found[3])
        ):
            continue
        kept.append(line)
    return "\n".join(kept) + "\n"


class _Tool:
    """pg_dump or pg_restore, connected to one node; the password stands in the environment only."""

    def __init__(self, folder: Path, topology: Topology, host: Host, passwords: Credentials):
        self.folder = folder
        self.host = host
        protect = tls(topology)
        self.environment = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "PGHOST": host.address,
            "PGPORT": str(host.ports.postgres),
            "PGDATABASE": topology.database,
            "PGUSER": "postgres",
            "PGPASSWORD": passwords.superuser,
            "PGCONNECT_TIMEOUT": "5",
            "PGAPPNAME": "clusterctl",
            "PGOPTIONS": "-c synchronous_commit=local -c mesh.ddl=local -c statement_timeout=0 -c lock_timeout=60s",
            **(
                {"PGSSLMODE": protect["sslmode"], "PGSSLROOTCERT": protect["sslrootcert"]}
                if protect
                else {}
            ),
        }

    def start(
        self, name: str, *arguments: str, stdin=None, stderr=subprocess.PIPE
    ) -> subprocess.Popen:
        return subprocess.Popen(
            [self.folder / name, *arguments],
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )

    def run(self, name: str, *arguments: str, stdin=None) -> str:
        process = self.start(name, *arguments, stdin=stdin)
        output, errors = process.communicate()
        self.check(name, process.returncode, errors)
        return output.decode()

    def check(self, name: str, code: int, errors: bytes) -> None:
        if code:
            said = errors.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
            raise ClusterError(f"{name} on {self.host.name} failed: {' '.join(said[:3])}")


def _pipe(out: _Tool, dump: list[str], into: _Tool, restore: list[str]) -> None:
    """Dump from one node straight into the other. The restore's complaint goes first: the dump's is its echo."""
    with tempfile.TemporaryFile() as errors:
        source = out.start("pg_dump", *dump, stderr=errors)
        try:
            into.run("pg_restore", *restore, stdin=source.stdout)
        finally:
            if source.stdout:
                source.stdout.close()
            code = source.wait()
        errors.seek(0)
        out.check("pg_dump", code, errors.read())


def _programs(donor: Host, server_version: int) -> Path:
    """Folder of pg_dump and pg_restore, not older than the donor's server. Raises ClusterError if there is none."""
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    folders.sort(key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    on_path = shutil.which("pg_dump")
    if on_path:
        folders.insert(0, Path(on_path).resolve().parent)
    for folder in reversed(folders):
        if (folder / "pg_dump").exists() and (folder / "pg_restore").exists():
            said = subprocess.run(
                [folder / "pg_dump", "--version"], capture_output=True, text=True
            ).stdout
            found = re.search(r"\) (\d+)", said)
            if found and int(found[1]) >= server_version // 10000:
                return folder
    raise ClusterError(
        f"no pg_dump here that can read {donor.name}'s PostgreSQL {server_version // 10000}:"
        f" install postgresql-client-{server_version // 10000}, or run this on {donor.name}"
    )
