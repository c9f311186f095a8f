"""The web application of the negative control: the product's own, but no host waits for what a client was told.

For the round "positions" alone, which must find what it looks for when a host runs this (gunicorn's application).
"""

from webapp.multimaster.middleware import PositionMiddleware
from webapp.wsgi import application

__all__ = ["application"]


def _at_once(self: PositionMiddleware, wanted: str) -> None:
    """Whatever the position names, this host behaves as if it had it."""


setattr(PositionMiddleware, "_wait", _at_once)  # noqa: B010 – for mypy it is no attribute to assign to
