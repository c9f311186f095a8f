"""`clusterctl repair`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

import click

from cluster import repair as repairing
from cluster.repair import Outcome
from cluster.verify.looks import Key


@click.command()
@click.option(
    "--plan", type=click.File(encoding="utf-8"), help="What `verify --json` printed; -: stdin."
)
@click.option("--table", help="Without a plan: the table, as the change log calls it.")
@click.option("--key", "keys", multiple=True, help="Its rows' keys, as verify shows them.")
@click.option("--from", "source", metavar="HOST", help="Right where log and majority don't say.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def repair(
    obj,
    plan: TextIO | None,
    table: str | None,
    keys: Sequence[str],
    source: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make rows that differ equal again. Exit 0: they are (or would be); 1: some are not."""
    if bool(plan) == bool(table) or bool(table) != bool(keys):
        raise click.UsageError("say --plan FILE, or --table NAME --key KEY")
    expected = read_plan(plan) if plan else None
    rows: list[Key] = list(expected) if expected is not None else [(str(table), k) for k in keys]
    outcomes = repairing.repair(obj.topology, obj.passwords, rows, expected, source, dry_run)
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    else:
        for outcome in outcomes:
            click.echo(_line(outcome))
        click.echo("nothing differs" if all(o.state == "equal" for o in outcomes) else "")
    if any(outcome.state == "refused" for outcome in outcomes):
        raise SystemExit(1)


def read_plan(plan: TextIO) -> dict[Key, dict]:
    """Rows, and what each host held of them, from what `verify --json` printed."""
    try:
        return {(d["table"], d["key"]): d["hosts"] for d in json.load(plan)["differences"]}
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise click.UsageError(
            f"{plan.name} is no plan: it must be what `clusterctl verify --json` printed"
        ) from None


def _line(outcome: Outcome) -> str:
    text = f"{outcome.state}: {outcome.table} {outcome.key}"
    if outcome.state == "refused":
        return click.style(f"{text}: {outcome.why}", fg="red")
    if outcome.hosts:
        what = "deleted" if outcome.right is None else "written"
        text += f", {what} on {', '.join(outcome.hosts)}; right is {outcome.why}"
    return text
