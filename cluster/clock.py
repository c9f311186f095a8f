"""How far the nodes' clocks are apart, and whose is wrong. Measured through the databases; sets no clock.

A reading is NTP's (RFC 5905, section 8): the clock that a node's database shows, against the middle of the round trip
that asked for it, on a clock here that nobody sets; the error is half the round trip. Of several the quickest counts.
Two readings give the skew between two nodes, wherever this runs.

Which clock is wrong: the reference is the median of all that were read, the lower of two middle ones. With two nodes
that is the one behind, so the one ahead is wrong: its writes would win over later ones of everybody else, whereas a
node behind is lifted by the hybrid clock by whatever it receives. The reference itself is never wrong, so clocks alone
can't take all hosts away.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg2

ROUNDS = 5
ALARM_SECONDS = 0.2
"""More skew than this is said in `clusterctl status`: chrony keeps hosts within milliseconds."""
UNFIT_SECONDS = 1.0
"""A host whose clock is certainly this wrong must not serve: its writes would win, or lose, against all others'."""
FIT_AGAIN_SECONDS = 0.5
"""It may again when its clock is this right, so that one near the bound does not come and go."""


@dataclass(frozen=True)
class Reading:
    """One clock: seconds ahead of this process's monotonic clock, and by how much that may be wrong."""

    ahead: float
    error: float


@dataclass(frozen=True)
class Skew:
    """How far a clock is ahead of the reference (negative: behind), in seconds, and by how much that may be wrong."""

    seconds: float
    error: float

    @property
    def alarming(self) -> bool:
        return abs(self.seconds) - self.error > ALARM_SECONDS

    def unfit(self, already: bool = False) -> bool:
        """Too far off to serve; `already`: it was so when last looked at."""
        bound = FIT_AGAIN_SECONDS if already else UNFIT_SECONDS
        return abs(self.seconds) - self.error > bound

    def __str__(self) -> str:
        word = "ahead of" if self.seconds > 0 else "behind"
        return f"{abs(self.seconds):.3f} s ± {self.error:.3f} s {word} the others"


def measure(
    db: psycopg2.extensions.connection, what: str = "clock", rounds: int = ROUNDS
) -> Reading:
    """Read a node's `clock`, or `next_hlc`: what it would stamp a change with. Raises psycopg2.Error."""
    found = []
    with db.cursor() as cursor:
        for _ in range(rounds):
            before = time.monotonic()
            cursor.execute(f"select mesh.{what}()")
            microseconds = (cursor.fetchone() or (0,))[0]
            after = time.monotonic()
            middle, error = (before + after) / 2, (after - before) / 2
            found.append(Reading(microseconds / 1e6 - middle, error))
    return min(found, key=lambda reading: reading.error)


def skews(readings: Mapping[str, Reading]) -> dict[str, Skew]:
    """How far each clock is from the reference; of one clock alone: not at all."""
    if not readings:
        return {}
    ordered = sorted(readings.values(), key=lambda reading: reading.ahead)
    reference = ordered[(len(ordered) - 1) // 2]
    return {
        name: Skew(
            reading.ahead - reference.ahead,
            0.0 if reading is reference else reading.error + reference.error,
        )
        for name, reading in readings.items()
    }


def unfit_reason(me: str, readings: Mapping[str, Reading], already: bool = False) -> str | None:
    """Why this node must not serve because of its clock, or None. `readings`: its own and its peers', by name."""
    skew = skews(readings).get(me)
    if skew is None or not skew.unfit(already):
        return None
    return f"the clock of {me} is {skew}; set it right (chronyc makestep)"


def stamps_ahead_reason(me: str, stamps: Mapping[str, Reading]) -> str | None:
    """Why this node must not begin to serve though its clock is right, or None. `stamps`: readings of `next_hlc`.

    A clock that was ahead leaves a floor that stamps never fall below again: while the others' are not there yet, this
    node's writes would win over later ones of theirs.
    """
    skew = skews(stamps).get(me)
    if skew is None or skew.seconds < 0 or not skew.unfit():
        return None
    return (
        f"the clock of {me} is right, but was wrong: its changes would still be stamped {skew}."
        f" It serves when that time has come, or at once after: clusterctl rejoin {me} --force"
    )


def tell(cursor, what: str, reason: str | None) -> bool:
    """Write into mesh.unfit, which /readyz reads, why this host must not serve (None: it may); whether that is news."""
    if reason is None:
        cursor.execute("delete from mesh.unfit where what = %s", (what,))
        return cursor.rowcount > 0
    cursor.execute(
        "insert into mesh.unfit (what, reason) values (%s, %s)"
        " on conflict (what) do update set reason = excluded.reason where unfit.reason <> excluded.reason"
        " returning xmax = 0",
        (what, reason),
    )
    return (cursor.fetchone() or (False,))[0]
