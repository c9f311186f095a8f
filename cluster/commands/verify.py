"""`clusterctl verify`."""

import json
from collections.abc import Sequence

import click

from cluster import verify as verifying
from cluster.verify.looks import Doubt
from cluster.verify.run import Report


@click.command()
@click.option("--table", "tables", multiple=True, help="Only this table; may be given again.")
@click.option("--full", is_flag=True, help="Hash every row, also where nothing happened.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10,
    show_default=True,
    help="Seconds that a node may be behind before rows are called undecided.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs, and for `repair --plan`.")
@click.pass_obj
def verify(obj, tables: Sequence[str], full: bool, wait: float, as_json: bool) -> None:
    """Do all nodes hold the same rows? Exit 0: yes; 1: no, or it can't be said."""
    report = verifying.verify(obj.topology, obj.passwords, tables, full, wait)
    if as_json:
        click.echo(json.dumps(as_dict(report), indent=2))
    else:
        _show(report)
    if not report.well:
        raise SystemExit(1)


def as_dict(report: Report) -> dict:
    """What `--json` prints; `differences` is the plan that `repair` takes."""
    return {
        "hosts": {str(number): name for number, name in report.hosts.items()},
        "rows": report.rows,
        "rows_hashed": report.hashed,
        "planted_and_found": report.planted,
        "seconds": round(report.seconds, 3),
        "differences": [_doubt(report, one) for one in report.differences],
        "undecided": [_doubt(report, one) for one in report.undecided],
        "problems": report.problems,
    }


def _doubt(report: Report, doubt: Doubt) -> dict:
    return {
        "table": doubt.table,
        "key": doubt.key,
        "hosts": {report.hosts[n]: state.as_dict() for n, state in doubt.states.items()},
    }


def _show(report: Report) -> None:
    for table, rows in report.rows.items():
        click.echo(f"{table}: {rows} rows")
    for word, doubts in (("DIFFERS", report.differences), ("UNDECIDED", report.undecided)):
        for doubt in doubts:
            click.echo(click.style(f"{word}: {doubt.table} {doubt.key}", fg="red"))
            for line in describe(doubt, report.hosts):
                click.echo(f"  {line}")
    for problem in report.problems:
        click.echo(click.style(f"NOT COMPARED: {problem}", fg="red"))
    click.echo(
        f"\n{len(report.hosts)} nodes, {report.hashed} rows hashed, {report.planted} planted differences found,"
        f" {report.seconds:.2f} s"
    )
    if report.well:
        click.echo(click.style("all nodes are equal", fg="green"))


def describe(doubt: Doubt, hosts: dict[int, str]) -> list[str]:
    """One line per host: what it holds. Of rows that differ in some columns, those columns."""
    rows = [state.row for state in doubt.states.values() if state.row is not None]
    names = sorted({name for row in rows for name in row if len({r.get(name) for r in rows}) > 1})
    lines = []
    for number, state in doubt.states.items():
        if state.row is None:
            text = "no such row"
        else:
            shown = {name: state.row.get(name) for name in names} if names else {}
            text = ", ".join(f"{k}={v!r}" for k, v in shown.items()) or "the row"
        if state.reason:
            text += f" (parked: {state.reason})"
        lines.append(f"{hosts[number]}: {text}")
    return lines
