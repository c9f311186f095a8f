"""Who is there: the awareness states of one session, as they come by. Nothing is kept on disk.

States stay the JSON bytes the client sent. (pycrdt's own Awareness counts characters where
bytes are meant, so that a teacher named Zoë would break the frame.)
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from realtime.errors import bad_frame
from realtime.protocol import DECODER, read_varint, write_varint
from realtime.tokens import Role

GONE = b"null"
TEACHER = "teacher"
HIGHEST = 2**53  # pages read numbers as doubles; one above ends the frame for all who hear it
CARRIERLESS_SECONDS = 3.0  # after the last socket closed; a reconnect takes less
SILENT_SECONDS = 35.0  # Yjs clients renew every 15 s and forget others after 30 s
MOST_CLIENTS = 1000
MOST_CLIENTS_OF_A_SOCKET = 8  # a page is one client; a reload makes a new socket too

Entry = tuple[int, int, bytes, Any]
"""Client, clock, the state's bytes, the state."""


@dataclass
class _State:
    clock: int
    state: bytes
    owner: str
    seen_at: float
    carriers: set[object] = field(default_factory=set)
    carried: bool = False  # once had a socket of this node


def parse(payload: bytes) -> list[tuple[int, int, bytes]]:
    """(client, clock, state JSON) of an awareness update; raises Refusal bad_frame."""
    return [entry[:3] for entry in _read(payload)]


def _read(payload: bytes) -> list[Entry]:
    """Strictly: what one page could not read would spoil a frame with the states of all."""
    entries = []
    try:
        count, at = read_varint(payload, 0)
        for _ in range(count):
            client, at = read_varint(payload, at)
            clock, at = read_varint(payload, at)
            length, at = read_varint(payload, at)
            state = payload[at : at + length]
            at += length
            if at > len(payload):
                raise ValueError("the state is cut off")
            if client >= HIGHEST or clock >= HIGHEST:
                raise ValueError("out of range")
            value = DECODER.decode(state.decode())
            entries.append((client, clock, state, value))
        if at != len(payload):
            raise ValueError("bytes are left over")
    except (IndexError, ValueError, RecursionError) as error:
        raise bad_frame("This is not a Yjs awareness update.") from error
    return entries


def _owner(value: Any) -> str:
    """Whose state it says it is: the teacher's, or that of the board with a pairing; "" if it doesn't say."""
    if not isinstance(value, dict):
        return ""
    if value.get("role") == TEACHER:
        return TEACHER
    return str(value.get("pairing") or "") if value.get("role") == "board" else ""


def encode(entries: list[tuple[int, int, bytes]]) -> bytes:
    """The opposite of parse."""
    parts = [write_varint(len(entries))]
    for client, clock, state in entries:
        parts += (write_varint(client), write_varint(clock), write_varint(len(state)), state)
    return b"".join(parts)


class Presence:
    """The newest awareness state of each client."""

    def __init__(self) -> None:
        self._states: dict[int, _State] = {}
        self._clients_of: defaultdict[object, set[int]] = defaultdict(set)

    def apply(
        self, payload: bytes, carrier: object | None, now: float, by: Role | None = None
    ) -> bytes | None:
        """Take a client's update (carrier: its socket, None: another node); what is new in it.

        `by`: the token of the socket. A client speaks for itself only; raises Refusal bad_frame, and takes nothing,
        if a state says another role or pairing than the token, or is that of somebody else's page.
        """
        entries = _read(payload)
        if by is not None:
            self._check(entries, carrier, TEACHER if by.is_teacher else by.subject)
        fresh = [entry[:3] for entry in entries if self._take(*entry, carrier, now)]
        return encode(fresh) if fresh else None

    def _check(self, entries: list[Entry], carrier: object | None, owner: str) -> None:
        for client, _, state, value in entries:
            known = self._states.get(client)
            if (known is not None and known.owner != owner) or (
                state != GONE and _owner(value) != owner
            ):
                raise bad_frame(
                    "An awareness state is one's own: with the role and the pairing of the token."
                )
        clients = self._clients_of.get(carrier, set()).union(entry[0] for entry in entries)
        if len(clients) > MOST_CLIENTS_OF_A_SOCKET:
            raise bad_frame("A socket carries the awareness of one page.")

    def _take(
        self, client: int, clock: int, state: bytes, value: Any, carrier: object | None, now: float
    ) -> bool:
        known, owner = self._states.get(client), _owner(value)
        if known is None:
            if state == GONE or len(self._states) >= MOST_CLIENTS:
                return False
            known = self._states[client] = _State(clock - 1, GONE, owner, now)
        if carrier is not None:
            known.carriers.add(carrier)
            known.carried = True
            self._clients_of[carrier].add(client)
        elif state == GONE and known.carriers:
            return False  # another node lost its socket, but here the client is well
        elif state != GONE and known.owner != owner and owner != TEACHER:
            return (
                False  # another node had not heard of the client yet, and let somebody speak for it
            )
        known.seen_at = now
        if clock < known.clock or (clock == known.clock and state != GONE):
            return False
        known.clock, known.state = clock, state
        if state == GONE:
            del self._states[client]
        else:
            known.owner = owner
        return True

    def drop_carrier(self, carrier: object) -> None:
        """A socket closed; its clients are removed by sweep, unless they come another way."""
        for client in self._clients_of.pop(carrier, ()):
            if client in self._states:
                self._states[client].carriers.discard(carrier)

    def sweep(self, now: float) -> bytes | None:
        """Forget who is silent; the awareness update that tells others, or None."""
        gone = [client for client, state in self._states.items() if _is_gone(state, now)]
        if not gone:
            return None
        return encode([(client, self._states.pop(client).clock, GONE) for client in gone])

    def known(self) -> bytes | None:
        """All states, for someone who just came; None if nobody is there."""
        if not self._states:
            return None
        return encode([(c, s.clock, s.state) for c, s in self._states.items()])


def _is_gone(state: _State, now: float) -> bool:
    silent = now - state.seen_at
    if state.carried and not state.carriers:
        return silent > CARRIERLESS_SECONDS
    return silent > SILENT_SECONDS
