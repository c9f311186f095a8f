"""What `join`, `evict` and `rejoin` have in common: options, how they tell what they did, what a lost node becomes."""

import json
from collections.abc import Callable
from functools import wraps

import click
import psycopg2

from cluster.errors import ClusterError


def operation(command: Callable[..., list[str]]) -> Callable[..., None]:
    """Give a command `--dry-run` and `--json`. It gets `say`, and returns the sentences of what it did or would do."""

    @click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
    @click.option("--json", "as_json", is_flag=True, help="For programs.")
    @click.pass_obj
    @wraps(command)
    def run(obj, dry_run: bool, as_json: bool, **rest) -> None:
        def say(line: str) -> None:
            if not as_json:
                click.echo(line)

        try:
            done = command(obj, dry_run=dry_run, say=say, **rest)
        except psycopg2.Error as error:
            # A node went away, or an earlier session of ours still ends: each step may be repeated.
            line = str(error).strip().splitlines()[0]
            raise ClusterError(f"stopped: {line}. Run the same command again") from None
        if as_json:
            answer = {"changed": bool(done) and not dry_run, "dry_run": dry_run, "steps": done}
            click.echo(json.dumps(answer, indent=2))
            return
        if dry_run:
            for line in done:
                click.echo(f"would do: {line}")
        if not done:
            click.echo("nothing to do")

    return run
