"""Frames: what PROTOCOL.md says, as code. Parses and builds; keeps no state, sends nothing."""

import json
from typing import Any, NamedTuple

from realtime.errors import Refusal, bad_frame

VERSION = 1
NUMBER = (int, float)
LONGEST_TEXT_FIELD = 4096

# type → field → (accepted Python types, required)
Fields = dict[str, tuple[type | tuple[type, ...], bool]]
CLIENT: dict[str, Fields] = {
    "hello": {"protocol": (int, True), "token": (str, True), "standby": (bool, False)},
    "pair.open": {"device": (str, False)},
    "pair.claim": {"code": (str, True), "position": (str, False)},
    "pair.start": {"board": (str, True), "position": (str, False)},
    "pair.waiting": {"boards": (list, True)},
    "pair.confirm": {"pairing": (str, True), "number": (str, False), "name": (str, False)},
    "pair.reject": {"pairing": (str, True)},
    "pair.revoke": {"pairing": (str, True)},
    "pair.leave": {},
    "signal": {
        "from": (str, True),
        "to": (str, True),
        "call": (str, True),
        "sdp_type": (str, True),
        "sdp": (str, True),
    },
    "ping": {"t": (NUMBER, True)},
}
SERVER: dict[str, Fields] = {
    "welcome": {
        "protocol": (int, True),
        "node": (int, True),
        "host": (str, True),
        "session": (str, True),
        "role": (str, True),
        "load": (NUMBER, True),
    },
    "pair.code": {"code": (str, True), "long_code": (str, True), "expires_in_seconds": (int, True)},
    "pair.offer": {
        "teacher_name": (str, True),
        "symbol": (str, True),
        "symbol_name": (str, True),
        "number": (str, False),
        "room": (str, False),
        "refuse_seconds": (NUMBER, False),
        "expires_in_seconds": (int, True),
    },
    "pair.claimed": {
        "pairing": (str, True),
        "symbol": (str, True),
        "symbol_name": (str, True),
        "digits": (int, False),
        "refuse_seconds": (NUMBER, False),
        "expires_in_seconds": (int, True),
    },
    "pair.waiting": {"boards": (list, True)},
    "pair.done": {
        "pairing": (str, True),
        "session": (str, False),
        "token": (str, False),
        "position": (str, False),
        "device": (str, False),
        "board": (str, False),
        "proof": (str, False),
    },
    "pair.rejected": {"pairing": (str, True), "reason": (str, True)},
    "signal": {
        "from": (str, True),
        "to": (str, True),
        "call": (str, True),
        "sdp_type": (str, True),
        "sdp": (str, True),
        "role": (str, True),
        "pairing": (str, False),
    },
    "pong": {"t": (NUMBER, True), "load": (NUMBER, True), "now": (NUMBER, True)},
    "move": {"within_seconds": (NUMBER, True), "hosts": (list, False)},
    "error": {
        "code": (str, True),
        "message": (str, True),
        "retry": (bool, True),
        "pairing": (str, False),
    },
}


def _no_constant(name: str) -> None:
    # Python reads NaN and Infinity, but a browser can't read them back
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_no_constant)
"""Of what clients send; json.loads would make one for each frame."""

STEP1, STEP2, UPDATE, AWARENESS = "step1", "step2", "update", "awareness"
_SYNC_KINDS = {0: STEP1, 1: STEP2, 2: UPDATE}
_SYNC_NUMBERS = {kind: number for number, kind in _SYNC_KINDS.items()}


class YFrame(NamedTuple):
    """A binary frame: its kind and the bytes inside."""

    kind: str
    body: bytes


def parse_text(text: str) -> dict[str, Any]:
    """A control message of a client, checked; raises Refusal bad_frame."""
    try:
        message = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise bad_frame("This frame is not JSON.") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise bad_frame("A frame is a JSON object with a `type`.")
    fields = CLIENT.get(message["type"])
    if fields is None:
        raise bad_frame("This type of message is unknown.")
    fault = check_fields(message, fields)
    if fault:
        raise bad_frame(f"{message['type']}: {fault}.")
    return message


def check_fields(message: dict[str, Any], fields: Fields) -> str:
    """What is wrong with the fields of a message; empty if nothing is."""
    for name, (types, required) in fields.items():
        value = message.get(name)
        if value is None:
            if required:
                return f"the field `{name}` is missing"
            continue
        # bool is an int in Python, but not on the wire
        if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
            return f"the field `{name}` is of a wrong type"
        if isinstance(value, str) and len(value) > LONGEST_TEXT_FIELD:
            return f"the field `{name}` is too long"
    return ""


def encode(kind: str, **fields: object) -> str:
    """A control message of the server; fields that are None are left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    # ASCII: a client's text may hold a lone surrogate, which can't be sent as UTF-8
    return json.dumps({"type": kind, **present})


def encode_error(refusal: Refusal) -> str:
    """The `error` message for a refusal."""
    return encode(
        "error",
        code=refusal.code,
        message=refusal.message,
        retry=refusal.retry,
        pairing=refusal.pairing,
    )


def parse_binary(frame: bytes) -> YFrame:
    """A Yjs frame; raises Refusal bad_frame. The body's content is not looked at."""
    try:
        if frame[0] == 1:
            return YFrame(AWARENESS, _only_message(frame, 1))
        if frame[0] == 0:
            return YFrame(_SYNC_KINDS[frame[1]], _only_message(frame, 2))
    except (IndexError, KeyError, ValueError) as error:
        raise bad_frame("This binary frame is not a Yjs message.") from error
    raise bad_frame("This binary frame is not a Yjs message.")


def encode_binary(kind: str, body: bytes) -> bytes:
    """The frame for a Yjs message."""
    head = b"\x01" if kind == AWARENESS else bytes((0, _SYNC_NUMBERS[kind]))
    return head + write_varint(len(body)) + body


def _only_message(frame: bytes, start: int) -> bytes:
    length, start = read_varint(frame, start)
    if start + length != len(frame):
        raise ValueError("length and frame differ")
    return frame[start:]


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A lib0 unsigned integer at `at`, and where it ends; IndexError or ValueError if broken."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 63 bits")


def write_varint(value: int) -> bytes:
    """A lib0 unsigned integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
