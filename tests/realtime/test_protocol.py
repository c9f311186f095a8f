"""PROTOCOL.md, the examples and the code say the same."""

import contextlib
import json
import os
import re
from typing import Any

import pytest
from pycrdt import Doc, Map

from realtime import pairing, presence, protocol
from realtime.errors import Refusal
from tests.realtime.support import ROOT

EXAMPLES = ROOT / "tests/protocol"
DOCUMENT = (ROOT / "realtime/PROTOCOL.md").read_text()
TABLES = {"client": protocol.CLIENT, "server": protocol.SERVER}
TITLES = {"client": "Client to server", "server": "Server to client"}
PAIRS = [(side, kind) for side, table in TABLES.items() for kind in table]


def documented(side: str) -> dict[str, dict[str, bool]]:
    """Type → field → whether it is required, as PROTOCOL.md has it."""
    section = DOCUMENT.split(f"## {TITLES[side]}\n")[1].split("\n## ")[0]
    found = {}
    for part in section.split("\n### ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \| (\w+\??) \|", part, re.MULTILINE)
        found[part.split("\n")[0]] = {name: not kind.endswith("?") for name, kind in rows}
    return found


def examples(side: str, kind: str) -> list[dict[str, Any]]:
    content = json.loads((EXAMPLES / f"{side}.{kind}.json").read_text())
    assert (content["type"], content["side"]) == (kind, side)
    return content["examples"]


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_document_has_the_fields_of_the_code(side: str) -> None:
    in_code = {
        kind: {name: required for name, (_, required) in fields.items()}
        for kind, fields in TABLES[side].items()
    }
    in_document = documented(side)
    if side == "server":  # its table of error codes stands in the same section
        in_document["error"] = {
            k: v
            for k, v in in_document["error"].items()
            if k in ("code", "message", "retry", "pairing")
        }
    assert in_document == in_code


@pytest.mark.parametrize(("side", "kind"), PAIRS)
def test_each_message_type_has_examples_with_the_documented_fields(side: str, kind: str) -> None:
    fields = documented(side)[kind]
    for example in examples(side, kind):
        assert protocol.check_fields(example, TABLES[side][kind]) == ""
        assert set(example) - {"type"} <= set(fields)


def test_there_is_no_example_of_an_unknown_message() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.json")} - {"binary"}
    assert names == {f"{side}.{kind}" for side, kind in PAIRS}


@pytest.mark.parametrize("kind", sorted(protocol.CLIENT))
def test_the_parser_accepts_all_client_examples(kind: str) -> None:
    for example in examples("client", kind):
        assert protocol.parse_text(json.dumps(example)) == example


def test_every_error_code_is_documented() -> None:
    code = "".join(path.read_text() for path in (ROOT / "realtime").glob("*.py"))
    used = set(re.findall(r'Refusal\(\s*"([a-z._]+)"', code))
    in_table = re.findall(r"^\| `([a-z._]+)` \| (yes|no) \|", DOCUMENT, re.MULTILINE)
    assert used == {name for name, _ in in_table}
    for name, retry in in_table:
        assert Refusal(name, "").retry == (retry == "yes")


def in_dutch(file: str) -> set[str]:
    """What a table of the pages has Dutch words for."""
    table = (ROOT / "webapp/frontend/src/live" / file).read_text().split("\n  nl: {\n")[1]
    return set(re.findall(r'^    "?([a-z._ ]+)"?:', table.split("\n  },\n")[0], re.MULTILINE))


def test_the_pages_have_dutch_words_for_every_error_code_and_every_symbol() -> None:
    codes = re.findall(r"^\| `([a-z._]+)` \| (?:yes|no) \|", DOCUMENT, re.MULTILINE)
    assert in_dutch("refusals.ts") == set(codes)
    assert in_dutch("symbols.ts") == {name for _, name in pairing.SYMBOLS}


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", '"x"', "{", '{"type": 1}', '{"type": "no.such"}', '{"type": "hello"}',
     '{"type": "ping", "t": NaN}', '{"type": "ping", "t": true}', '{"type": "ping", "t": "1"}',
     '{"type": "hello", "protocol": 1, "token": 7}', "[" * 16000,
     '{"type": "pair.claim", "code": "' + "1" * 5000 + '"}', '{"type": "ping", "t": 1' + "0" * 5000
     + "}"],
)  # fmt: skip
def test_a_broken_text_frame_is_a_bad_frame(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        protocol.parse_text(text)
    assert refused.value.code == "bad_frame"


@pytest.mark.parametrize("frame", json.loads((EXAMPLES / "binary.json").read_text())["examples"],
                         ids=lambda frame: frame["name"])  # fmt: skip
def test_binary_examples_are_understood(frame: dict[str, Any]) -> None:
    data = bytes.fromhex(frame["hex"])
    parsed = protocol.parse_binary(data)
    assert parsed.kind == frame["kind"]
    assert protocol.encode_binary(parsed.kind, parsed.body) == data
    if "show" in frame:
        doc: Doc = Doc()
        show = doc.get("show", type=Map)
        doc.apply_update(parsed.body)
        assert show.to_py() == frame["show"]
    for client, state in frame.get("states", {}).items():
        ((found, _, text),) = presence.parse(parsed.body)
        assert (found, json.loads(text)) == (int(client), state)


def test_broken_binary_frames_are_bad_frames() -> None:
    broken = [b"", b"\x00", b"\x02", b"\x00\x03\x00", b"\x00\x00\x05abc", b"\x01\xff\xff\xff",
              b"\x01" + b"\xff" * 30, b"\x00\x00\x01\x00\x00"]  # fmt: skip
    for frame in broken:
        with pytest.raises(Refusal):
            protocol.parse_binary(frame)
    for _ in range(2000):
        with contextlib.suppress(Refusal):  # anything else is a failure
            protocol.parse_binary(os.urandom(12))
