"""`python -m provisioner`: what runs it, and the command that makes its first token."""

import sys

import click

from provisioner import access, logs, settings
from provisioner.errors import ProvisionerError, SettingsError
from provisioner.folders import Folders
from provisioner.store import Store


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.UsageError(str(error)) from error
        except ProvisionerError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
def main() -> None:
    """Runs the provisioner. Its settings are environment variables: see provisioner/README.md."""


@main.command()
def serve() -> None:
    """Page, API and keeper, started again when they die."""
    from provisioner.supervise import serve as run

    config = _prepared()
    logs.start("serve")
    click.echo(f"==> the provisioner is at {config.url}", err=True)
    run()


@main.command()
def keeper() -> None:
    """Only the keeper, in the foreground."""
    from provisioner.keeper import Keeper

    config = _prepared()
    logs.start("keeper")
    Keeper(config).run()


@main.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["viewer", "developer", "operator"]), default="developer",
    show_default=True,
)  # fmt: skip
@click.option("--if-none", is_flag=True, help="Only if there is no token at all yet.")
def token(name: str, role: str, if_none: bool) -> None:
    """Make a token for NAME, or replace NAME's, and print it: it is shown this once."""
    store = Store(_prepared().database_url)
    if if_none:
        with store.look() as db:
            if db.tokens():
                return
    click.echo(access.put_token(store, "command line", name, role))


def _prepared() -> settings.Settings:
    config = settings.from_environment()
    try:
        Folders(config.state).prepare()
        Store(config.database_url).prepare()
    except OSError as error:
        raise SettingsError(
            f"PROVISIONER_STATE is {config.state}, which can't be used: {error.strerror}."
        ) from error
    return config


if __name__ == "__main__":
    sys.exit(main())
