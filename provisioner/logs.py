"""One JSON object a line on stderr, in UTC, for journald. Never tokens, variables or credentials."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def json_lines(part: str) -> logging.Formatter:
    """`level`, `logger`, `message`, `time`, `part`; `traceback` of an error."""
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        static_fields={"part": part},
        timestamp="time",
        json_ensure_ascii=False,
    )


def start(part: str) -> None:
    """Send all logging of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_lines(part))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
