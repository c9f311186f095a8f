"""`envctl`: environments from a terminal or a pipeline, through the provisioner's API.

Exit codes: 0 done, 1 failed, 2 misuse. With --json stdout holds one JSON document and nothing else;
progress goes to stderr.
"""

import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from provisioner.client import Client, Refused, Unreachable
from provisioner.lifecycle import describe

DEFAULT_URL = "http://127.0.0.1:8500"
MISUSE = {400, 401, 403, 404, 405, 413, 415, 422}
"""Answers that say that the question was wrong; the others say that it could not be done."""

MARKS = {"ok": "✓", "changed": "✓", "failed": "✗", "ignored": "!", "retry": "…"}


class Misuse(click.ClickException):
    exit_code = 2


class Duration(click.ParamType):
    """`90m`, `2h`, `1d`, `1h30m`."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        match = re.fullmatch(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", value)
        if not match or not any(match.groups()):
            self.fail(f"{value!r} is no duration: expected one like 90m, 2h or 1d.", param, ctx)
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


class _Group(click.Group):
    """Turns what the API refuses into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as error:
            kind = Misuse if error.status in MISUSE else click.ClickException
            raise kind(str(error)) from error
        except Unreachable as error:
            raise click.ClickException(str(error)) from error


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
wait_option = click.option("--wait", is_flag=True, help="Until it is done; shows progress.")


@click.group(cls=_Group)
@click.option("--url", envvar="ENVCTL_URL", default=DEFAULT_URL, show_default=True,
              help="Where the provisioner is; also ENVCTL_URL.")  # fmt: skip
@click.pass_context
def main(ctx: click.Context, url: str) -> None:
    """Environments: create, look at, extend, destroy.

    The token comes from ENVCTL_TOKEN, or from the file that ENVCTL_TOKEN_FILE names.
    """
    if not re.match(r"https?://[^/\s]+", url):
        raise Misuse(f"ENVCTL_URL is {url!r}, expected one like {DEFAULT_URL}.")
    ctx.obj = lambda: Client(url, _token())


