"""One JSON object a line to stderr, in UTC, for journald. Never codes, tokens or keys."""

import datetime
import json
import logging
import sys


class JsonLines(logging.Formatter):
    """Formats records as JSON; fields given as `extra={"fields": {...}}` stand beside."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "host": self._host,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def start(host: str) -> None:
    """Send all logging of the process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(host))
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
