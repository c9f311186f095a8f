"""Logging of the cluster's long-running programs: one JSON object a line on stderr, UTC."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def json_lines() -> logging.Formatter:
    """`level`, `logger`, `message`, `time`; `traceback` of an error."""
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        timestamp="time",
        json_ensure_ascii=False,
    )


def configure(level: int = logging.INFO) -> None:
    """Log to stderr, where the service manager keeps it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_lines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
