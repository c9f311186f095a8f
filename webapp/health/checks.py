"""What this host needs to be of use to a browser; each check returns reasons, empty when well.

Deliberately looks at this host only. Whether peers live is the agent's business.
"""

import os
import tempfile
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def reasons() -> list[str]:
    """Why this host is not ready, in plain words; an empty list means it is."""
    return database_reasons() + _media()


def database_reasons() -> list[str]:
    """The database's part of it: also whether this node is compared with its peers and may serve."""
    try:
        connection.ensure_connection()
        return _writable() or (_migrations() + _mesh())
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        return [f"database: {str(error).strip().splitlines()[0]}"]


def _writable() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
        recovering, read_only = cursor.fetchone()
        if recovering or read_only == "on":
            return ["database: it is read-only"]
        # Takes a transaction number, as every write does, yet leaves no row to replicate.
        cursor.execute("SELECT pg_current_xact_id()")
    return []


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(key for key, found in loader.disk_migrations.items() if not found.replaces)


def _migrations() -> list[str]:
    missing = _known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    if not missing:
        return []
    first = ".".join(min(missing))
    return [f"migrations: {len(missing)} not applied, {first} first; run manage.py migrate"]


def _mesh() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('mesh.me()') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return []
        cursor.execute("SELECT mesh.me()")
        node = cursor.fetchone()[0]
    if node is None:
        return ["mesh: this database does not know which node it is"]
    if node != settings.FIRSTBELL_NODE:
        return [f"mesh: FIRSTBELL_NODE={settings.FIRSTBELL_NODE} but the database is node {node}"]
    return _unfit()


def _unfit() -> list[str]:
    """What the agent found: a clock that is wrong, a node that is not admitted, filled, or was evicted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('mesh.unfit_reasons()') IS NOT NULL")
        if not cursor.fetchone()[0]:  # a mesh of an older release, while a deployment runs
            return []
        cursor.execute("SELECT mesh.unfit_reasons()")
        return [f"mesh: {reason}" for (reason,) in cursor.fetchall()]


def _media() -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    try:
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"x")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return [f"media: FIRSTBELL_MEDIA_ROOT={root} cannot be written: {error.strerror}"]
    return []
