"""The keeper: the one process that moves states. Everything it knows is in the database and the runs' folders,
so it may be killed at any moment; the next one goes on from there.

    for each open environment: look at its newest run, ask lifecycle.decide, do that one step

Deliberately has no memory of its own but the children it must reap, and waits for no run.
"""

import fcntl
import logging
import os
import select
import signal
import socket
import subprocess
import time
from datetime import timedelta
from types import FrameType
from typing import Any

import sqlalchemy as sa

from provisioner import handover, reconcile
from provisioner.catalogue import Catalogue
from provisioner.errors import CatalogueError, ProvisionerError, ResultError
from provisioner.folders import Folders
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
)
from provisioner.runs.folder import Order
from provisioner.settings import Settings
from provisioner.store import Environment, Run, Store, environments, now

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How long at most between two looks, when nothing wakes it."""

TIDY_SECONDS = 600.0
STEPS_AT_ONCE = 6
"""Steps of one environment without waiting: from "its run has ended" to "the next one is launched" is one look."""

SELF = "provisioner"
"""Who it was, in the audit, when nobody asked."""


class Keeper:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.database_url)
        self._folders = Folders(settings.state)
        self._catalogue = Catalogue(settings.ansible, settings.default_ttl)
        self._children: list[subprocess.Popen[bytes]] = []
        self._next_tidy = 0.0
        self._list_troubles: dict[str, str] = {}

    # ---- the process

    def run(self) -> None:
        """Keep until SIGTERM. Waits for a keeper that still holds the state folder."""
        self._folders.prepare()
        with (self._settings.state / "keeper.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._store.prepare()
            self._check_identity()
            with _Ear(self._settings.wake) as ear:
                logger.info("keeper starts, pid=%s state=%s", os.getpid(), self._settings.state)
                self._adopt()
                while not ear.ended:
                    self.look()
                    self._settings.heartbeat.touch()
                    ear.wait(LOOK_SECONDS)
        logger.info("keeper ends; runs go on without it")

    def _check_identity(self) -> None:
        """A database belongs to one state folder: with another's it would take what it sees for vanished."""
        path = self._settings.state / "identity"
        if not path.exists():
            path.write_text(os.urandom(16).hex())
        mine = path.read_text().strip()
        with self._store.change() as db:
            its = db.meta("identity", mine)
        if its != mine:
            raise ProvisionerError(
                f"This database belongs to another state folder than {self._settings.state}: "
                "set PROVISIONER_STATE or PROVISIONER_DATABASE_URL to the pair that belongs together."
            )

    def look(self) -> None:
        """One look at everything; one environment's trouble is not the others'."""
        self._children = [child for child in self._children if child.poll() is None]
        for environment in self._store.environments(open=True):
            try:
                self._tend(environment.id)
            except Exception:
                logger.exception(
                    "environment=%s could not be tended; tried again", environment.name
                )
        for what in (self._reconcile, self._tidy):
            try:
                what()
            except Exception:
                logger.exception("periodic work of the keeper failed; tried again")

    # ---- one environment

    def _tend(self, id: int) -> None:
        for _ in range(STEPS_AT_ONCE):
            with self._store.look() as db:
                environment = db.environment_by_id(id)
                run = db.newest_run(id)
            if environment is None or not environment.open:
                return
            facts, run_facts = self._facts(environment, run)
            step = decide(facts, self._rules(), now())
            match step:
                case Wait():
                    return
                case Launch():
                    assert run is not None
                    self._launch(environment, run)
                    return
                case Stop():
                    assert run is not None
                    self._stop(environment, run, step)
                case Begin():
                    self._begin(environment, run, run_facts, step)
                case Settle():
                    self._settle(environment, run, run_facts, step)

    def _facts(self, environment: Environment, run: Run | None) -> tuple[Facts, RunFacts | None]:
        seen = self._observe(run) if run else None
        facts = Facts(
            environment.state,
            environment.wanted,
            environment.keep,
            environment.failure,
            environment.expires_at,
            environment.next_try_at,
            seen,
        )
        return facts, seen

    def _observe(self, run: Run) -> RunFacts:
        if run.outcome is not None:
            outcome, failure = run.outcome, run.failure
        else:
            outcome, failure = self._folders.run(run.id).outcome()
            if run.stopped_because and outcome in (Outcome.LOST, Outcome.FAILED):
                outcome, failure = Outcome.STOPPED, Failure(run.stopped_because)
        return RunFacts(run.kind, run.attempt, outcome, run.created_at, failure)

    def _rules(self) -> Rules:
        with self._store.look() as db:
            busy = len(db.open_runs(Kind.CREATE))
        s = self._settings
        return Rules(s.tries, s.run_limit, s.retry, s.expiry_notice, s.parallel_creates - busy)

    def _launch(self, environment: Environment, run: Run) -> None:
        folder = self._folders.run(run.id)
        # Of a worker that died before it wrote its name something may still be there.
        folder.end_processes()
        try:
            provider = self._catalogue.provider(environment.provider)
        except CatalogueError as error:
            folder.fail(Failure(str(error)))
            return
        self._folders.mark(environment.name, _mark_of(environment))
        variables = {
            "env_name": environment.name,
            "env_template": environment.template,
            "env_dir": str(self._folders.environment(environment.name)),
            "env_vars": environment.variables,
        }
        self._children.append(
            folder.launch(
                Order(provider.playbook(run.kind), self._settings.ansible, variables,
                      self._settings.wake)
            )
        )  # fmt: skip
        logger.info("environment=%s run=%s %s begins", environment.name, run.id, run.kind)

    def _stop(self, environment: Environment, run: Run, step: Stop) -> None:
        with self._store.change() as db:
            db.set_run(run.id, stopped_because=step.because)
        logger.info("environment=%s run=%s is stopped: %s", environment.name, run.id, step.because)
        if not self._folders.run(run.id).end_processes():
            logger.error("environment=%s run=%s can't be killed", environment.name, run.id)

    def _begin(
        self, environment: Environment, run: Run | None, seen: RunFacts | None, step: Begin
    ) -> None:
        """Close the old run, if any, and write down the new one; it is launched at the next step."""
        self._after(run, seen)
        failure = step.failure or environment.failure
        with self._store.change() as db:
            begun = db.set_environment(
                environment.id,
                *_unless_extended(environment),
                state=step.state,
                failure=failure,
                destroy_failure=None,
                next_try_at=None,
                **({"wanted": Wanted.ABSENT} if step.kind is Kind.DESTROY else {}),
            )
            if not begun:
                return
            self._close(db, run, seen)
            db.add_run(
                environment_id=environment.id,
                provider=environment.provider,
                kind=step.kind,
                attempt=step.attempt,
            )
            if step.failure and not environment.failure:
                db.audit(SELF, "failed", environment.name, _told(step.failure))
            if step.kind is Kind.DESTROY and environment.wanted is Wanted.PRESENT:
                why = "it failed" if step.failure else "its time is up"
                db.audit(SELF, "destroy", environment.name, why)
        if seen and seen.outcome is Outcome.LOST:
            logger.warning(
                "environment=%s run=%s lost its worker; %s begins again, attempt=%s",
                environment.name, seen.kind, step.kind, step.attempt,
            )  # fmt: skip
        self._log_state(environment, step.state, failure)

    def _settle(
        self, environment: Environment, run: Run | None, seen: RunFacts | None, step: Settle
    ) -> None:
        values: dict[str, Any] = {"state": step.state, "open": step.open}
        if environment.state is State.CREATING and step.state is State.READY and run:
            try:
                values |= self._take_over(environment, run)
            except ResultError as error:
                failure = Failure(f"Provider {environment.provider}: {error}.")
                self._folders.run(run.id).fail(failure)
                return  # the next look finds a failed create
        self._after(run, seen)
        if step.failure:
            values |= {"failure": step.failure, "expires_at": now() + _ttl(environment)}
        if step.destroy_failure:
            values |= {"destroy_failure": step.destroy_failure, "wanted": Wanted.ABSENT}
            values["next_try_at"] = now() + (step.retry_after or timedelta(0))
        if not step.open:
            try:
                self._folders.unmark(environment.name)
            except OSError as error:
                if run is None:
                    raise
                message = f"Its private folder can't be deleted: {error}"
                self._folders.run(run.id).fail(Failure(message))
                return  # the next look finds a failed destroy, to be tried again
            values |= {"ended_at": now(), "credentials": None, "expires_at": None}
            values |= {"ca_pem": None, "destroy_failure": None}
        with self._store.change() as db:
            if not db.set_environment(environment.id, *_unless_extended(environment), **values):
                return
            self._close(db, run, seen)
            if step.state not in (State.READY, State.EXPIRING) or not environment.ready_at:
                told = _told(step.failure or step.destroy_failure)
                db.audit(SELF, str(step.state), environment.name, told)
        if not step.open or values.get("ready_at"):
            self._scrub(environment.id)
        self._log_state(environment, step.state, step.failure or step.destroy_failure)

    def _take_over(self, environment: Environment, run: Run) -> dict[str, Any]:
        content = self._folders.run(run.id).read_result()
        taken = handover.read(content, environment.name, environment.template)
        moment = now()
        return {
            "result": taken.result,
            "credentials": taken.credentials,
            "ca_pem": taken.ca_pem,
            "ready_at": moment,
            "expires_at": moment + _ttl(environment),
        }

    def _after(self, run: Run | None, seen: RunFacts | None) -> None:
        """Nothing of a run that did not end well may still be at work when the next one begins."""
        if run is None or seen is None or run.outcome is not None:
            return
        ended_well = seen.outcome is Outcome.SUCCEEDED
        if not ended_well and not self._folders.run(run.id).end_processes():
            raise ProvisionerError(f"run {run.id}: processes that can't be killed")

    def _close(self, db: Any, run: Run | None, seen: RunFacts | None) -> None:
        if run and seen and run.outcome is None:
            db.set_run(run.id, outcome=seen.outcome, failure=seen.failure, ended_at=now())

    def _scrub(self, id: int) -> None:
        """Of closed runs only the log stays; of failed ones, until nothing is left, what repair needs."""
        with self._store.look() as db:
            environment, runs = db.environment_by_id(id), db.runs(id)
        for run in runs:
            if run.outcome is not None:
                keep = run.outcome is Outcome.FAILED and bool(environment and environment.open)
                self._folders.run(run.id).scrub(keep_artifacts=keep)

    def _log_state(self, environment: Environment, state: State, failure: Failure | None) -> None:
        if state is State.FAILED:
            logger.warning(
                "environment=%s %s→failed: %s", environment.name, environment.state, _told(failure)
            )
        elif state is not environment.state:
            logger.info("environment=%s %s→%s", environment.name, environment.state, state)

    # ---- all of a provider's

    def _reconcile(self) -> None:
        with self._store.look() as db:
            asked = db.open_runs(Kind.LIST)
        for run in asked:
            self._finish_list(run)
        # By a file's date: a keeper that is started again and again must not ask again and again.
        stamp = self._settings.state / "reconciled"
        age = time.time() - stamp.stat().st_mtime if stamp.exists() else None
        if not asked and (age is None or not 0 <= age < self._settings.reconcile.total_seconds()):
            stamp.touch()
            for provider in self._catalogue.provider_names():
                self._ask(provider)

    def _ask(self, name: str) -> None:
        try:
            provider = self._catalogue.provider(name)
        except CatalogueError as error:
            self._list_trouble(name, str(error))
            return
        with self._store.change() as db:
            run = db.add_run(provider=name, kind=Kind.LIST, attempt=1)
        order = Order(provider.playbook(Kind.LIST), self._settings.ansible, {}, self._settings.wake)
        self._children.append(self._folders.run(run.id).launch(order))

    def _finish_list(self, run: Run) -> None:
        folder = self._folders.run(run.id)
        outcome, failure = folder.outcome()
        if outcome is Outcome.RUNNING:
            if now() - run.created_at > self._settings.run_limit:
                folder.end_processes()
            return
        if outcome is Outcome.SUCCEEDED:
            try:
                self._compare(run, reconcile.names(folder.read_result()))
                self._list_troubles.pop(run.provider, None)
            except ResultError as error:
                self._list_trouble(run.provider, str(error))
        elif failure:
            self._list_trouble(run.provider, failure.message)
        if outcome is not Outcome.SUCCEEDED:
            folder.end_processes()
        with self._store.change() as db:
            db.delete_run(run.id)
        folder.remove()

    def _compare(self, run: Run, listed: frozenset[str]) -> None:
        with self._store.change() as db:
            known = db.environments(open=True, provider=run.provider)
            found = reconcile.compare(listed, run.created_at, known, self._folders.marks())
            for environment in found.vanished:
                message = f"It has vanished: provider {run.provider} no longer has it."
                db.set_environment(environment.id, failure=Failure(message))
                logger.warning(
                    "environment=%s has vanished: provider %s no longer lists it",
                    environment.name, run.provider,
                )  # fmt: skip
            for name in sorted(db.set_orphans(run.provider, set(found.orphans))):
                logger.warning(
                    "provider=%s has an environment %s that is not ours; it is left alone",
                    run.provider, name,
                )  # fmt: skip

    def _list_trouble(self, provider: str, message: str) -> None:
        """Said when it changes, not every time."""
        if self._list_troubles.get(provider) != message:
            self._list_troubles[provider] = message
            logger.warning("provider=%s can't say what it has: %s", provider, message)

    def _adopt(self) -> None:
        """Take back what is ours by its mark and unknown to the database: it was lost or restored.

        Shown as failed, so that somebody sees it; destroyed by a person, or when its time is up.
        """
        with self._store.change() as db:
            known = {e.name for e in db.environments(open=True)}
            for name, facts in self._folders.marks().items():
                if name in known:
                    continue
                failure = Failure("The database did not know it; found by its folder. Destroy it.")
                db.add_environment(
                    **facts,
                    state=State.FAILED,
                    wanted=Wanted.PRESENT,
                    open=True,
                    failure=failure,
                    created_at=now(),
                    expires_at=now() + timedelta(seconds=facts["ttl_seconds"]),
                )
                db.audit(SELF, "adopt", name, failure.message)
                logger.warning("environment=%s was unknown to the database; taken back", name)

    # ---- tidying

    def _tidy(self) -> None:
        moment = now()
        shown = environments.c.claimed_at < moment - self._settings.credentials
        with self._store.look() as db:
            claimed = [e for e in db.environments(open=True) if e.credentials and e.claimed_at]
        for environment in claimed:
            with self._store.change() as db:
                if db.set_environment(environment.id, shown, credentials=sa.null()):
                    logger.info("environment=%s: shown credentials deleted", environment.name)
        if time.monotonic() < self._next_tidy:
            return
        self._next_tidy = time.monotonic() + TIDY_SECONDS
        with self._store.change() as db:
            forgotten = db.delete_closed_before(moment - self._settings.history)
            known = db.run_ids()
        for id in self._folders.run_ids() - known | set(forgotten):
            folder = self._folders.run(id)
            if not folder.locked():
                folder.remove()
        # What a killed keeper did not come to: it commits first, and scrubs then.
        with self._store.look() as db:
            rest = {db.environment_of_run(id) for id in self._folders.run_ids()}
        for of in rest:
            if of is not None:
                self._scrub(of)


