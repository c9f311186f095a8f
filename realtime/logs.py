"""One JSON object a line on stderr, in UTC, for journald. Never codes, tokens or keys."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def json_lines(host: str) -> logging.Formatter:
    """`level`, `logger`, `message`, `time`, `host`; `traceback` of an error."""
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        static_fields={"host": host},
        timestamp="time",
        json_ensure_ascii=False,
    )


def start(host: str) -> None:
    """Send all logging of the process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_lines(host))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


class StateLog:
    """Logs a state only when it changes, with both states: `ready→not ready reason=…`."""

    def __init__(self, logger: logging.Logger, what: str, state: str) -> None:
        self._logger, self._what, self.state = logger, what, state

    def change(self, state: str, reason: str = "", level: int = logging.INFO) -> None:
        if state == self.state:
            return
        suffix = f" reason={reason}" if reason else ""
        self._logger.log(level, "%s %s→%s%s", self._what, self.state, state, suffix)
        self.state = state
