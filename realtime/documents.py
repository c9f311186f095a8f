"""One teaching session's Yjs document on this node: apply, compare, encode. No network here.

pycrdt trusts its input more than we can: a broken state vector makes it loop for minutes, a
broken update may raise a Rust panic (a BaseException). Both are caught here, once.
"""

import datetime
import zlib
from typing import NamedTuple

from pycrdt import Doc, Map

from realtime.errors import bad_frame
from realtime.protocol import read_varint, write_varint

NOTHING = b"\x00\x00"  # an update without content
COMPACT_EVERY = 100  # updates kept one by one, to rebuild from
WAITING_BYTES = (
    4 * 1024 * 1024
)  # of updates that brought nothing, some of which pycrdt may keep for later
HIGHEST_CLIENT = 2**53
HIGHEST_CLOCK = 2**32

StateVector = dict[int, int]


class Applied(NamedTuple):
    """What an update brought: `new` to hand on (may be empty); `pending`: predecessors lack."""

    new: tuple[bytes, ...]
    pending: bool


def read_state_vector(data: bytes) -> StateVector:
    """Client → clock, strictly checked; raises Refusal bad_frame."""
    try:
        count, at = read_varint(data, 0)
        if count > len(data):
            raise ValueError("more entries than bytes")
        vector: StateVector = {}
        for _ in range(count):
            client, at = read_varint(data, at)
            vector[client], at = read_varint(data, at)
            if client >= HIGHEST_CLIENT or vector[client] >= HIGHEST_CLOCK:
                raise ValueError("out of range")
        if at != len(data):
            raise ValueError("bytes are left over")
    except (IndexError, ValueError) as error:
        raise bad_frame("This is not a Yjs state vector.") from error
    return vector


def write_state_vector(vector: StateVector) -> bytes:
    """The canonical bytes of a state vector, which pycrdt reads safely."""
    parts = [write_varint(len(vector))]
    for client, clock in sorted(vector.items()):
        parts += (write_varint(client), write_varint(clock))
    return b"".join(parts)


