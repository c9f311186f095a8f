"""Errors a person reads: one line, what was found, what to do. Exit code 1; click's own for misuse is 2."""

import click


class HostsError(click.ClickException):
    """Nothing was done, or what was done can be gone on with by the same command."""
