"""The decisions, without any of the world: every state with every outcome ends somewhere."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.lifecycle import (
    Begin,
    Facts,
    Failure,
    Kind,
    Launch,
    Outcome,
    Rules,
    RunFacts,
    Settle,
    State,
    Stop,
    Wait,
    Wanted,
    decide,
    describe,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = Rules(
    tries=3,
    run_limit=timedelta(minutes=30),
    retry=timedelta(minutes=1),
    expiry_notice=timedelta(minutes=10),
    free_slots=1,
)
PRESENT, ABSENT = Wanted.PRESENT, Wanted.ABSENT


def run(kind: Kind, outcome: Outcome, attempt: int = 1, minutes: int = 0) -> RunFacts:
    failure = Failure("why", "task") if outcome in (Outcome.FAILED, Outcome.STOPPED) else None
    return RunFacts(kind, attempt, outcome, NOW - timedelta(minutes=minutes), failure)


def facts(state: State, wanted: Wanted = PRESENT, **more) -> Facts:
    values = {"keep": False, "failure": None, "expires_at": None, "next_try_at": None, "run": None}
    return Facts(state, wanted, **{**values, **more})


CREATE, DESTROY = Kind.CREATE, Kind.DESTROY
WHY = Failure("why", "task")


@pytest.mark.parametrize(
    ("given", "step"),
    [
        (facts(State.REQUESTED), Begin(CREATE, State.CREATING)),
        (facts(State.REQUESTED, ABSENT), Settle(State.GONE, open=False)),
        (facts(State.CREATING, run=run(CREATE, Outcome.WAITING)), Launch()),
        (facts(State.CREATING, run=run(CREATE, Outcome.RUNNING)), Wait()),
        (facts(State.CREATING, run=run(CREATE, Outcome.SUCCEEDED)), Settle(State.READY)),
        (facts(State.CREATING, run=run(CREATE, Outcome.LOST)), Begin(CREATE, State.CREATING, 2)),
        (facts(State.CREATING, run=run(CREATE, Outcome.FAILED)),
         Begin(DESTROY, State.DESTROYING, 1, WHY)),
        (facts(State.CREATING, keep=True, run=run(CREATE, Outcome.FAILED)),
         Settle(State.FAILED, WHY)),
        (facts(State.CREATING, ABSENT, run=run(CREATE, Outcome.RUNNING)),
         Stop("destroyed while it was being created")),
        (facts(State.CREATING, run=run(CREATE, Outcome.RUNNING, minutes=31)),
         Stop("not done after 30 min: stopped")),
        (facts(State.READY, ABSENT), Begin(DESTROY, State.DESTROYING)),
        (facts(State.READY, expires_at=NOW + timedelta(hours=1)), Wait()),
        (facts(State.READY, expires_at=NOW + timedelta(minutes=10)), Settle(State.EXPIRING)),
        (facts(State.EXPIRING, expires_at=NOW + timedelta(hours=1)), Settle(State.READY)),
        (facts(State.EXPIRING, expires_at=NOW), Begin(DESTROY, State.DESTROYING)),
        (facts(State.READY, failure=WHY), Begin(DESTROY, State.DESTROYING, 1, WHY)),
        (facts(State.DESTROYING, ABSENT, run=run(DESTROY, Outcome.SUCCEEDED)),
         Settle(State.GONE, open=False)),
        (facts(State.DESTROYING, ABSENT, failure=WHY, run=run(DESTROY, Outcome.SUCCEEDED)),
         Settle(State.FAILED, open=False)),
        (facts(State.DESTROYING, ABSENT, run=run(DESTROY, Outcome.FAILED, 3)),
         Settle(State.FAILED, destroy_failure=WHY, retry_after=timedelta(minutes=4))),
        (facts(State.FAILED, ABSENT, next_try_at=NOW, run=run(DESTROY, Outcome.FAILED, 3)),
         Begin(DESTROY, State.DESTROYING, 4)),
        (facts(State.FAILED, keep=True, expires_at=NOW, run=run(CREATE, Outcome.FAILED)),
         Begin(DESTROY, State.DESTROYING)),
    ],
)  # fmt: skip
def test_what_comes_next(given: Facts, step):
    assert decide(given, RULES, NOW) == step


def test_creates_wait_for_a_free_slot_and_destroys_never_do():
    full = Rules(**{**RULES.__dict__, "free_slots": 0})
    assert decide(facts(State.REQUESTED), full, NOW) == Wait()
    assert decide(facts(State.READY, ABSENT), full, NOW) == Begin(DESTROY, State.DESTROYING)


def test_from_every_situation_an_absent_one_comes_to_an_end():
    """Whatever state it is in, whatever became of its run: wanting it gone leads there, never into a circle."""
    situations = itertools.product(
        [s for s in State if s is not State.GONE],
        [None, *itertools.product([CREATE, DESTROY], Outcome, [1, 3])],
        [None, WHY],
    )
    for state, last, failure in situations:
        if state is State.REQUESTED and last:
            continue
        now, current = NOW, facts(state, ABSENT, failure=failure, next_try_at=NOW,
                                  run=run(last[0], last[1], last[2]) if last else None)  # fmt: skip
        for _ in range(12):
            step = decide(current, RULES, now)
            if isinstance(step, Settle) and not step.open:
                break
            current, now = _follow(current, step, now)
        else:
            pytest.fail(f"{state} {last} {failure} comes to no end: {current}")


def _follow(at: Facts, step, now: datetime) -> tuple[Facts, datetime]:
    """What the keeper and a provider that works would make of a step."""
    values = at.__dict__.copy()
    match step:
        case Wait():
            now += timedelta(hours=1)
            if at.run and at.run.outcome is Outcome.RUNNING:
                values["run"] = run(at.run.kind, Outcome.SUCCEEDED, at.run.attempt)
        case Launch():
            values["run"] = run(at.run.kind, Outcome.SUCCEEDED, at.run.attempt)
        case Stop():
            values["run"] = run(at.run.kind, Outcome.STOPPED, at.run.attempt)
        case Begin():
            values |= {"state": step.state, "failure": step.failure or at.failure}
            values["run"] = run(step.kind, Outcome.WAITING, step.attempt)
        case Settle():
            values |= {"state": step.state, "next_try_at": now + (step.retry_after or timedelta(0))}
    return Facts(**values), now


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3600, "1 h"), (5400, "1 h 30 min"),
     (86400, "1 d"), (90061, "1 d 1 h"), (604800, "7 d")],
)  # fmt: skip
def test_spans_are_said_as_people_say_them(seconds, words):
    assert describe(timedelta(seconds=seconds)) == words