def _token() -> str:
    token = os.environ.get("ENVCTL_TOKEN", "").strip()
    path = os.environ.get("ENVCTL_TOKEN_FILE", "").strip()
    if not token and path:
        try:
            token = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Misuse(f"ENVCTL_TOKEN_FILE={path} can't be read: {error.strerror}.") from error
    if not token:
        raise Misuse("No token: set ENVCTL_TOKEN, or ENVCTL_TOKEN_FILE to a file with it.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Misuse("ENVCTL_TOKEN holds characters that no token has.")
    return token


Api = Callable[[], Client]


@main.command()
@click.option("--template", required=True, help="Which kind; `envctl templates` lists them.")
@click.option("--name", help="Its name, up to 12 characters; made up if not given.")
@click.option("--ttl", type=Duration(), help="How long it lives: 90m, 2h, 1d.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--keep", is_flag=True, help="If it fails, leave what was made, to look at it.")
@wait_option
@click.option("--timeout", type=Duration(), default="45m", show_default=True,
              help="With --wait: give up after this; the environment goes on.")  # fmt: skip
@as_json
@click.pass_obj
def create(
    api: Api, template: str, name: str | None, ttl: timedelta | None, variables: tuple[str, ...],
    keep: bool, wait: bool, timeout: timedelta, as_json: bool,
) -> None:  # fmt: skip
    """Create an environment. With --wait and --json: prints it with its credentials, which are shown
    this once."""
    client = api()
    name = name or f"e{secrets.token_hex(4)}"
    body: dict[str, Any] = {"template": template, "variables": _variables(variables), "keep": keep}
    if ttl is not None:
        body["ttl_seconds"] = int(ttl.total_seconds())
    environment = client.ask("PUT", f"/environments/{_path(name)}", body)
    if not wait:
        _print(environment, as_json, f"{name} is {environment['state']}: envctl logs -f {name}")
        return
    environment = _wait(client, name, timeout, lambda e: e["state"] in ("ready", "expiring"))
    if environment["state"] not in ("ready", "expiring"):
        raise click.ClickException(_story(environment))
    users: list[dict[str, str]] = []
    if environment["credentials"] != "none":
        claim = secrets.token_hex(16)
        users = client.ask("PUT", f"/environments/{name}/credentials/{claim}")["users"]
        environment["credentials"] = "shown"
    document = {**(environment.pop("result") or {}), **environment, "users": users}
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    _show(document)
    for user in users:
        click.echo("  " + "  ".join(f"{key} {value}" for key, value in user.items()))
    if users:
        click.echo("  These credentials are not shown again.")


@main.command("list")
@as_json
@click.pass_obj
def list_environments(api: Api, as_json: bool) -> None:
    """All environments, and those that ended within the last day."""
    found = api().ask("GET", "/environments")
    if as_json:
        click.echo(json.dumps(found["environments"], indent=2, ensure_ascii=False))
        return
    if not found["environments"]:
        click.echo("There are no environments.")
    for e in found["environments"]:
        left = f"{_left(e)} left" if e["seconds_left"] is not None else ""
        click.echo(
            f"{e['name']:<13}{e['state']:<12}{e['template']:<20}{e['owner']:<14}{left}".rstrip()
        )


@main.command()
@click.argument("name")
@as_json
@click.pass_obj
def show(api: Api, name: str, as_json: bool) -> None:
    """One environment. Never its credentials: those are shown at the end of a create."""
    environment = api().ask("GET", f"/environments/{_path(name)}")
    document = {**(environment.pop("result") or {}), **environment}
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(document)


@main.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Until nothing more is being done with it.")
@as_json
@click.pass_obj
def logs(api: Api, name: str, follow: bool, as_json: bool) -> None:
    """What was done with an environment, step by step. With --json: one JSON object a line."""
    client = api()

    def say(line: dict[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False) if as_json else _line(line)
        if text:
            click.echo(text)

    if not follow:
        for line in client.ask("GET", f"/environments/{_path(name)}/log")["lines"]:
            say(line)
        return
    for event in client.follow(_path(name)):
        if event.kind == "line":
            say(event.content)
        elif event.kind == "environment" and event.content["at_rest"]:
            return


@main.command()
@click.argument("name")
@click.argument("ttl", type=Duration())
@as_json
@click.pass_obj
def extend(api: Api, name: str, ttl: timedelta, as_json: bool) -> None:
    """Let NAME live for TTL (90m, 2h, 1d) from now."""
    body = {"ttl_seconds": int(ttl.total_seconds())}
    environment = api().ask("PATCH", f"/environments/{_path(name)}", body)
    _print(environment, as_json, f"{name} lives until {environment['expires_at']}")


@main.command()
@click.argument("name")
@wait_option
@click.option("--timeout", type=Duration(), default="45m", show_default=True,
              help="With --wait: give up after this; the destroying goes on.")  # fmt: skip
@as_json
@click.pass_obj
def destroy(api: Api, name: str, wait: bool, timeout: timedelta, as_json: bool) -> None:
    """Destroy NAME and all that is in it. Done again, it is no error."""
    client = api()
    seen = "0.0"
    try:
        if wait:  # what happened before is not what is waited for
            seen = client.ask("GET", f"/environments/{_path(name)}/log")["next"]
        environment = client.ask("DELETE", f"/environments/{_path(name)}")
    except Refused as error:
        if error.code != "not_found":
            raise
        # Nothing is left of it, which is what was asked for; but it may be a misspelt name.
        environment = {"name": name, "state": "gone", "open": False}
        click.echo(f"{error} Nothing to destroy.", err=True)
    if wait and environment["open"]:
        environment = _wait(client, name, timeout, lambda e: not e["open"], seen)
        if environment["open"]:
            raise click.ClickException(_story(environment))
    _print(environment, as_json, f"{name} is {environment['state']}")


@main.command()
@as_json
@click.pass_obj
def templates(api: Api, as_json: bool) -> None:
    """What environments can be created from, with their variables."""
    found = api().ask("GET", "/templates")["templates"]
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for template in found:
        click.echo(f"{template['name']:<20}{template['problem'] or template['description']}")
        for v in template["variables"]:
            default = "needed" if v["default"] is None else f"default {v['default']}"
            click.echo(f"    {v['name']:<18}{v['description']} ({v['type']}, {default})")


# ---- waiting


def _wait(
    client: Client,
    name: str,
    timeout: timedelta,
    done: Callable[[dict[str, Any]], bool],
    after: str = "0.0",
) -> dict[str, Any]:
    """Shows progress on stderr until it is done, at rest, or ended; returns the last word about it."""
    end = time.monotonic() + timeout.total_seconds()
    began, state = time.monotonic(), ""
    for event in client.follow(name, after):
        if time.monotonic() > end:
            raise click.ClickException(
                f"{name} is still {state} after {describe(timeout)}; it goes on: envctl logs -f {name}"
            )
        if event.kind == "line":
            if text := _line(event.content):
                click.echo(text, err=True)
            continue
        if event.content["state"] != state:
            state = event.content["state"]
            seconds = time.monotonic() - began
            click.echo(click.style(f"==> {name} is {state} ({seconds:.0f} s)", bold=True), err=True)
        failed_destroy = event.content["destroy_failure"] is not None
        if done(event.content) or event.content["at_rest"] or failed_destroy:
            break
    return client.ask("GET", f"/environments/{_path(name)}")


def _line(line: dict[str, Any]) -> str:
    if line["kind"] == "step":
        return f"-- {line['text']}"
    if line["kind"] not in MARKS:
        return ""
    host = f" [{line['host']}]" if line["host"] else ""
    seconds = f" ({line['seconds']:.0f} s)" if line["seconds"] >= 1 else ""
    detail = f"\n      {line['detail']}" if line["detail"] else ""
    return f"   {MARKS[line['kind']]} {line['text']}{host}{seconds}{detail}"


def _story(environment: dict[str, Any]) -> str:
    """Why it is not what was asked for."""
    name = environment["name"]
    if failure := environment["destroy_failure"]:
        return f"{name} could not be destroyed: {_told(failure)} It is tried again."
    if failure := environment["failure"]:
        rest = f" What was made is kept: envctl destroy {name}" if environment["open"] else (
            " What was made has been destroyed."
        )  # fmt: skip
        return f"{name} failed: {_told(failure)}{rest}"
    return f"{name} is {environment['state']}: somebody destroyed it."


def _told(failure: dict[str, Any]) -> str:
    message = failure["message"].rstrip(".") + "."
    return f"{failure['task']}: {message}" if failure.get("task") else message


# ---- words


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Misuse(f"--var {text!r}: expected NAME=VALUE.")
        found[key] = value
    return found


def _path(name: str) -> str:
    """A name that can't reach another address; whether it can be one is for the API to say."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,80}", name) or name.strip(".") == "":
        raise Misuse(f"{name!r} can't be a name: a letter, then up to 11 more of a-z, 0-9 and -.")
    return name


def _print(environment: dict[str, Any], as_json: bool, line: str) -> None:
    click.echo(json.dumps(environment, indent=2, ensure_ascii=False) if as_json else line)


def _left(environment: dict[str, Any]) -> str:
    return describe(timedelta(seconds=environment["seconds_left"]))


def _show(e: dict[str, Any]) -> None:
    click.echo(f"{e['name']} is {e['state']}")
    click.echo(f"  template {e['template']}, provider {e['provider']}, owner {e['owner']}")
    if e["seconds_left"] is not None:
        click.echo(f"  expires {e['expires_at']}, in {_left(e)}")
    for what in ("failure", "destroy_failure"):
        if e[what]:
            click.echo(f"  {what.replace('_', ' ')}: {_told(e[what])}")
    if e.get("page_url"):
        click.echo(f"  {e['page_url']}")
    for host in e.get("hosts") or []:
        click.echo(
            f"  {host.get('name', '')}  {host.get('public_url', '')}  {host.get('address', '')}"
        )


if __name__ == "__main__":
    sys.exit(main())
