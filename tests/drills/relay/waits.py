"""How long pages wait: read from their own sources, so that a drill can't pass with other waits than theirs."""

import re

from bench.report import ROOT

_LIVE = ROOT / "webapp/frontend/src/live"


def constant(module: str, name: str) -> float:
    """A number from a page's source; milliseconds come as seconds."""
    found = re.search(rf"const {name} = ([\d_.]+);", (_LIVE / f"{module}.ts").read_text())
    assert found, f"live/{module}.ts has no {name}"
    value = float(found[1].replace("_", ""))
    return value / 1000 if name.endswith("_MS") else value


SILENCE, WELCOME = constant("line", "SILENCE_MS"), constant("line", "WELCOME_MS")
WAKING_GRACE = constant("line", "WAKING_GRACE_MS")
BASE, MOST, STRETCH = (constant("backoff", n) for n in ("BASE_MS", "MOST_MS", "LOAD_STRETCH"))
CALM, PROMPT = constant("backoff", "CALM_MS"), constant("backoff", "PROMPT_MS")
TRUSTED, UNWELCOME = constant("links", "TRUSTED_MS"), constant("links", "UNWELCOME_MS")
MOVING_SHARE, SETTLED = constant("links", "MOVING_SHARE"), constant("plan", "SETTLED_MS")
TEACHER_MISSED = constant("session", "TEACHER_MISSED_MS")
BOARD_PRESENCE_TICKS = int(constant("presence", "BOARD_TICKS"))
BREADTH = int(constant("links", "USUAL_BREADTH"))
RESTART, BAD_FRAME = 1012, 4400
