"""What can go wrong in operating a cluster, in words an operator can act on."""

import click


class ClusterError(click.ClickException):
    """Base of all failures of this package: shown as one message, exit code 1.

    The message says what was found, what was expected and what to do next.
    """


class TopologyError(ClusterError):
    """`cluster.toml` can't be used; names the file and the entry. Exit code 2: misuse."""

    exit_code = 2


class NodeUnreachable(ClusterError):
    """A node's Postgres does not answer; names the node and its address."""


class EnvironmentFileError(ClusterError):
    """An environment file can't be used; names the file and the entry. Exit code 2: misuse."""

    exit_code = 2
