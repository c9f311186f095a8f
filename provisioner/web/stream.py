"""The live log over Server-Sent Events (WHATWG HTML, 9.2).

Each line's event id is its place, so that a browser or envctl that reconnects, to this process or the next,
goes on where it was. A stream ends by itself after a minute and is simply opened again: a thread is never
held for a page that nobody looks at any more.
"""

import json
import threading
import time
from collections.abc import Iterator

from flask import Response

from provisioner.desk import Desk
from provisioner.errors import Refusal
from provisioner.progress import Place, Progress
from provisioner.store import Environment
from provisioner.web import api

LOOK_SECONDS = 0.3
CALM_LOOK_SECONDS = 1.0
"""While nothing is being done with the environment."""

LONGEST_SECONDS = 60.0
HEARTBEAT_SECONDS = 10.0
RETRY_MILLISECONDS = 500
MOST_STREAMS = 40
"""Of one process; its other threads stay free for requests. Who is refused here polls."""

_streams = threading.BoundedSemaphore(MOST_STREAMS)


def response(desk: Desk, progress: Progress, environment: Environment, after: Place) -> Response:
    if not _streams.acquire(blocking=False):
        raise Refusal(503, "too_many_streams", "Too many are looking on: ask for the log instead.")
    answer = Response(_events(desk, progress, environment, after), mimetype="text/event-stream")
    answer.call_on_close(_streams.release)
    answer.headers["X-Accel-Buffering"] = "no"  # nginx would hold lines back
    return answer


def _events(
    desk: Desk, progress: Progress, environment: Environment, place: Place
) -> Iterator[str]:
    end = time.monotonic() + LONGEST_SECONDS
    quiet_since = time.monotonic()
    told: dict[str, object] = {}
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    while time.monotonic() < end:
        with desk.store.look() as db:
            fresh = db.environment_by_id(environment.id)
        if fresh is None:
            return
        # Lines first: whoever hears that it is ready has heard everything before.
        for entry in progress.after(fresh, place):
            place = entry.place
            quiet_since = time.monotonic()
            yield _event("line", entry.as_json(), str(place))
        state = api.environment_json(fresh)
        news = {key: value for key, value in state.items() if key != "seconds_left"}
        if news != told:
            told = news
            quiet_since = time.monotonic()
            yield _event("environment", state)
        if not fresh.open:
            yield _event("end", {})
            return
        if time.monotonic() - quiet_since > HEARTBEAT_SECONDS:
            quiet_since = time.monotonic()
            yield ": still here\n\n"
        time.sleep(CALM_LOOK_SECONDS if fresh.at_rest else LOOK_SECONDS)


def _event(name: str, content: object, id: str | None = None) -> str:
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n"
