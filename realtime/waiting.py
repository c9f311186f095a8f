"""The boards that wait on this node: their codes, who wants them, and what a teacher's yes gives them.

What other nodes ask comes in through pair_desk.py. What a code is and when an offer ends is decided in pairing.py.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Protocol

from realtime import codes, pairing, protocol, tokens
from realtime.boards import Boards
from realtime.errors import Refusal
from realtime.pairing import Claimer, CodeBook, Offer
from realtime.settings import Settings


class BoardEnd(Protocol):
    """The socket of a board that is not paired yet."""

    address: str

    def __hash__(self) -> int: ...

    def send_text(self, text: str) -> None:
        """Queue a control message; never raises."""


class WaitingBoards:
    """Boards whose sockets this node holds, until they are paired."""

    def __init__(
        self, settings: Settings, clock: Callable[[], float], on_forgotten: Callable[[], None]
    ) -> None:
        self._settings, self._clock = settings, clock
        self._book = CodeBook(settings.node, settings.pairing, settings.key)
        self._waiting: set[BoardEnd] = set()
        self._waiting_of: Counter[str] = Counter()
        self._device_of: dict[BoardEnd, str] = {}
        self._board_of: dict[str, BoardEnd] = {}
        self.boards = Boards(settings.database_url, on_forgotten, self._devices)

    def __len__(self) -> int:
        return len(self._waiting)

    def _devices(self) -> Collection[str]:
        return self._board_of.keys()

    def open(self, board: BoardEnd, device: str | None = None) -> None:
        """A board wants a code; raises Refusal too_fast if there is none, bad_device if it isn't what it says."""
        known = None if device is None else tokens.verify_device(device, self._settings.key)
        if board not in self._waiting:
            self._admit_board(board)
        if known is not None:
            self._know(board, known)
        now = self._clock()
        code = self._book.open(board, now)
        board.send_text(
            protocol.encode(
                "pair.code",
                code=code.text,
                long_code=code.long,
                expires_in_seconds=max(1, round(code.expires_at - now)),
            )
        )

    def _know(self, board: BoardEnd, device: str) -> None:
        self._forget_device(board)
        self._device_of[board] = device
        self._board_of[device] = board  # of two tabs the newest
        self.boards.look_soon()

    def _admit_board(self, board: BoardEnd) -> None:
        """One address can't take all codes of the node: sockets without a token are free."""
        if self._waiting_of[board.address] >= self._settings.pairing.codes_per_address:
            raise Refusal("too_fast", "Too many boards wait for a teacher at this address.")
        self._waiting.add(board)
        self._waiting_of[board.address] += 1

    def close(self, board: BoardEnd) -> None:
        """The board's socket closed, or it has what it wanted."""
        self._forget_device(board)
        if board in self._waiting:
            self._waiting.discard(board)
            self._waiting_of -= Counter([board.address])
            self._book.drop(board, self._clock())

    def _forget_device(self, board: BoardEnd) -> None:
        device = self._device_of.pop(board, None)
        if device is not None and self._board_of.get(device) is board:
            del self._board_of[device]

    def _renew(self, board: Any) -> None:
        if board not in self._waiting:
            return
        try:
            self.open(board)
        except Refusal as refusal:
            board.send_text(protocol.encode_error(refusal))

    def tick(self) -> None:
        """Once a second: new codes for old, an end to offers nobody confirmed."""
        now = self._clock()
        expired, offers = self._book.sweep(now)
        for code in expired:
            self._renew(code.board)
        for offer in offers:
            self._withdraw(offer, "expired")
        self.boards.tick(now)

    def _withdraw(self, offer: Offer, reason: str) -> None:
        board: Any = offer.board
        if board in self._waiting:
            message = protocol.encode("pair.rejected", pairing=offer.pairing, reason=reason)
            board.send_text(message)
            self._renew(board)

    # what teachers ask, here or through another node

    def claim(self, code: str, claimer: Claimer) -> dict[str, Any] | None:
        """What `pair.claimed` says, or None if no board here shows this code; raises Refusal."""
        offer = self._book.claim(code, claimer, self._clock())
        return None if offer is None else self._claimed(offer)

    def start(self, device: str, claimer: Claimer) -> dict[str, Any] | None:
        """What `pair.claimed` says, or None if that board does not wait here; raises Refusal pair.not_remembered."""
        board = self._board_of.get(device)
        if board is None:
            return None
        room = self.boards.room(device, claimer.teacher)
        if room is None:
            message = "This board is not remembered for you. Type the code that it shows."
            raise Refusal("pair.not_remembered", message)
        offer = self._book.start(board, claimer, room, self._clock())
        if offer is None:
            raise not_waiting()
        return self._claimed(offer)

    def waits(self, device: str, teacher: str) -> bool:
        """Whether this teacher could start on this board without a code."""
        board = self._board_of.get(device)
        remembered = self.boards.room(device, teacher) is not None
        return board is not None and remembered and self._book.shows_code(board)

    def owns(self, pairing_id: str) -> bool:
        """Whether that board is, or was just now, one of this node's."""
        return self._book.owns(pairing_id)

    def _show_offer(self, offer: Offer) -> None:
        board: Any = offer.board
        board.send_text(
            protocol.encode(
                "pair.offer",
                teacher_name=offer.claimer.name,
                symbol=offer.symbol,
                symbol_name=offer.symbol_name,
                number=offer.number or None,
                room=offer.room or None,
                refuse_seconds=self._refuse_seconds(offer),
                expires_in_seconds=self._settings.pairing.offer_seconds,
            )
        )

    def _claimed(self, offer: Offer) -> dict[str, Any]:
        self._show_offer(offer)
        return {
            "pairing": offer.pairing,
            "symbol": offer.symbol,
            "symbol_name": offer.symbol_name,
            "digits": len(offer.number) or None,
            "refuse_seconds": self._refuse_seconds(offer),
            "expires_in_seconds": self._settings.pairing.offer_seconds,
        }

    def _refuse_seconds(self, offer: Offer) -> float | None:
        return max(0.0, round(offer.ready_at - self._clock(), 1)) if offer.room else None

    def reject(self, pairing_id: str, session: str, teacher: str) -> None:
        """The teacher says no; raises Refusal pair.gone."""
        self._withdraw(self._book.reject(pairing_id, session, teacher), "rejected")

    def confirm(self, pairing_id: str, session: str, teacher: str, number: str) -> str:
        """The id of the board, which is paired now; raises Refusal."""
        offer = self._book.find(pairing_id, session, teacher, self._clock())
        if not offer.done and not codes.same(offer.number, number):
            offer = self._book.reject(pairing_id, session, teacher)
            self._withdraw(offer, "wrong_number")
            raise pairing.wrong_number()
        board: Any = offer.board
        device = self._device_of.get(board) or str(uuid.uuid4())
        self._book.confirm(offer, device, self._clock())
        self._admit(offer)
        return offer.device

    def _admit(self, offer: Offer) -> None:
        board: Any = offer.board
        if board not in self._waiting:
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
                device=tokens.mint_device(offer.device, self._settings.key),
            )
        )


def not_waiting() -> Refusal:
    """The board can't be started on."""
    message = "This board does not wait just now: it is off, or somebody is teaching on it."
    return Refusal("pair.not_waiting", message)
