"""`clusterctl`: look at a cluster and operate it. Exit code 0: well; 1: not well; 2: misuse."""

import json
from functools import cached_property
from pathlib import Path

import click

from cluster import credentials, health, topology
from cluster.db import connect

DEFAULT_CONFIG = ".run/cluster.toml"


class Files:
    """The cluster's files, each read when a command first needs it: not all need a cluster.toml, or secrets."""

    def __init__(self, config: Path) -> None:
        self.config = config

    @cached_property
    def topology(self) -> topology.Topology:
        return topology.load(self.config)

    @cached_property
    def passwords(self) -> credentials.Credentials:
        return credentials.load(self.config.with_name("secrets.toml"))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    envvar="FIRSTBELL_CLUSTER",
    show_default=True,
    help="The cluster.toml; secrets.toml lies beside it.",
)
@click.pass_context
def main(context: click.Context, config: Path) -> None:
    """Look at a Firstbell cluster and operate it."""
    context.obj = Files(config)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(obj: Files, as_json: bool) -> None:
    """Nodes, who follows whom and how far behind, conflicts, readiness."""
    nodes = health.look(obj.topology, obj.passwords)
    if as_json:
        click.echo(json.dumps(health.as_json(nodes), indent=2))
    else:
        _show(obj.topology, nodes)
    if any(n.troubles for n in nodes):
        raise SystemExit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def parked(obj: Files, as_json: bool) -> None:
    """Rows that can't be in their table now, per node, and why."""
    _list(
        obj,
        as_json,
        "select tbl, key, reason, detail, since::text from mesh.parked where reason <> 'recheck' order by since",
        "nothing is parked",
    )


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def conflicts(obj: Files, as_json: bool) -> None:
    """Concurrent changes of one row of which one lost something, newest first."""
    _list(
        obj,
        as_json,
        "select c.tbl, c.key, c.noticed_at::text as noticed_at, c.loser_origin as loser_node,"
        " l.row::text as lost, c.winner_origin as winner_node from mesh.conflict c"
        " left join mesh.change l on l.origin = c.loser_origin and l.seq = c.loser_seq"
        " order by c.noticed_at desc limit 100",
        "no conflicts",
    )


def _list(obj: Files, as_json: bool, query: str, nothing: str) -> None:
    found = []
    for host in obj.topology.hosts:
        with (
            connect(obj.topology, host, obj.passwords, autocommit=True) as db,
            db.cursor() as cursor,
        ):
            cursor.execute(query)
            names = [column.name for column in cursor.description or ()]
            found += [
                {"host": host.name, **dict(zip(names, row, strict=True))}
                for row in cursor.fetchall()
            ]
    if as_json:
        click.echo(json.dumps(found, indent=2, default=str))
    elif not found:
        click.echo(nothing)
    else:
        for row in found:
            click.echo("  ".join(f"{name}={value}" for name, value in row.items()))


def _show(cluster: topology.Topology, nodes: list[health.Node]) -> None:
    click.echo(f"cluster {cluster.name}: {len(nodes)} hosts, page {cluster.page_url}\n")
    rows = [("host", "API", "realtime", "Postgres", "durability", "parked", "conflicts", "log")]
    for n in nodes:
        rows.append(
            (
                n.name,
                "ready" if n.api == "ready" else "NOT READY",
                "ready" if n.realtime == "ready" else "NOT READY",
                n.database or "AWAY",
                n.durability or "-",
                _text(n.database and sum(v for k, v in n.parked.items() if k != "recheck")),
                _text(n.conflicts),
                "-" if n.change_log_bytes is None else f"{n.change_log_bytes / 2**20:.1f} MiB",
            )
        )
    _table(rows)
    click.echo("\nwho follows whom (lag behind the followed node)")
    for n in nodes:
        for f in n.followers:
            lag = f"{f.lag_bytes} bytes" if f.lag_bytes is not None else "unknown"
            seconds = f"{f.lag_seconds or 0:.3f} s"
            state = f"follows, {lag}, {seconds}" if f.following else f"DOES NOT FOLLOW, {lag}"
            click.echo(f"  {f.name} → {n.name}: {state}")
        if n.database is None:
            click.echo(f"  {n.name}: unknown, its Postgres is away")
    troubles = [(n.name, t) for n in nodes for t in n.troubles]
    click.echo()
    if all(n.database is None for n in nodes):
        click.echo(click.style("no host runs: start the cluster (on a laptop: make up)", fg="red"))
        return
    for name, trouble in troubles:
        click.echo(click.style(f"{name}: {trouble}", fg="red"))
    if not troubles:
        click.echo(click.style("all well", fg="green"))


def _text(value) -> str:
    return "-" if value is None else str(value)


def _table(rows: list[tuple]) -> None:
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
