"""Frames that are wrong in every way known to us, from a seed. Makes bytes; sends nothing."""

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

from pycrdt import Doc, Map

from realtime import presence, protocol
from tests.drills.relay.wire import BINARY, TEXT, frame
from tests.realtime.support import new_session, token


class Fuzzer:
    """Frames, from a seed. Each kind is a method; `lesson` is the honest one that its tokens are good for."""

    def __init__(self, seed: int, lesson: str) -> None:
        self.random = random.Random(seed)
        self.lesson = lesson
        self.sent: Counter[str] = Counter()
        self.refused = 0
        self.judged = 0
        self._valid = list(self._good_frames())
        self._kinds: list[Callable[[], tuple[int, bytes]]] = [
            self.noise, self.mutated, self.mutated, self.mutated, self.replayed, self.spliced, self.long_lengths,
            self.text, self.text, self.mutated_text, self.token, self.awareness, self.oversized,
        ]  # fmt: skip

    def _good_frames(self) -> Iterator[bytes]:
        """Updates of a document in which things come and go, vectors, awareness: what pages really send."""
        doc: Doc = Doc(client_id=77)
        show = doc.get("show", type=Map)
        for number in range(60):
            before = doc.get_state()
            show["at"] = {"slide": number, "step": 0}
            if number % 3 == 0:
                show[f"ink {number % 7}"] = [number] * self.random.randrange(40)
            if number % 5 == 4:
                show.pop(f"ink {self.random.randrange(7)}", None)
            yield protocol.encode_binary(protocol.UPDATE, doc.get_update(before))
        yield protocol.encode_binary(protocol.STEP1, doc.get_state())
        yield protocol.encode_binary(protocol.STEP2, doc.get_update())
        state = json.dumps({"role": "teacher", "name": "Zoë"}).encode()
        yield protocol.encode_binary(protocol.AWARENESS, presence.encode([(77, 1, state)]))

    def next(self) -> bytes:
        kind = self.random.choice(self._kinds)
        self.sent[kind.__name__] += 1
        return frame(*kind())

    # binary

    def noise(self) -> tuple[int, bytes]:
        return BINARY, self.random.choice((b"", b"\0\0", b"\0\1", b"\0\2", b"\1")) + self._bytes(60)

    def _bytes(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most))

    def replayed(self) -> tuple[int, bytes]:
        """Valid, out of order, again and again."""
        return BINARY, self.random.choice(self._valid)

    def mutated(self) -> tuple[int, bytes]:
        data = bytearray(self.random.choice(self._valid))
        for _ in range(self.random.randrange(1, 5)):
            at = self.random.randrange(len(data))
            what = self.random.randrange(4)
            if what == 0:
                data[at] = self.random.randrange(256)
            elif what == 1:
                data[at] ^= 1 << self.random.randrange(8)
            elif what == 2:
                del data[at : at + self.random.randrange(1, 4)]
            else:
                data[at:at] = self._bytes(4)
            if not data:
                break
        return BINARY, bytes(data)

    def spliced(self) -> tuple[int, bytes]:
        one, other = self.random.choice(self._valid), self.random.choice(self._valid)
        return BINARY, one[: self.random.randrange(len(one))] + other[
            self.random.randrange(len(other)) :
        ]

    def long_lengths(self) -> tuple[int, bytes]:
        """Numbers that say there is far more than comes."""
        huge = protocol.write_varint(self.random.choice((2**31, 2**32, 2**53, 2**62, 2**63 - 1)))
        body = b"".join(self.random.choice((huge, b"\1", b"\0", b"\x7f")) for _ in range(6))
        kind = self.random.choice(
            (protocol.STEP1, protocol.STEP2, protocol.UPDATE, protocol.AWARENESS)
        )
        return BINARY, protocol.encode_binary(kind, body)

    def awareness(self) -> tuple[int, bytes]:
        """Well made, and lies: another role, another's client, many clients, states that pages can't read."""
        state = self.random.choice(
            (b"null", b'{"role": "teacher"}', b'{"role": "board", "pairing": "x"}', b"{}", b'{"a": NaN}',
             b"7", b"\xff\xfe", b"[" * 500, b'{"role": "teacher", "x": "' + b"y" * 9000 + b'"}')
        )  # fmt: skip
        client = self.random.choice((77, self.random.getrandbits(32), 2**53, 2**60))
        entries = [(client, self.random.getrandbits(20), state)] * self.random.choice((1, 1, 1, 30))
        return BINARY, protocol.encode_binary(protocol.AWARENESS, presence.encode(entries))

    def oversized(self) -> tuple[int, bytes]:
        """Over 16 KiB of text, over 1 MiB, over the 4 MiB at which the websocket layer closes; rarely, for their size."""
        if self.random.random() < 0.9:
            return self.noise()
        size = self.random.choice((20_000, 20_000, 20_000, 2**20 + 1, 2**22 + 1))
        return self.random.choice((TEXT, BINARY)), self.random.choice((b"x", b"\0\2\xff")) * size

    # text

    def text(self) -> tuple[int, bytes]:
        kind = self.random.choice((*protocol.CLIENT, "move", "no.such", ""))
        values: tuple = (
            None, 0, -1, 1e308, 2**70, "", "1", "123456", "x" * 5000, [], {}, True, "\ud800", str(uuid.uuid4()),
        )  # fmt: skip
        fields = {name: self.random.choice(values) for name in protocol.CLIENT.get(kind, {"x": ()})}
        return TEXT, json.dumps({"type": kind, **fields}).encode()

    def mutated_text(self) -> tuple[int, bytes]:
        text = bytearray(self.random.choice((
            b'{"type": "ping", "t": 1}', b'{"type": "pair.claim", "code": "123456"}', b'{"type": "pair.open"}',
            b'{"type": "pair.revoke", "pairing": "00000000-0000-4000-8000-000000000000"}', b"[" * 3000, b'"\\ud800"',
        )))  # fmt: skip
        for _ in range(self.random.randrange(3)):
            text[self.random.randrange(len(text))] = self.random.randrange(32, 127)
        return TEXT, bytes(text)

    def token(self) -> tuple[int, bytes]:
        """A hello with a token that is mutated, expired, of another key, of another session, or cut off."""
        make = self.random.choice((
            lambda: token(self.lesson, seconds=-60),
            lambda: token(self.lesson, key="another key of more than 32 bytes!"),
            lambda: token("no uuid"),
            lambda: token(self.lesson, role="admin"),
            lambda: token(new_session()),
            lambda: token(self.lesson)[: self.random.randrange(200)],
            lambda: "".join(self.random.choice((c, c, c, "A", ".")) for c in token(self.lesson)),
            lambda: "x" * 20_000,
        ))  # fmt: skip
        hello = {"type": "hello", "protocol": self.random.choice((1, 1, 2)), "token": make()}
        return TEXT, json.dumps(hello).encode()

    # sockets

    def bad_hello(self) -> bytes:
        """A first frame with a token of the kinds above; of another session it is good."""
        self.sent["token"] += 1
        return frame(*self.token())

    def greeting(self) -> bytes:
        """How a socket begins: as nobody, as the honest lesson's board, as a board or teacher of a lesson of its own."""
        role, session = self.random.choice(
            (
                ("", ""),
                *[("board", self.lesson), ("board", new_session()), ("teacher", new_session())] * 3,
            )
        )
        if not role:
            return b""
        hello = {"type": "hello", "protocol": 1, "token": token(session, role, str(uuid.uuid4()))}
        return frame(TEXT, json.dumps(hello).encode())

    def broken_wire(self) -> bytes:
        """Frames that are no websocket's: wrong opcodes, unmasked, never ended, too long, control frames too long."""
        return self.random.choice((
            b"\x83\x80\0\0\0\0", b"\xf2\x80\0\0\0\0", b"\x82\x05hello", b"\x02\x81\0\0\0\0x" * 30,
            b"\x82\xff" + (2**62).to_bytes(8) + b"\0\0\0\0", b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256,
            b"\x88\x81\0\0\0\0x", b"\x80\x80\0\0\0\0", b"\x81\x82\0\0\0\0\xff\xfe", b"GET / HTTP/1.1\r\n\r\n",
        ))  # fmt: skip