class SharedDocument:
    """A Yjs document that tells what each update really changed."""

    def __init__(self) -> None:
        self._base, self._recent = NOTHING, list[bytes]()
        self._bytes = 0
        self._useless_bytes = 0
        self._start(Doc())

    def _start(self, doc: Doc) -> None:
        self._doc = doc
        self._events: list[bytes] = []
        self._boards = doc.get("boards", type=Map)
        self._revoked: frozenset[str] | None = None
        self._boards_subscription = self._boards.observe(self._forget_revoked)
        self._subscription = doc.observe(lambda event: self._events.append(event.update))

    def apply(self, update: bytes) -> Applied:
        """Merge an update; raises Refusal bad_frame, then the document is as before."""
        if update == NOTHING:
            return Applied((), False)
        self._events.clear()
        try:
            self._doc.apply_update(update)
        except ValueError as error:
            raise bad_frame("This is not a Yjs update.") from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # pyo3 doesn't export the class
                raise
            self._rebuild()
            raise bad_frame("This update breaks the document.") from error
        applied = self._applied()
        if applied.new:
            return applied
        pending = self._has_gap_before(update)
        self._bound_what_waits(len(update))
        return Applied((), pending)

    def _bound_what_waits(self, size: int) -> None:
        """An update whose predecessors lack is kept by pycrdt, for ever and without telling; who sent it sends it again
        with them, when it is asked. So what waits may be forgotten, and is when it could be much."""
        self._useless_bytes += size
        if self._useless_bytes > WAITING_BYTES:
            self._rebuild()

    def _has_gap_before(self, update: bytes) -> bool:
        """Whether an update begins after what we have of its first client.

        pycrdt keeps such an update without telling. Other gaps (a client further back, a lone
        deletion) are found by the regular comparison of nodes.
        """
        try:
            clients, at = read_varint(update, 0)
            _, at = read_varint(update, at)
            client, at = read_varint(update, at)
            clock, _ = read_varint(update, at)
        except (IndexError, ValueError):  # deletions only
            return False
        return clients > 0 and clock > read_state_vector(self.state_vector()).get(client, 0)

    def _applied(self) -> Applied:
        new = tuple(event for event in self._events if event != NOTHING)
        self._recent += new
        self._bytes += sum(len(event) for event in new)
        if len(self._recent) >= COMPACT_EVERY:
            self._compact()
        return Applied(new, False)

    def _compact(self) -> None:
        whole = self.encode()
        if self._useless_bytes:
            clean = self._replayed().get_update()
            if clean == whole:  # nothing waits: what brought nothing was known already
                self._useless_bytes = 0
            whole = clean
        self._base, self._recent, self._bytes = whole, [], len(whole)

    def has_room(self, most_bytes: int) -> bool:
        """Whether it is smaller than that; what was erased since it was last summed up may still count."""
        if self._bytes >= most_bytes and self._bytes - len(self._base) >= most_bytes // 8:
            self._compact()
        return self._bytes < most_bytes

    def _rebuild(self) -> None:
        """Again from what went in: after a panic pycrdt's document is unusable."""
        self._useless_bytes = 0
        self._start(self._replayed())

    def _replayed(self) -> Doc:
        """A document with all that went in, and without what waits for its predecessors (encode has that too)."""
        doc: Doc = Doc()
        with doc.transaction():
            for update in [self._base, *self._recent]:
                doc.apply_update(update)
        return doc

    def state_vector(self) -> bytes:
        """What this node has."""
        return self._doc.get_state()

    def diff(self, state_vector: bytes) -> bytes:
        """What another with this state vector lacks; always includes all deletions."""
        return self._doc.get_update(write_state_vector(read_state_vector(state_vector)))

    def encode(self) -> bytes:
        """The whole document as one update."""
        return self._doc.get_update()

    def sync_request(self) -> bytes:
        """State vector, with a digest of the deletions, which state vectors don't cover."""
        own = self.state_vector()
        return zlib.crc32(self._doc.get_update(own)).to_bytes(4, "big") + own

    def compare(self, request: bytes) -> tuple[bytes, bool]:
        """For another's sync request: what it lacks (or nothing), and whether we lack something."""
        own = self.sync_request()
        theirs = read_state_vector(request[4:])
        ours = read_state_vector(own[4:])
        if theirs == ours and request[:4] == own[:4]:
            return b"", False
        update = self._doc.get_update(write_state_vector(theirs))
        ahead = any(clock > ours.get(client, 0) for client, clock in theirs.items())
        return (b"" if update == NOTHING else update), ahead or request[:4] != own[:4]

    def _forget_revoked(self, event: object) -> None:
        self._revoked = None

    def revoked(self, pairing: str) -> bool:
        """Whether the board with this pairing was sent away. Asked after each update; read when the map changed."""
        if self._revoked is None:
            self._revoked = frozenset(
                pairing
                for pairing, entry in self._boards.items()
                if isinstance(entry, dict) and entry.get("revoked")
            )
        return pairing in self._revoked

    def standing(self) -> list[str]:
        """Pairings of all boards that were not sent away."""
        return [pairing for pairing in self._boards if not self.revoked(pairing)]

    def record_pairing(self, pairing: str, name: str = "") -> Applied:
        """Write a new board into the map, with what the teacher calls it; a known one is left as it is."""
        if self._boards.get(pairing) is not None:
            return Applied((), False)
        entry: dict[str, object] = {"paired_at": _now(), "revoked": False}
        return self._write(pairing, {**entry, "name": name} if name else entry)

    def revoke(self, pairing: str) -> Applied:
        """Mark a board as sent away, known or not."""
        entry = self._boards.get(pairing)
        known = entry if isinstance(entry, dict) else {"paired_at": _now()}
        return self._write(pairing, {**known, "revoked": True})

    def _write(self, pairing: str, entry: dict[str, object]) -> Applied:
        self._events.clear()
        self._boards[pairing] = entry
        return self._applied()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
