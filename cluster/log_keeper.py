"""Looks after one node's change log, in a thread of the agent's: parts made ahead, old ones archived, then dropped.

Whoever writes queues behind a drop, so its locks are asked for a moment only; who holds one in the way is let go
first: in a minute, then. An archived part is `<folder>/<part>.csv.gz`: rows of `mesh.change` in the order of their
stamps, with a header, as Postgres' COPY reads them (docs/operations/log.md). Every node has all of the log, so one
host's archive is whole for the time that the host was a member.
"""

import gzip
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from cluster.credentials import Credentials
from cluster.db import AWAY, NO_CHANGE_LOG, connect, row
from cluster.topology import Host, Topology

logger = logging.getLogger("cluster.log_keeper")

TURN_SECONDS = 60.0


@dataclass
class LogKeeper:
    """One per agent; `run` never returns, `turn` is one look. `archive`: a folder of this host's own."""

    topology: Topology
    host: Host
    passwords: Credentials
    archive: Path

    def run(self) -> None:
        """Until the process ends."""
        while True:
            try:
                with connect(self.topology, self.host, self.passwords, autocommit=True) as db:
                    self.turn(db)
            except (*AWAY, *NO_CHANGE_LOG):
                pass  # the agent says it; or somebody has a lock
            except OSError as error:
                logger.error(
                    "node=%s the change log can't be archived and grows until it can: %s", self.host.name, error
                )  # fmt: skip
            except Exception:
                logger.exception("the change log could not be looked after; tried again")
            time.sleep(TURN_SECONDS)

    def turn(self, db: psycopg2.extensions.connection) -> None:
        """Make what is missing, archive and drop what is old. Raises OSError: a part was not archived, so it stays."""
        log = self.topology.change_log
        with db.cursor() as cursor:
            cursor.execute("set synchronous_commit = local")
            cursor.execute("select not exists (select from mesh.joining)")
            if not row(cursor)[0]:
                return
            cursor.execute(
                "delete from mesh.conflict where noticed_at < clock_timestamp() - make_interval(secs => %s)",
                (log.conflict_days * 86400,),
            )
            cursor.execute("select mesh.make_partitions(%s)", (log.partition_hours,))
            cursor.execute("select mesh.prunable(%s)", (log.keep_hours,))
            for (part,) in cursor.fetchall():
                if log.archive_days:
                    archive(cursor, part, self.archive)
                cursor.execute("select mesh.prune(%s, %s)", (log.keep_hours, [part]))
                if row(cursor)[0]:
                    logger.info("node=%s pruned %s", self.host.name, part)
        forget(self.archive, log.archive_days)


def archive(cursor: psycopg2.extensions.cursor, part: str, folder: Path) -> Path:
    """Write a part of the log to a file, whole and on disk or not at all; one that is there is not written again."""
    target = folder / f"{part}.csv.gz"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_suffix(".draft")
    rows = sql.SQL(
        "copy (select * from mesh.{} order by hlc, origin, seq) to stdout (format csv, header)"
    )
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        with gzip.GzipFile(target.stem, "wb", 6, file, mtime=0) as packed:
            cursor.copy_expert(rows.format(sql.Identifier(part)), packed)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(target)
    descriptor = os.open(folder, os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)
    return target


def forget(folder: Path, days: float) -> None:
    """Remove parts that were archived more than so many days ago."""
    for file in folder.glob("change_*.csv.gz"):
        if file.stat().st_mtime < time.time() - days * 86400:
            file.unlink()
            logger.info("archive forgets %s", file.name)
