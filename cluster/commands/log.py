"""`clusterctl log`: the parts of each node's change log, how fast it grows, and who keeps it from being pruned."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import click

from cluster.db import connect, row
from cluster.errors import NodeUnreachable

PARTS = """
select p.name, p.low, p.high, p.bytes, greatest(c.reltuples, 0)::bigint
from mesh.partitions() p join pg_class c on c.oid = ('mesh.' || quote_ident(p.name))::regclass order by p.low
"""
STATE = """
select mesh.log_bytes(), mesh.watermark(), mesh.clock(),
    (select n.name from mesh.node n left join mesh.heartbeat h on h.node = n.node where n.state = 'member'
     order by (select min(low::bigint) from jsonb_each_text(h.heard) as e(origin, low)) nulls first limit 1)
"""


@dataclass(frozen=True)
class Part:
    """`begins` and `ends`: UTC, ISO 8601. `changes`: the planner's estimate. `bytes_per_hour`: since it began."""

    name: str
    begins: str
    ends: str
    bytes: int
    changes: int
    bytes_per_hour: int | None


@dataclass(frozen=True)
class Log:
    """One node's. `all_have_seconds`: for how long back some member may lack changes; `slowest`: which member."""

    host: str
    bytes: int
    all_have_seconds: float | None
    slowest: str
    parts: list[Part]


@click.command("log")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def log(obj, as_json: bool) -> None:
    """The change log of each node: its parts, their growth, and which member it waits for."""
    found, away = [], []
    for host in obj.topology.hosts:
        try:
            with (
                connect(obj.topology, host, obj.passwords, autocommit=True) as db,
                db.cursor() as cursor,
            ):
                found.append(_read(cursor, host.name))
        except NodeUnreachable as error:
            away.append(error.message)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            _show(one)
    for line in away:
        click.echo(f"not asked: {line}", err=True)


def _read(cursor, host: str) -> Log:
    cursor.execute(STATE)
    size, watermark, now, slowest = row(cursor)
    cursor.execute(PARTS)
    parts = []
    for name, low, high, part_bytes, changes in cursor.fetchall():
        hours = (min(now, high) - low) / 3_600_000_000
        parts.append(
            Part(
                name,
                _utc(low),
                _utc(high),
                part_bytes,
                changes,
                round(part_bytes / hours) if hours > 0 else None,
            )
        )
    return Log(host, size, (now - watermark) / 1e6 if watermark else None, slowest, parts)


def _utc(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e6, UTC).isoformat(timespec="minutes")


def _show(one: Log) -> None:
    waits = (
        "not all members were heard of yet"
        if one.all_have_seconds is None
        else f"all members have what is older than {one.all_have_seconds:.0f} s"
    )
    click.echo(f"{one.host}: {one.bytes / 2**20:.1f} MiB; {waits} (slowest: {one.slowest})")
    for part in one.parts:
        growth = "" if not part.bytes_per_hour else f", {part.bytes_per_hour / 2**20:.1f} MiB/h"
        click.echo(
            f"  {part.name}  {part.begins} … {part.ends}  {part.bytes / 2**20:.1f} MiB"
            f", about {part.changes} changes{growth}"
        )
