"""One live teaching session on this node: its document, its sockets, its subject on the bus.

Deciding who may write stands here, once. Storing is not here (snapshots), nor is pairing.
"""

import json
import logging
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from realtime import protocol
from realtime.documents import NOTHING, Applied, SharedDocument
from realtime.errors import Refusal, bad_frame, read_only, revoked
from realtime.presence import Presence
from realtime.tokens import Role

logger = logging.getLogger(__name__)

UPDATE, AWARENESS, SYNC, REPLY, SIGNAL = b"U", b"A", b"S", b"R", b"G"
BY_TEACHER, BY_BOARD = b"t", b"b"
LARGEST_AWARENESS = 16 * 1024
SETTLE_SECONDS = 1.0  # then 2, 4, … up to the regular interval
SYNC_BACK = b"Q"  # the asked node's own request; never answered by another, or two would loop


class Member(Protocol):
    """A socket that has joined."""

    role: Role

    def send_frame(self, frame: bytes, droppable: bool = False) -> None:
        """Queue a binary frame; never raises."""

    def send_state(self, frame: bytes) -> None:
        """Queue the document it asked for, which it may take its time to read; never raises."""

    def send_text(self, text: str) -> None:
        """Queue a control message; never raises."""

    def refuse(self, refusal: Refusal) -> None:
        """Send an error, and close if the refusal says so."""


class Bus(Protocol):
    """What a session needs of the backplane; nothing here raises or waits."""

    def publish(self, session: str, payload: bytes) -> None:
        """To all other nodes that hold the session."""

    def request_sync(self, session: str, payload: bytes) -> None:
        """To all other nodes that hold the session; they answer to this node."""

    def answer(self, reply: str, session: str, payload: bytes) -> None:
        """To the one node that asked."""


