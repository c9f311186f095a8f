"""`clusterctl conflicts list|show|restore`."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from cluster import conflicts as lost_changes
from cluster.conflicts import Lost

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def conflicts(context: click.Context, as_json: bool) -> None:
    """What people lost to a conflict, what won, and restoring it. Without a command: list."""
    if context.invoked_subcommand is None:
        context.invoke(listing, limit=100, as_json=as_json)


@conflicts.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@AS_JSON
@click.pass_obj
def listing(obj, limit: int, as_json: bool) -> None:
    """Changes that lost something, and rows that wait for a unique value or a parent; newest first."""
    found, away = lost_changes.gather(obj.topology, obj.passwords, limit)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            click.echo(_line(one))
        if not found:
            click.echo("no conflicts")
    for host in away:
        click.echo(f"not asked: {host}", err=True)


@conflicts.command()
@click.argument("identity", metavar="ID")
@AS_JSON
@click.pass_obj
def show(obj, identity: str, as_json: bool) -> None:
    """One of them: what was lost, what won and what the row holds now, by column."""
    one, now = lost_changes.show(obj.topology, obj.passwords, identity)
    if as_json:
        click.echo(json.dumps({**asdict(one), "now": now}, indent=2))
        return
    click.echo(_line(one))
    click.echo(
        f"known on {', '.join(one.hosts)}" + (f"; kept out by {one.detail}" if one.detail else "")
    )
    lost, won, now = one.lost or {}, one.won or {}, now or {}
    for column in sorted({*lost, *won}):
        click.echo(
            f"  {column}: lost {_text(lost, column)}, won {_text(won, column)}, now {_text(now, column)}"
        )


@conflicts.command()
@click.argument("identity", metavar="ID")
@click.option("--column", "columns", multiple=True, help="Only this one; may be given again.")
@click.option(
    "--set", "pairs", multiple=True, metavar="COLUMN=VALUE", help="Another value; null: NULL."
)
@click.option("--force", is_flag=True, help="Also if the row was changed since.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@AS_JSON
@click.pass_obj
def restore(
    obj,
    identity: str,
    columns: Sequence[str],
    pairs: Sequence[str],
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write again what was lost, as an ordinary change on one host."""
    try:
        given = lost_changes.parse_given(pairs)
    except ValueError as error:
        raise click.UsageError(f"--set takes COLUMN=VALUE, not {error.args[0]!r}") from None
    done = lost_changes.restore(
        obj.topology, obj.passwords, identity, columns, given, force, dry_run
    )
    assert done is not None
    if as_json:
        click.echo(json.dumps({**asdict(done), "dry_run": dry_run}, indent=2))
    elif done.statement is None:
        click.echo("nothing to do: the row is so already")
    else:
        click.echo(f"{'would write' if dry_run else 'written'} on {done.host}: {done.statement}")


def _line(one: Lost) -> str:
    text = f"{one.id}  {one.lost_at or '-'} UTC  {one.table} {one.key}  {one.what}"
    text += f"  (lost: {one.lost_actor or 'unknown'} on {one.lost_host}"
    return text + (
        f"; won: {one.won_actor or 'unknown'} on {one.won_host})" if one.won_host else ")"
    )


def _text(row: dict, column: str) -> str:
    return repr(row[column]) if column in row else "-"
