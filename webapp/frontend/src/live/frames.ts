/** The binary frames of a session: Yjs's sync protocol and awareness, as every Yjs server speaks them. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { encodeAwarenessUpdate, type Awareness } from "y-protocols/awareness";
import {
  messageYjsSyncStep1,
  messageYjsSyncStep2,
  messageYjsUpdate,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "y-protocols/sync";
import type * as Y from "yjs";

const SYNC = 0;
const AWARENESS = 1;

export type Frame =
  /** A state vector: somebody says what they have, and would like what they lack. */
  | { kind: "question"; vector: Uint8Array }
  /** For the document. */
  | { kind: "changes"; update: Uint8Array }
  /** What pages say of themselves. */
  | { kind: "presence"; update: Uint8Array };

/** null: of a kind that a later version has. Throws if the frame is cut short. */
export function parse(frame: Uint8Array): Frame | null {
  const decoder = decoding.createDecoder(frame);
  const kind = decoding.readVarUint(decoder);
  if (kind === AWARENESS) return { kind: "presence", update: decoding.readVarUint8Array(decoder) };
  if (kind !== SYNC) return null;
  switch (decoding.readVarUint(decoder)) {
    case messageYjsSyncStep1:
      return { kind: "question", vector: decoding.readVarUint8Array(decoder) };
    case messageYjsSyncStep2:
    case messageYjsUpdate:
      return { kind: "changes", update: decoding.readVarUint8Array(decoder) };
    default:
      return null;
  }
}

export function question(doc: Y.Doc): Uint8Array {
  return framed(SYNC, (encoder) => writeSyncStep1(encoder, doc));
}

/** What this document has and the asker lacks. */
export function answer(doc: Y.Doc, vector: Uint8Array): Uint8Array {
  return framed(SYNC, (encoder) => writeSyncStep2(encoder, doc, vector));
}

export function changes(update: Uint8Array): Uint8Array {
  return framed(SYNC, (encoder) => writeUpdate(encoder, update));
}

export function presence(awareness: Awareness, clients: number[]): Uint8Array {
  return framed(AWARENESS, (encoder) =>
    encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(awareness, clients)),
  );
}

function framed(kind: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, kind);
  write(encoder);
  return encoding.toUint8Array(encoder);
}
