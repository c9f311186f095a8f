import * as decoding from "lib0/decoding";
import { applyAwarenessUpdate, Awareness } from "y-protocols/awareness";
import { readSyncMessage } from "y-protocols/sync";
import * as encoding from "lib0/encoding";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { parseServerMessage, type ClientMessage, type ServerMessage } from "../src/live/protocol";
import { readPlace } from "../src/live/show";

// The same examples are read by the server's tests: both sides agree, or a test fails.
const FILES = import.meta.glob("../../../tests/protocol/*.json", {
  eager: true,
  import: "default",
});

interface Examples {
  type: string;
  side: "client" | "server";
  examples: Record<string, unknown>[];
}

const control = Object.entries(FILES)
  .filter(([path]) => /\/(client|server)\.[^/]*\.json$/.test(path))
  .map(([, examples]) => examples as Examples);

type Fields<T> = T extends { type: infer Name extends string } ? Record<Name, (keyof T)[]> : never;
type All<U> = (U extends unknown ? (value: Fields<U>) => void : never) extends (
  value: infer I,
) => void
  ? I
  : never;

/** The compiler checks that these are fields of our types, the test that the examples have no others. */
const CLIENT: All<ClientMessage> = {
  hello: ["type", "protocol", "token", "standby"],
  "pair.open": ["type", "device"],
  "pair.claim": ["type", "code", "position"],
  "pair.start": ["type", "board", "position"],
  "pair.waiting": ["type", "boards"],
  "pair.confirm": ["type", "pairing", "number", "name"],
  "pair.reject": ["type", "pairing"],
  "pair.revoke": ["type", "pairing"],
  "pair.leave": ["type"],
  signal: ["type", "from", "to", "call", "sdp_type", "sdp"],
  ping: ["type", "t"],
};
const SERVER: All<ServerMessage> = {
  welcome: ["type", "protocol", "node", "host", "session", "role", "load"],
  "pair.code": ["type", "code", "long_code", "expires_in_seconds"],
  "pair.claimed": [
    "type",
    "pairing",
    "symbol",
    "symbol_name",
    "digits",
    "refuse_seconds",
    "expires_in_seconds",
  ],
  "pair.offer": [
    "type",
    "teacher_name",
    "symbol",
    "symbol_name",
    "number",
    "room",
    "refuse_seconds",
    "expires_in_seconds",
  ],
  "pair.waiting": ["type", "boards"],
  "pair.done": ["type", "pairing", "session", "token", "position", "device", "board", "proof"],
  "pair.rejected": ["type", "pairing", "reason"],
  signal: ["type", "from", "to", "call", "sdp_type", "sdp", "role", "pairing"],
  pong: ["type", "t", "load", "now"],
  move: ["type", "within_seconds", "hosts"],
  error: ["type", "code", "message", "retry", "pairing"],
};

describe("control messages", () => {
  test("each of ours has examples and each example is one of ours", () => {
    const types = (side: string): string[] =>
      control
        .filter((file) => file.side === side)
        .map((file) => file.type)
        .sort();
    expect(types("client")).toEqual(Object.keys(CLIENT).sort());
    expect(types("server")).toEqual(Object.keys(SERVER).sort());
  });

  test.each(control.map((file) => [`${file.side}.${file.type}`, file] as const))(
    "%s",
    (_, file) => {
      const known = (file.side === "client" ? CLIENT : SERVER) as Record<string, string[]>;
      for (const example of file.examples) {
        for (const field of Object.keys(example)) expect(known[file.type]).toContain(field);
        if (file.side === "server")
          expect(parseServerMessage(JSON.stringify(example))).toEqual(example);
      }
    },
  );

  test.each([
    "",
    "null",
    "[]",
    "{",
    '{"type":"pair.code"}',
    '{"type":"pair.code","code":1,"expires_in_seconds":1}',
    '{"type":"news"}',
  ])("%j is ignored", (text) => expect(parseServerMessage(text)).toBeNull());
});

interface Binary {
  name: string;
  hex: string;
  kind: "step1" | "step2" | "update" | "awareness";
  show?: { at: { slide: number; step: number } };
  states?: Record<string, unknown>;
}

const binary = Object.entries(FILES)
  .filter(([path]) => path.endsWith("/binary.json"))
  .flatMap(([, file]) => (file as { examples: Binary[] }).examples);

describe("binary frames", () => {
  test.each(binary.map((example) => [example.name, example] as const))("%s", (_, example) => {
    const bytes = Uint8Array.from(example.hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    const doc = new Y.Doc();
    const decoder = decoding.createDecoder(bytes);
    const kind = decoding.readVarUint(decoder);
    if (example.kind === "awareness") {
      expect(kind).toBe(1);
      const awareness = new Awareness(doc);
      applyAwarenessUpdate(awareness, decoding.readVarUint8Array(decoder), "test");
      for (const [client, state] of Object.entries(example.states ?? {})) {
        expect(awareness.getStates().get(Number(client)) ?? null).toEqual(state);
      }
      awareness.destroy();
      return;
    }
    expect(kind).toBe(0);
    const read = readSyncMessage(decoder, encoding.createEncoder(), doc, "test");
    expect(read).toBe({ step1: 0, step2: 1, update: 2 }[example.kind]);
    if (example.show) expect(readPlace(doc)).toEqual(example.show.at);
  });
});
