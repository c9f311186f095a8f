"""Where boards and teachers meet: joins the pure rules of pairing to sockets and the bus.

A claim is looked up here first, so that pairing on one node needs no NATS, and is then asked
of all other nodes at once. Only the node that holds the board's socket answers; the wait is
bounded, since a dead node never does.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from realtime import budgets, codes, pairing, protocol, tokens
from realtime.backplane import LocalBackplane
from realtime.budgets import Budgets
from realtime.errors import Refusal, bad_frame
from realtime.logs import StateLog
from realtime.pairing import Claimer
from realtime.settings import Settings
from realtime.waiting import WaitingBoards, not_waiting

logger = logging.getLogger(__name__)

LONGEST_ROOM = 60
MOST_ASKED = 30
"""Boards of one `pair.waiting`: each that isn't here is asked of all other nodes."""
LONG_CODES_PER_SHORT = 4
"""Wrong long codes are no danger, but each is asked of all nodes."""
CATCH_UP_SECONDS, CATCH_UP_WAIT_SECONDS = 2.0, 0.25
"""A node that nobody answers within that time is the first one of all."""


class TeacherEnd(Protocol):
    """The socket of a teacher who types a code."""

    role: tokens.Role
    address: str
    pair_failures: int


class PairDesk:
    """Codes of this node's boards, and the way to those of other nodes."""

    def __init__(
        self,
        settings: Settings,
        backplane: LocalBackplane,
        waiting: WaitingBoards,
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._backplane, self._clock = settings, backplane, clock
        self._waiting = waiting
        self._budgets = Budgets(settings.pairing)
        self._caught_up = asyncio.Event()
        self._told: dict[str, float] = {}
        self._log = StateLog(logger, f"node={settings.node} six-digit codes", "open")
        backplane.on_pair = self._answer_node
        backplane.on_pair_failed = self._count_failure

    # a node that has just started

    async def catch_up(self) -> None:
        """Ask another node which boards were forgotten, and how many codes were guessed, while we were away.

        Postgres knows the former too, but may itself have been dead and be behind.
        """
        until = self._clock() + CATCH_UP_SECONDS
        while self._settings.backplane != "local" and self._clock() < until:
            answer = await self._backplane.ask_pair({"op": "catch-up"}, CATCH_UP_WAIT_SECONDS)
            if answer is not None:
                self._waiting.boards.learn(answer["pairings"], answer["sessions"])
                self._budgets.learn(answer["failures"], self._clock())
                break
            await asyncio.sleep(0.05)
        self._caught_up.set()

    async def caught_up(self, seconds: float) -> None:
        """Wait until then, but not for longer than this."""
        try:
            await asyncio.wait_for(self._caught_up.wait(), seconds)
        except TimeoutError:
            return

    # once a second

    def tick(self) -> None:
        """Forget old failures; say in the log when six-digit codes are shut or open again."""
        now = self._clock()
        self._budgets.sweep(now)
        window = self._settings.pairing.window_seconds
        self._told = {key: at for key, at in self._told.items() if now - at < window}
        if self._budgets.is_shut(now):
            guesses = f"{self._budgets.in_cluster(now)} wrong ones within {window:.0f} s"
            self._log.change("shut", guesses, logging.WARNING)
        else:
            self._log.change("open")

    def figures(self) -> dict[str, Any]:
        """What /readyz shows of pairing."""
        now = self._clock()
        return {
            "waiting_boards": len(self._waiting),
            "wrong_codes": self._budgets.in_cluster(now),
            "six_digit_codes": "shut" if self._budgets.is_shut(now) else "open",
        }

    # teachers

    async def claim(self, teacher: TeacherEnd, text: str, position: str | None) -> str:
        """The `pair.claimed` message for a typed code; raises Refusal."""
        code = codes.clean(text)
        role = teacher.role
        claimer = Claimer(role.session, role.subject, role.name, position)
        self._spend_try(teacher, code)
        answer = await self._find(code, claimer)  # whatever it raises, it may have been a guess
        self._refund_try(teacher, code)
        return protocol.encode("pair.claimed", **answer)

    def _spend_try(self, teacher: TeacherEnd, code: str) -> None:
        """Count the failure before it is one, on all nodes, so that claims in parallel don't slip through."""
        most = self._settings.pairing.failures_per_socket
        if not codes.is_short(code):
            if teacher.pair_failures >= most * LONG_CODES_PER_SHORT:
                raise budgets.too_many_tries()
            teacher.pair_failures += 1
            return
        if teacher.pair_failures >= most:
            raise budgets.too_many_tries()
        now = self._clock()
        spent = self._budgets.spent(teacher.role.subject, teacher.address, now)
        if spent:
            self._tell_spent(spent, teacher, now)
            raise budgets.too_many_tries()
        self._count(teacher, 1)
        teacher.pair_failures += 1

    def _refund_try(self, teacher: TeacherEnd, code: str) -> None:
        teacher.pair_failures -= 1
        if codes.is_short(code):
            self._count(teacher, -1)

    def _count(self, teacher: TeacherEnd, change: int) -> None:
        failure = {
            "teacher": teacher.role.subject, "address": teacher.address, "change": change
        }  # fmt: skip
        self._count_failure(failure)
        self._backplane.tell_pair_failed(failure)

    def _tell_spent(self, spent: str, teacher: TeacherEnd, now: float) -> None:
        if spent != budgets.CLUSTER and spent not in self._told:
            self._told[spent] = now
            logger.warning(
                "node=%s wrong codes: %s has no more tries, teacher=%s address=%s",
                self._settings.node, spent, teacher.role.subject, teacher.address,
            )  # fmt: skip

    async def _find(self, code: str, claimer: Claimer) -> dict[str, Any]:
        claimed = self._waiting.claim(code, claimer)
        if claimed is not None:
            return claimed
        request = {"op": "claim", "code": code, **vars(claimer)}
        answer = await self._ask(request)
        if answer is None:
            trouble = self._backplane.trouble()
            raise _unreachable() if trouble else codes.wrong()
        return _only_claimed(answer)

    async def start(self, role: tokens.Role, board: str, position: str | None) -> str:
        """The `pair.claimed` message for a board that is remembered for this teacher; raises Refusal."""
        claimer = Claimer(role.session, role.subject, role.name, position)
        device = _uuid(board)
        claimed = self._waiting.start(device, claimer)
        if claimed is not None:
            return protocol.encode("pair.claimed", **claimed)
        answer = await self._ask({"op": "start", "board": device, **vars(claimer)})
        if answer is None:
            raise _unreachable() if self._backplane.trouble() else not_waiting()
        return protocol.encode("pair.claimed", **_only_claimed(answer))

    async def waiting(self, role: tokens.Role, asked: list[Any]) -> str:
        """The `pair.waiting` message: which of these boards this teacher could start on now."""
        devices = [_uuid(board) for board in asked[:MOST_ASKED]]
        found = await asyncio.gather(*(self._waits(device, role.subject) for device in devices))
        waiting = [device for device, waits in zip(devices, found, strict=True) if waits]
        return protocol.encode("pair.waiting", boards=waiting)

    async def _waits(self, device: str, teacher: str) -> bool:
        if self._waiting.waits(device, teacher):
            return True
        request = {"op": "waiting", "board": device, "teacher": teacher}
        seconds = self._settings.claim_seconds
        return await self._backplane.ask_pair(request, seconds) is not None

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        answer = await self._backplane.ask_pair(request, self._settings.claim_seconds)
        if answer is not None and "refused" in answer:
            raise Refusal(answer["refused"], answer["message"])
        return answer

    async def confirm(self, teacher: TeacherEnd, pairing_id: str, number: str) -> str:
        """The `pair.done` message for the teacher; raises Refusal pair.gone, pair.wrong_number, pair.too_early."""
        role = teacher.role
        try:
            board = await self._decide("confirm", role, pairing_id, number)
        except Refusal as refusal:
            if refusal.code == "pair.wrong_number":  # a code that was guessed, perhaps
                self._count(teacher, 1)
            raise
        proof = tokens.mint_proof(role.subject, board, self._settings.key) if board else None
        return protocol.encode("pair.done", pairing=pairing_id, board=board or None, proof=proof)

    async def reject(self, role: tokens.Role, pairing_id: str) -> str:
        """The `pair.rejected` message for the teacher; raises Refusal pair.gone."""
        await self._decide("reject", role, pairing_id)
        return protocol.encode("pair.rejected", pairing=pairing_id, reason="rejected")

    async def _decide(self, op: str, role: tokens.Role, pairing_id: str, number: str = "") -> str:
        try:
            return await self._decide_where_it_is(op, role, pairing_id, number)
        except Refusal as refusal:
            refusal.pairing = pairing_id
            raise

    async def _decide_where_it_is(
        self, op: str, role: tokens.Role, pairing_id: str, number: str
    ) -> str:
        if self._waiting.owns(pairing_id):
            return self._decide_here(op, pairing_id, role.session, role.subject, number)
        request = {
            "op": op, "pairing": pairing_id, "session": role.session, "teacher": role.subject,
            "number": number,
        }  # fmt: skip
        # deciding twice is harmless, so an answer that got lost is asked for once more
        answer = await self._ask(request) or await self._ask(request)
        if answer is None:
            raise _unreachable() if self._backplane.trouble() else pairing.gone()
        return str(answer.get("board") or "")

    # other nodes

    def _answer_node(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer another node, or None if the board is not here."""
        try:
            return self._answer(request)
        except Refusal as refusal:
            return {"refused": refusal.code, "message": refusal.message}

    def _answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        op = request["op"]
        if op == "catch-up":
            if not self._caught_up.is_set():
                return None
            return {**self._waiting.boards.known(), "failures": self._budgets.ages(self._clock())}
        if op == "waiting":
            waits = self._waiting.waits(request["board"], request["teacher"])
            return {"waiting": True} if waits else None
        if op in ("claim", "start"):
            names = ("session", "teacher", "name", "position")
            claimer = Claimer(**{name: request[name] for name in names})
            if op == "claim":
                return self._waiting.claim(request["code"], claimer)
            return self._waiting.start(request["board"], claimer)
        if not self._waiting.owns(request["pairing"]):
            return None
        board = self._decide_here(
            op, request["pairing"], request["session"], request["teacher"],
            str(request.get("number", "")),
        )  # fmt: skip
        return {"done": True, "board": board}

    def _decide_here(
        self, op: str, pairing_id: str, session: str, teacher: str, number: str
    ) -> str:
        if op == "confirm":
            return self._waiting.confirm(pairing_id, session, teacher, number)
        self._waiting.reject(pairing_id, session, teacher)
        return ""

    def _count_failure(self, failure: dict[str, Any]) -> None:
        teacher, address = str(failure["teacher"]), str(failure["address"])
        if failure.get("change", 1) > 0:
            self._budgets.failed(teacher, address, self._clock())
        else:
            self._budgets.refund(teacher, address)


def _only_claimed(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer.get(name) for name in protocol.SERVER["pair.claimed"]}


def clean_room(name: str) -> str:
    """What a teacher calls a room, on one line and not too long; may be empty."""
    return " ".join(name.split())[:LONGEST_ROOM]


def _uuid(board: object) -> str:
    try:
        return str(uuid.UUID(str(board)))
    except ValueError as error:
        raise bad_frame("A board is a UUID.") from error


def _unreachable() -> Refusal:
    message = "This host can't ask the others just now, and the board is not on it. Try again."
    return Refusal("pair.unreachable", message)
