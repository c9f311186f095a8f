"""One JSON object a line on stderr, UTC, for journald and for `.run/log/`.

Has no handlers and no levels: those are settings.
"""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter


def json_lines(node: int = 0) -> logging.Formatter:
    """`level`, `logger`, `message`, `time`, `node`, what a call gives as `extra`; `traceback` of an error."""
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        static_fields={"node": node},
        timestamp="time",
        json_ensure_ascii=False,
        # Django's extra: a request's query may hold what no log should.
        reserved_attrs=[*RESERVED_ATTRS, "request"],
    )
