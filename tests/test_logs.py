"""Logs of all rooms are read by the same tools."""

import json
import logging
import sys

import pytest

import cluster.logs
import provisioner.logs
import realtime.logs
import webapp.logs

FORMATS = {
    "cluster": cluster.logs.json_lines(),
    "provisioner": provisioner.logs.json_lines("keeper"),
    "realtime": realtime.logs.json_lines("host1"),
    "webapp": webapp.logs.json_lines(1),
}


@pytest.mark.parametrize("room", FORMATS)
def test_an_error_is_one_line_of_json_with_the_same_names_in_every_room(room: str) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord(
            "a.logger", logging.ERROR, __file__, 1, "host%d away→back", (2,), sys.exc_info()
        )
    line = FORMATS[room].format(record)
    assert "\n" not in line
    assert "away→back" in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == (
        "ERROR",
        "a.logger",
        "host2 away→back",
    )
    assert told["time"].endswith("+00:00")
    assert "ValueError: two\nlines" in told["traceback"]


def test_what_was_asked_of_django_is_not_in_its_log() -> None:
    record = logging.makeLogRecord(
        {"msg": "Not Found: /x", "request": "GET /x?token=secret", "status_code": 404}
    )
    line = FORMATS["webapp"].format(record)
    assert "secret" not in line
    assert json.loads(line)["status_code"] == 404