class Session:
    """The relay of one document. Times are those of the event loop, in seconds."""

    def __init__(
        self, session: str, bus: Bus, clock: Callable[[], float], document_bytes: int
    ) -> None:
        self.id = session
        self._document_bytes = document_bytes
        self.document = SharedDocument()
        self.presence = Presence()
        self.members: set[Member] = set()
        self.loaded = False  # whether all snapshots were merged; only then may we write ours
        self.version = 0
        self.saved_version = 0
        self.used_at = clock()
        self._bus = bus
        self._clock = clock
        self._synced_at = clock()
        self._wait_seconds = SETTLE_SECONDS
        self._ended_seen: tuple[int, bool] | None = None

    @property
    def unsaved(self) -> bool:
        """Whether the document has changed since the last snapshot."""
        return self.version != self.saved_version

    def join(self, member: Member) -> None:
        """Let a socket in; raises Refusal if its pairing was revoked."""
        if not member.role.is_teacher and self.document.revoked(member.role.subject):
            raise revoked()
        self.members.add(member)

    def greet(self, member: Member) -> None:
        """After welcome: ask what the client has, tell who is there."""
        self.ask_member(member)
        known = self.presence.known()
        if known:
            member.send_frame(protocol.encode_binary(protocol.AWARENESS, known))

    def leave(self, member: Member) -> None:
        """A socket closed."""
        self.members.discard(member)
        self.presence.drop_carrier(member)
        self.used_at = self._clock()

    def ask_member(self, member: Member) -> None:
        """Sync step 1: the client answers with what we lack."""
        member.send_frame(protocol.encode_binary(protocol.STEP1, self.document.state_vector()))

    def from_member(self, member: Member, frame: protocol.YFrame) -> None:
        """A client's binary frame; raises Refusal."""
        if frame.kind == protocol.AWARENESS:
            if len(frame.body) > LARGEST_AWARENESS:
                raise Refusal("too_large", "An awareness update can have 16 KiB at most.")
            self._awareness(frame.body, member)
        elif frame.kind == protocol.STEP1:
            update = self.document.diff(frame.body)
            member.send_state(protocol.encode_binary(protocol.STEP2, update))
        elif member.role.is_teacher:
            self._from_teacher(member, frame.body)
        elif frame.kind == protocol.UPDATE and frame.body != NOTHING:
            raise read_only()

    def _from_teacher(self, member: Member, update: bytes) -> None:
        if update != NOTHING and not self.document.has_room(self._document_bytes):
            raise Refusal("too_large", "This session's document is full: erase ink, or begin anew.")
        applied = self.document.apply(update)
        if applied.pending:
            self.ask_member(member)
        self.spread(applied, member)

    def from_bus(self, payload: bytes, reply: str) -> None:
        """Another node's message; broken ones are logged and dropped."""
        kind, body = payload[:1], payload[1:]
        try:
            if kind in (UPDATE, REPLY):
                self._from_node(self.document.apply(body))
            elif kind == AWARENESS:
                self._awareness(body, None)
            elif kind in (SYNC, SYNC_BACK):
                self._answer(body, reply, may_ask=kind == SYNC)
            elif kind == SIGNAL:
                text = body[1:].decode()
                json.loads(text)
                self._send_signal(text, body[:1] == BY_TEACHER, None)
        except (Refusal, ValueError) as fault:
            logger.warning("session=%s dropped a broken bus message: %s", self.id, fault)

    def _from_node(self, applied: Applied) -> None:
        if applied.pending:
            self.ask_nodes()
        self.spread(applied, None, to_bus=False)

    def _answer(self, request: bytes, reply: str, may_ask: bool) -> None:
        if not reply:
            return
        update, we_lack = self.document.compare(request)
        if update:
            self._bus.answer(reply, self.id, REPLY + update)
        if we_lack and may_ask:
            self._bus.answer(reply, self.id, SYNC_BACK + self.document.sync_request())

    def ask_nodes(self, settling: bool = False) -> None:
        """Compare with all other nodes that hold the session; they send what we lack.

        `settling`: subjects are new on the bus, and its servers may not know yet that both
        nodes listen; what is sent meanwhile is lost. So the next times come sooner.
        """
        self._synced_at = self._clock()
        if settling:
            self._wait_seconds = SETTLE_SECONDS
        self._bus.request_sync(self.id, SYNC + self.document.sync_request())

    def spread(self, applied: Applied, source: Member | None, to_bus: bool = True) -> None:
        """Hand on what is new: to the sockets, to the other nodes, to the next snapshot."""
        for update in applied.new:
            self.version += 1
            frame = protocol.encode_binary(protocol.UPDATE, update)
            for member in tuple(self.members):
                if member is not source:
                    member.send_frame(frame)
            if to_bus:
                self._bus.publish(self.id, UPDATE + update)
        if applied.new:
            self._send_revoked_away()

    def _send_revoked_away(self) -> None:
        for member in tuple(self.members):
            if not member.role.is_teacher and self.document.revoked(member.role.subject):
                member.refuse(revoked())

    def _awareness(self, payload: bytes, member: Member | None) -> None:
        by = None if member is None else member.role
        fresh = self.presence.apply(payload, member, self._clock(), by)
        if fresh is None:
            return
        self._send_awareness(fresh, member)
        if member is not None:
            self._bus.publish(self.id, AWARENESS + fresh)

    def _send_awareness(self, payload: bytes, source: Member | None) -> None:
        frame = protocol.encode_binary(protocol.AWARENESS, payload)
        for member in tuple(self.members):
            if member is not source:
                member.send_frame(frame, droppable=True)

    def signal(self, member: Member, message: dict[str, Any]) -> None:
        """A page's word to another about a direct connection.

        Role and pairing are the token's: through the fingerprint in the SDP they vouch for who
        is at the other end of the connection, where no host looks on.
        """
        told = {name: message[name] for name in protocol.CLIENT["signal"]}
        role = member.role
        pairing = None if role.is_teacher else role.subject
        text = protocol.encode("signal", **told, role=role.role, pairing=pairing)
        self._send_signal(text, role.is_teacher, member)
        by = BY_TEACHER if role.is_teacher else BY_BOARD
        self._bus.publish(self.id, SIGNAL + by + text.encode())

    def _send_signal(self, text: str, by_teacher: bool, source: Member | None) -> None:
        """To teachers' pages from anybody, to boards from teachers only."""
        for member in tuple(self.members):
            if member is not source and (by_teacher or member.role.is_teacher):
                member.send_text(text)

    def end_boards(self, have_ended: Callable[[str], bool], news: int) -> None:
        """Take boards off the list that were forgotten without a word here: they were off, or this session was.

        `news`: another number when there may be more of them; only then, and after loading, the list is gone through.
        """
        seen = (news, self.loaded)
        if seen == self._ended_seen:
            return
        self._ended_seen = seen
        for pairing in self.document.standing():
            if have_ended(pairing):
                self.spread(self.document.revoke(pairing), None)

    def merge_snapshots(self, states: list[bytes]) -> None:
        """The rows of all nodes; a broken row is logged and skipped."""
        saved = self.version == self.saved_version
        for state in states:
            try:
                self.spread(self.document.apply(state), None, to_bus=False)
            except Refusal:
                logger.error("session=%s has a broken snapshot row, skipped", self.id)
        if saved:  # what came from the table needn't be written back
            self.saved_version = self.version
        self.loaded = True

    def tick(self, now: float, sync_seconds: float) -> None:
        """Once a second: forget the silent, compare with other nodes now and then."""
        gone = self.presence.sweep(now)
        if gone:
            self._send_awareness(gone, None)
            self._bus.publish(self.id, AWARENESS + gone)
        wait = min(self._wait_seconds, sync_seconds)
        if self.members and now - self._synced_at >= wait:
            self._wait_seconds = wait * 2
            self.ask_nodes()

    def change_board(self, change: Callable[[str], Applied], pairing: str) -> None:
        """Write into the map `boards` on behalf of pairing."""
        try:
            uuid.UUID(pairing)
        except ValueError as error:
            raise bad_frame("A pairing is a UUID.") from error
        self.spread(change(pairing), None)
