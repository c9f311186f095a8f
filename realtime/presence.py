"""Who is there: the awareness states of one session, as they come by. Nothing is kept on disk.

States stay the JSON bytes the client sent. (pycrdt's own Awareness counts characters where
bytes are meant, so that a teacher named Zoë would break the frame.)
"""

import json
from dataclasses import dataclass, field

from realtime.errors import bad_frame
from realtime.protocol import read_varint, write_varint

GONE = b"null"
CARRIERLESS_SECONDS = 3.0  # after the last socket closed; a reconnect takes less
SILENT_SECONDS = 35.0  # Yjs clients renew every 15 s and forget others after 30 s
MOST_CLIENTS = 1000


@dataclass
class _State:
    clock: int
    state: bytes
    seen_at: float
    carriers: set[object] = field(default_factory=set)
    carried: bool = False  # once had a socket of this node


def parse(payload: bytes) -> list[tuple[int, int, bytes]]:
    """(client, clock, state JSON) of an awareness update; raises Refusal bad_frame."""
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
            json.loads(state)
            entries.append((client, clock, state))
        if at != len(payload):
            raise ValueError("bytes are left over")
    except (IndexError, ValueError, RecursionError) as error:
        raise bad_frame("This is not a Yjs awareness update.") from error
    return entries


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

    def apply(self, payload: bytes, carrier: object | None, now: float) -> bytes | None:
        """Take a client's update (carrier: its socket, None: another node); what is new in it."""
        fresh = [e for e in parse(payload) if self._take(*e, carrier, now)]
        return encode(fresh) if fresh else None

    def _take(
        self, client: int, clock: int, state: bytes, carrier: object | None, now: float
    ) -> bool:
        known = self._states.get(client)
        if known is None:
            if state == GONE or len(self._states) >= MOST_CLIENTS:
                return False
            known = self._states[client] = _State(clock - 1, GONE, now)
        if carrier is not None:
            known.carriers.add(carrier)
            known.carried = True
        elif state == GONE and known.carriers:
            return False  # another node lost its socket, but here the client is well
        known.seen_at = now
        if clock < known.clock or (clock == known.clock and state != GONE):
            return False
        known.clock, known.state = clock, state
        if state == GONE:
            del self._states[client]
        return True

    def drop_carrier(self, carrier: object) -> None:
        """A socket closed; its clients are removed by sweep, unless they come another way."""
        for state in self._states.values():
            state.carriers.discard(carrier)

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
