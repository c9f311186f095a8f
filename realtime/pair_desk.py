"""Where boards and teachers meet: joins the pure rules of pairing to sockets and the bus.

A claim is looked up here first, so that pairing on one node needs no NATS, and is then asked
of all other nodes at once. Only the node that holds the board's socket answers; the wait is
bounded, since a dead node never does.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from realtime import pairing, protocol, tokens
from realtime.backplane import LocalBackplane
from realtime.errors import Refusal
from realtime.pairing import Budgets, Claimer, CodeBook, Offer
from realtime.settings import Settings


class BoardEnd(Protocol):
    """The socket of a board that is not paired yet."""

    address: str

    def __hash__(self) -> int: ...

    def send_text(self, text: str) -> None:
        """Queue a control message; never raises."""


class TeacherEnd(Protocol):
    """The socket of a teacher who types a code."""

    role: tokens.Role
    address: str
    pair_failures: int


class PairDesk:
    """Codes of this node's boards, and the way to those of other nodes."""

    def __init__(
        self, settings: Settings, backplane: LocalBackplane, clock: Callable[[], float]
    ) -> None:
        self._settings, self._backplane, self._clock = settings, backplane, clock
        self._book = CodeBook(settings.node, settings.pairing)
        self._budgets = Budgets(settings.pairing)
        self._boards: set[BoardEnd] = set()
        self._boards_of: Counter[str] = Counter()
        backplane.on_pair = self._answer_node
        backplane.on_pair_failed = self._count_failure

    # boards

    def open(self, board: BoardEnd) -> None:
        """A board wants a code; raises Refusal too_fast if there is none."""
        if board not in self._boards:
            self._admit_board(board)
        now = self._clock()
        code = self._book.open(board, now)
        seconds = max(1, round(code.expires_at - now))
        board.send_text(protocol.encode("pair.code", code=code.text, expires_in_seconds=seconds))

    def _admit_board(self, board: BoardEnd) -> None:
        """One address can't take all codes of the node: sockets without a token are free."""
        if self._boards_of[board.address] >= self._settings.pairing.codes_per_address:
            raise Refusal("too_fast", "Too many boards wait for a teacher at this address.")
        self._boards.add(board)
        self._boards_of[board.address] += 1

    def close(self, board: BoardEnd) -> None:
        """The board's socket closed, or it has what it wanted."""
        if board in self._boards:
            self._boards.discard(board)
            self._boards_of -= Counter([board.address])
            self._book.drop(board, self._clock())

    def _renew(self, board: Any) -> None:
        if board not in self._boards:
            return
        try:
            self.open(board)
        except Refusal as refusal:
            board.send_text(protocol.encode_error(refusal))

    def tick(self) -> None:
        """Once a second: new codes for old, an end to offers nobody confirmed."""
        now = self._clock()
        codes, offers = self._book.sweep(now)
        for code in codes:
            self._renew(code.board)
        for offer in offers:
            self._withdraw(offer, "expired")
        self._budgets.sweep(now)

    def _withdraw(self, offer: Offer, reason: str) -> None:
        board: Any = offer.board
        if board in self._boards:
            message = protocol.encode("pair.rejected", pairing=offer.pairing, reason=reason)
            board.send_text(message)
            self._renew(board)

    # teachers

    async def claim(self, teacher: TeacherEnd, text: str, position: str | None) -> str:
        """The `pair.claimed` message for a typed code; raises Refusal."""
        code = pairing.clean_code(text)
        role = teacher.role
        self._spend_try(teacher)
        claimer = Claimer(role.session, role.subject, role.name, position)
        try:
            answer = await self._find(code, claimer)
        except Refusal as refusal:
            if refusal.code == "pair.wrong_code":
                teacher_and_address = {"teacher": role.subject, "address": teacher.address}
                self._backplane.tell_pair_failed(teacher_and_address)
            else:
                self._refund_try(teacher)
            raise
        self._refund_try(teacher)
        return protocol.encode("pair.claimed", **answer)

    def _spend_try(self, teacher: TeacherEnd) -> None:
        """Count the failure before it is one, so that claims in parallel don't slip through."""
        if teacher.pair_failures >= self._settings.pairing.failures_per_socket:
            raise pairing.too_many_tries()
        now = self._clock()
        self._budgets.check(teacher.role.subject, teacher.address, now)
        self._budgets.failed(teacher.role.subject, teacher.address, now)
        teacher.pair_failures += 1

    def _refund_try(self, teacher: TeacherEnd) -> None:
        self._budgets.refund(teacher.role.subject, teacher.address)
        teacher.pair_failures -= 1

    async def _find(self, code: str, claimer: Claimer) -> dict[str, Any]:
        offer = self._claim_here(code, claimer)
        if offer is not None:
            return self._claimed(offer)
        request = {"op": "claim", "code": code, **vars(claimer)}
        answer = await self._ask(request)
        if answer is None:
            trouble = self._backplane.trouble()
            raise _unreachable() if trouble else pairing.wrong_code()
        return {name: answer[name] for name in protocol.SERVER["pair.claimed"]}

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        answer = await self._backplane.ask_pair(request, self._settings.claim_seconds)
        if answer is not None and "refused" in answer:
            raise Refusal(answer["refused"], answer["message"])
        return answer

    async def confirm(self, role: tokens.Role, pairing_id: str) -> str:
        """The `pair.done` message for the teacher; raises Refusal pair.gone."""
        await self._decide("confirm", role, pairing_id)
        return protocol.encode("pair.done", pairing=pairing_id)

    async def reject(self, role: tokens.Role, pairing_id: str) -> str:
        """The `pair.rejected` message for the teacher; raises Refusal pair.gone."""
        await self._decide("reject", role, pairing_id)
        return protocol.encode("pair.rejected", pairing=pairing_id, reason="rejected")

    async def _decide(self, op: str, role: tokens.Role, pairing_id: str) -> None:
        if self._book.owns(pairing_id):
            self._decide_here(op, pairing_id, role.session, role.subject)
            return
        request = {
            "op": op, "pairing": pairing_id, "session": role.session, "teacher": role.subject
        }  # fmt: skip
        # deciding twice is harmless, so an answer that got lost is asked for once more
        if await self._ask(request) is None and await self._ask(request) is None:
            raise _unreachable() if self._backplane.trouble() else pairing.gone()

    # what the node that holds the board does

    def _claim_here(self, code: str, claimer: Claimer) -> Offer | None:
        offer = self._book.claim(code, claimer, self._clock())
        if offer is not None:
            board: Any = offer.board
            board.send_text(
                protocol.encode(
                    "pair.offer",
                    teacher_name=claimer.name,
                    symbol=offer.symbol,
                    symbol_name=offer.symbol_name,
                    expires_in_seconds=self._settings.pairing.offer_seconds,
                )
            )
        return offer

    def _claimed(self, offer: Offer) -> dict[str, Any]:
        return {
            "pairing": offer.pairing,
            "symbol": offer.symbol,
            "symbol_name": offer.symbol_name,
            "expires_in_seconds": self._settings.pairing.offer_seconds,
        }

    def _decide_here(self, op: str, pairing_id: str, session: str, teacher: str) -> None:
        if op == "confirm":
            offer = self._book.confirm(pairing_id, session, teacher, self._clock())
            self._admit(offer)
        else:
            self._withdraw(self._book.reject(pairing_id, session, teacher), "rejected")

    def _admit(self, offer: Offer) -> None:
        board: Any = offer.board
        if board not in self._boards:
            return  # confirmed twice
        self.close(board)
        role = tokens.Role(offer.claimer.session, "board", offer.pairing, "")
        board.send_text(
            protocol.encode(
                "pair.done",
                pairing=offer.pairing,
                session=role.session,
                token=tokens.mint(role, self._settings.key),
                position=offer.claimer.position,
            )
        )

    # other nodes

    def _answer_node(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer another node, or None if the board is not here."""
        try:
            if request["op"] == "claim":
                names = ("session", "teacher", "name", "position")
                claimer = Claimer(**{name: request[name] for name in names})
                offer = self._claim_here(request["code"], claimer)
                return None if offer is None else self._claimed(offer)
            if not self._book.owns(request["pairing"]):
                return None
            self._decide_here(
                request["op"], request["pairing"], request["session"], request["teacher"]
            )
            return {"done": True}
        except Refusal as refusal:
            return {"refused": refusal.code, "message": refusal.message}

    def _count_failure(self, failure: dict[str, Any]) -> None:
        self._budgets.failed(str(failure["teacher"]), str(failure["address"]), self._clock())


def _unreachable() -> Refusal:
    message = "This host can't ask the others just now, and the board is not on it. Try again."
    return Refusal("pair.unreachable", message)
