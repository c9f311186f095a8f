"""What is to be done next with an environment: pure decisions, no I/O.

    requested → creating → ready ⇄ expiring → destroying → gone
                    └────────→ failed ←───────────┘

People only say what they want (`wanted`: present or absent); the keeper alone moves states, by asking
`decide` again and again. So two people who destroy at once want the same thing, and a keeper that
died goes on where the database and the run's folder say it was.

`failed` has two faces. While `open` something may be left: it holds its name and counts for the
quota. Closed, a destroy has proved that nothing is left, and only the story of the failure remains.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    REQUESTED = "requested"
    CREATING = "creating"
    READY = "ready"
    EXPIRING = "expiring"
    DESTROYING = "destroying"
    GONE = "gone"
    FAILED = "failed"


class Wanted(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"


class Kind(StrEnum):
    CREATE = "create"
    DESTROY = "destroy"
    LIST = "list"


class Outcome(StrEnum):
    """What has become of a run."""

    WAITING = "waiting"  # written down, its worker not yet begun
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"  # its worker died without a word
    STOPPED = "stopped"  # by us: cancelled, or past its time limit


@dataclass(frozen=True)
class Failure:
    """Why something failed: the step's name, if it was a step, and one message for a person."""

    message: str
    task: str | None = None


@dataclass(frozen=True)
class RunFacts:
    kind: Kind
    attempt: int
    outcome: Outcome
    began_at: datetime
    failure: Failure | None = None


@dataclass(frozen=True)
class Facts:
    """What the keeper knows about one open environment at one moment."""

    state: State
    wanted: Wanted
    keep: bool
    failure: Failure | None
    expires_at: datetime | None
    next_try_at: datetime | None
    run: RunFacts | None


@dataclass(frozen=True)
class Rules:
    tries: int
    run_limit: timedelta
    retry: timedelta
    expiry_notice: timedelta
    free_slots: int


# ---- what may come out


@dataclass(frozen=True)
class Wait:
    pass


@dataclass(frozen=True)
class Launch:
    """Start the worker of the run that is written down but has not begun."""


@dataclass(frozen=True)
class Stop:
    """Kill all that the run started; the next look finds it stopped."""

    because: str


@dataclass(frozen=True)
class Begin:
    """A new run, and the state that goes with it."""

    kind: Kind
    state: State
    attempt: int = 1
    failure: Failure | None = None


@dataclass(frozen=True)
class Settle:
    """A state to rest in. `destroy_failure` is why something may still be left."""

    state: State
    failure: Failure | None = None
    destroy_failure: Failure | None = None
    open: bool = True
    retry_after: timedelta | None = None


Step = Wait | Launch | Stop | Begin | Settle

WORKER_DIED = "The run's process died {tries} times: the machine was restarted or is out of memory?"
LONGEST_RETRY = timedelta(hours=1)


def decide(facts: Facts, rules: Rules, now: datetime) -> Step:
    """The next step; `Wait` when there is none."""
    match facts.state:
        case State.REQUESTED:
            return _requested(facts, rules)
        case State.CREATING:
            return _creating(facts, rules, now)
        case State.READY | State.EXPIRING:
            return _ready(facts, rules, now)
        case State.DESTROYING:
            return _destroying(facts, rules, now)
        case State.FAILED:
            return _failed(facts, now)
    return Wait()


def _requested(facts: Facts, rules: Rules) -> Step:
    if facts.wanted is Wanted.ABSENT:
        return Settle(State.GONE, open=False)
    return Begin(Kind.CREATE, State.CREATING) if rules.free_slots > 0 else Wait()


def _creating(facts: Facts, rules: Rules, now: datetime) -> Step:
    run = facts.run
    if run is None or run.kind is not Kind.CREATE:
        return Begin(Kind.CREATE, State.CREATING)
    absent = facts.wanted is Wanted.ABSENT
    match run.outcome:
        case Outcome.WAITING:
            return _destroy() if absent else Launch()
        case Outcome.RUNNING:
            return (
                Stop("destroyed while it was being created") if absent else _limit(run, rules, now)
            )
        case Outcome.SUCCEEDED:
            return _destroy() if absent else Settle(State.READY)
    if absent:
        return _destroy()
    if run.outcome is Outcome.LOST:
        if run.attempt < rules.tries:
            return Begin(Kind.CREATE, State.CREATING, run.attempt + 1)
        failure = Failure(WORKER_DIED.format(tries=run.attempt))
    else:
        failure = run.failure or Failure("The run failed without saying why.")
    return Settle(State.FAILED, failure) if facts.keep else _destroy(failure)


def _ready(facts: Facts, rules: Rules, now: datetime) -> Step:
    if facts.wanted is Wanted.ABSENT:
        return _destroy()
    if facts.failure:  # the reconciler found that it has vanished
        return _destroy(facts.failure)
    if facts.expires_at is None:
        return Wait()
    left = facts.expires_at - now
    if left <= timedelta(0):
        return _destroy()
    state = State.EXPIRING if left <= rules.expiry_notice else State.READY
    return Wait() if state is facts.state else Settle(state)


def _destroying(facts: Facts, rules: Rules, now: datetime) -> Step:
    run = facts.run
    if run is None or run.kind is not Kind.DESTROY:
        return _destroy()
    match run.outcome:
        case Outcome.WAITING:
            return Launch()
        case Outcome.RUNNING:
            return _limit(run, rules, now)
        case Outcome.SUCCEEDED:
            return Settle(State.FAILED if facts.failure else State.GONE, open=False)
        case Outcome.LOST if run.attempt < rules.tries:
            return Begin(Kind.DESTROY, State.DESTROYING, run.attempt + 1)
    failure = run.failure or Failure(WORKER_DIED.format(tries=run.attempt))
    retry = min(rules.retry * 2 ** min(run.attempt - 1, 16), LONGEST_RETRY)
    return Settle(State.FAILED, destroy_failure=failure, retry_after=retry)


def _failed(facts: Facts, now: datetime) -> Step:
    due = facts.next_try_at if facts.wanted is Wanted.ABSENT else facts.expires_at
    if due is None or now < due:
        return Wait()
    run = facts.run
    return _destroy(attempt=run.attempt + 1 if run and run.kind is Kind.DESTROY else 1)


def _destroy(failure: Failure | None = None, attempt: int = 1) -> Begin:
    return Begin(Kind.DESTROY, State.DESTROYING, attempt, failure)


def _limit(run: RunFacts, rules: Rules, now: datetime) -> Step:
    if now - run.began_at <= rules.run_limit:
        return Wait()
    return Stop(f"not done after {describe(rules.run_limit)}: stopped")


def describe(span: timedelta) -> str:
    """`3 h 5 min`, as people say it; seconds only below two minutes."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    days, minutes = divmod(seconds // 60, 1440)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else ""]
    parts.append(f"{minutes} min" if minutes and not days else "")
    return " ".join(part for part in parts if part)
