"""`clusterctl`: look at a cluster and operate it. Exit code 0: well; 1: not well; 2: misuse."""

from __future__ import annotations

import json
import ssl
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cluster import credentials, health, topology
from cluster import environment as environments
from cluster.commands.conflicts import conflicts
from cluster.commands.drain import drain, undrain
from cluster.commands.evict import evict
from cluster.commands.join import join
from cluster.commands.log import log
from cluster.commands.rejoin import rejoin
from cluster.commands.repair import repair
from cluster.commands.verify import verify
from cluster.db import connect
from cluster.errors import ClusterError
from cluster.mesh.build import build

if TYPE_CHECKING:
    from cluster import probe as probing

DEFAULT_CONFIG = ".run/cluster.toml"
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


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
def init(obj: Files, as_json: bool) -> None:
    """Make all nodes of the cluster file one mesh; what is there already stays as it is."""
    done: list[str] = []
    changed = build(
        obj.topology, obj.passwords, done.append if as_json else lambda line: click.echo(line)
    )
    if as_json:
        click.echo(json.dumps({"changed": changed, "done": done}, indent=2))
    else:
        click.echo("changed" if changed else "nothing to change")


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
@click.option("--environment", type=FILE, help="An environment file: hosts, users and CA.")
@click.option("--user", help="Who signs in (default: the environment file's first).")
@click.option(
    "--password-file", type=FILE, help="The user's password, for hosts of a cluster.toml."
)
@click.option("--ca-file", type=FILE, help="Trust this CA alone (default: the system's).")
@click.option("--host", help="Teacher and board on this host; the page is not asked.")
@click.option(
    "--each-host", is_flag=True, help="A lesson through each host, the board on the next."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=5,
    show_default=True,
    help="Seconds that any one answer may take.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def probe(
    obj: Files,
    environment: Path | None,
    user: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    host: str | None,
    each_host: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Sign in, pair a board, steer it: does the cluster work for people?"""
    probing = _probing()
    target = _target(obj, environment, user, password_file, ca_file)
    lessons = probing.pairs(target.hosts, host, each_host)
    if host and each_host:
        raise click.UsageError("--host and --each-host exclude each other")
    if not lessons:
        known = ", ".join(one.name for one in target.hosts)
        raise click.UsageError(f"there is no host {host!r}; there are {known}")
    began = time.monotonic()
    reports = probing.run(target, lessons, ask_page=host is None, seconds=timeout)
    seconds = time.monotonic() - began
    if as_json:
        click.echo(json.dumps(probing.as_json(reports, seconds), indent=2))
    else:
        _show_probe(reports)
    failed = [report.failure for report in reports if report.failure]
    for step in failed:
        click.echo(f"NOT READY: {step.name} on {step.host} ({step.url}): {step.failure}", err=True)
    if failed:
        raise SystemExit(1)
    if not as_json:
        click.echo(click.style(f"ready: all of it worked, in {seconds:.2f} s", fg="green"))


def _probing():
    """Only this command needs a websocket and documents; a project that is not Firstbell may lack the packages."""
    try:
        from cluster import probe
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"probe gives a lesson of Firstbell's and needs the package {error.name}; install it, or leave probe alone"
        ) from None
    return probe


def _target(
    obj: Files,
    environment: Path | None,
    user: str | None,
    password_file: Path | None,
    ca_file: Path | None,
) -> probing.Target:
    """Where to probe and as whom, from an environment file or from cluster.toml and options."""
    probing = _probing()
    if environment is not None:
        if password_file:
            raise click.UsageError("--environment has the passwords; leave --password-file out")
        known = environments.load(environment)
        person = next((one for one in known.users if user in (None, one.username)), None)
        if person is None:
            names = ", ".join(one.username for one in known.users)
            raise click.UsageError(f"{environment} has no user {user!r}; it has {names}")
        hosts = tuple(probing.Host(one.name, one.public_url) for one in known.hosts)
        ca_file = ca_file or known.ca_file
        name, password = person.username, person.password
        page_url = known.page_url
    else:
        if not user or not password_file:
            raise click.UsageError("say --environment FILE, or --user NAME --password-file FILE")
        hosts = tuple(probing.Host(one.name, one.public_url) for one in obj.topology.hosts)
        name, password = user, password_file.read_text(encoding="utf-8").rstrip("\r\n")
        page_url = obj.topology.page_url
    if ca_file is not None:
        _check_ca(ca_file)
    return probing.Target(page_url, hosts, name, password, ca_file)


def _check_ca(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise click.UsageError(f"{path} holds no CA certificate in PEM: {error}") from None


def _show_probe(reports: list[probing.Report]) -> None:
    for report in reports:
        click.echo(f"teacher on {report.teacher}, board on {report.board}")
        for step in report.steps:
            outcome = "FAILED" if step.failure else f"{step.seconds * 1000:.0f} ms"
            click.echo(f"  {step.name:<24}{step.host:<12}{outcome:>8}")
    click.echo()


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
    mails = any(n.mail for n in nodes)  # a project of one's own may send none
    headings = ("Postgres", "durability", "parked", "conflicts", "log", "clock")
    rows: list[tuple] = [("host", *cluster.parts, *headings, *(["mail"] * mails))]
    for n in nodes:
        rows.append(
            (
                n.name,
                *("ready" if state == "ready" else "NOT READY" for state in n.parts().values()),
                n.database or "AWAY",
                n.durability or "-",
                _text(n.database and sum(v for k, v in n.parked.items() if k != "recheck")),
                _text(n.conflicts),
                "-" if n.change_log_bytes is None else f"{n.change_log_bytes / 2**20:.1f} MiB",
                "-" if n.clock_skew_seconds is None else f"{n.clock_skew_seconds:+.3f} s",
                *([_mail(n.mail)] * mails),
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


def _mail(mail: health.Mail | None) -> str:
    return "-" if mail is None or mail.error else f"{mail.waiting} wait, {mail.dead} dead"


def _text(value) -> str:
    return "-" if value is None else str(value)


def _table(rows: list[tuple]) -> None:
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())


main.add_command(verify)
main.add_command(repair)
main.add_command(conflicts)
main.add_command(join)
main.add_command(log)
main.add_command(evict)
main.add_command(rejoin)
main.add_command(drain)
main.add_command(undrain)

if __name__ == "__main__":
    main()
