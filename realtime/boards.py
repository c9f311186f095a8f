"""What the web application knows of boards: which were forgotten, and for whom those that wait are remembered.

Asked of this host's Postgres, in tables of the web application, every two seconds. A forgotten board's tokens are good
for days, so nodes that were dead meanwhile must hear of it: from Postgres when it has caught up, and before that, at
their start, from a node that was there (pair_desk.py). With Postgres down what was known stays known; which boards are
remembered is then not known at all, and they are paired by their codes.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from realtime.looks import Look
from realtime.tokens import Role

LOOK_AT_ALL_SECONDS = 60.0
"""Replication may bring rows long after they were written."""
LATELY, ALL = "15 minutes", "31 days"  # a board's token lives for 30 days
FORGOTTEN = """
SELECT pairing::text, extract(epoch FROM forgotten_at)::float FROM teaching_forgottenboard
WHERE forgotten_at > now() - %s::interval
"""
FORGOTTEN_OF_SESSIONS = """
SELECT id::text, extract(epoch FROM boards_forgotten_at)::float FROM teaching_teachingsession
WHERE boards_forgotten_at > now() - %s::interval
"""
REMEMBERED = """
SELECT board::text, owner_id::text, name FROM teaching_rememberedboard
WHERE board = ANY(%s::uuid[]) AND forgotten_at IS NULL
"""

MOST_TOLD = 15_000
"""Pairings in one message of NATS, whose limit is 1 MiB."""

Rooms = Mapping[str, Mapping[str, str]]
"""Board → teacher → what this teacher calls the room."""


Found = tuple[dict[str, float], dict[str, float], dict[str, dict[str, str]]]
"""Forgotten pairings; sessions; rooms."""


class Boards(Look[Found]):
    """`on_forgotten` is called when there are new ones; `waiting` tells which boards wait here now.

    `url` None: there is no Postgres. Then nothing is remembered, and forgotten only what other nodes tell.
    """

    def __init__(
        self,
        url: str | None,
        on_forgotten: Callable[[], None],
        waiting: Callable[[], Collection[str]],
    ) -> None:
        super().__init__(url, "boards")
        self._on_forgotten, self._waiting = on_forgotten, waiting
        self._pairings: dict[str, float] = {}  # and when they were forgotten, in seconds since 1970
        self._sessions: dict[str, float] = {}
        self._rooms: Rooms = {}
        self._looked_at_all = float("-inf")

    def is_forgotten(self, role: Role) -> bool:
        """Whether this board's pairing has ended, as far as this node knows."""
        if role.is_teacher:
            return False
        return self.has_ended(role.subject) or role.issued < self._sessions.get(role.session, 0)

    def has_ended(self, pairing: str) -> bool:
        """Whether this one pairing was forgotten, by the board or by its teacher."""
        return pairing in self._pairings

    @property
    def news(self) -> int:
        """Another number when more were forgotten."""
        return len(self._pairings)

    def room(self, board: str, teacher: str) -> str | None:
        """What this teacher calls a board that waits here; None if it isn't remembered for her."""
        return self._rooms.get(board, {}).get(teacher)

    def known(self) -> dict[str, Any]:
        """All that were forgotten, for a node that has just started."""
        newest = sorted(self._pairings.items(), key=lambda one: one[1])[-MOST_TOLD:]
        return {"pairings": dict(newest), "sessions": self._sessions}

    def learn(self, pairings: Mapping[str, float], sessions: Mapping[str, float]) -> None:
        """Boards that were forgotten: one by one, or all of a session that were paired before a time."""
        new = {id: at for id, at in pairings.items() if id not in self._pairings}
        later = {id: at for id, at in sessions.items() if at > self._sessions.get(id, 0)}
        self._pairings |= new
        self._sessions |= later
        if new or later:
            self._on_forgotten()

    def _question(self, now: float) -> tuple[str, list[str]]:
        everything = now - self._looked_at_all >= LOOK_AT_ALL_SECONDS
        return ALL if everything else LATELY, sorted(self._waiting())

    def _fetch(self, cursor: Any, question: tuple[str, list[str]]) -> Found:
        since, waiting = question
        rooms: dict[str, dict[str, str]] = {}
        cursor.execute(FORGOTTEN, [since])
        pairings = dict(cursor.fetchall())
        cursor.execute(FORGOTTEN_OF_SESSIONS, [since])
        sessions = dict(cursor.fetchall())
        if waiting:
            cursor.execute(REMEMBERED, [waiting])
            for board, teacher, name in cursor.fetchall():
                rooms.setdefault(board, {})[teacher] = name
        return pairings, sessions, rooms

    def _seen(self, found: Found, question: tuple[str, list[str]], now: float) -> None:
        pairings, sessions, self._rooms = found
        if question[0] == ALL:
            self._looked_at_all = now
        self.learn(pairings, sessions)

    def _unseen(self) -> None:
        self._rooms, self._looked_at_all = {}, float("-inf")