class _Ear:
    """The datagram socket that wakes the keeper, and the signals that end it."""

    def __init__(self, path: Any) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.ended = False

    def __enter__(self) -> "_Ear":
        self._path.unlink(missing_ok=True)
        self._socket.bind(str(self._path))
        self._path.chmod(0o600)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.ended = True

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.ended and (left := end - time.monotonic()) > 0:
            # Short turns: a signal that came just before select would else be heard only after it.
            if select.select([self._socket], [], [], min(left, 0.25))[0]:
                while True:
                    try:
                        self._socket.recv(16)
                    except BlockingIOError:
                        return


def _mark_of(environment: Environment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "template": environment.template,
        "provider": environment.provider,
        "owner": environment.owner,
        "variables": environment.variables,
        "ttl_seconds": environment.ttl_seconds,
        "keep": environment.keep,
    }


def _unless_extended(environment: Environment) -> list[Any]:
    """An extend may have come between our look and our step: then the next look decides anew."""
    if environment.expires_at is None:
        return []
    return [environments.c.expires_at == environment.expires_at]


def _ttl(environment: Environment) -> timedelta:
    return timedelta(seconds=environment.ttl_seconds)


def _told(failure: Failure | None) -> str:
    if failure is None:
        return ""
    return f"{failure.task}: {failure.message}" if failure.task else failure.message
