/**
 * The realtime protocol's control messages, as realtime/PROTOCOL.md defines them.
 *
 * Only shapes and their checking; what follows from a message is decided by those who receive it.
 * tests/protocol/*.json hold an example of each, which server and pages both check.
 */

export const PROTOCOL_VERSION = 1;

export type Role = "teacher" | "board";

/** What two pages tell one another to connect directly; ids are Yjs client ids. */
export interface Signal {
  type: "signal";
  from: string;
  to: string;
  call: string;
  sdp_type: string;
  sdp: string;
}

export type ClientMessage =
  | { type: "hello"; protocol: number; token: string; standby?: boolean }
  | { type: "pair.open"; device?: string }
  | { type: "pair.claim"; code: string; position?: string }
  | { type: "pair.start"; board: string; position?: string }
  | { type: "pair.waiting"; boards: string[] }
  | { type: "pair.confirm"; pairing: string; number?: string; name?: string }
  | { type: "pair.reject"; pairing: string }
  | { type: "pair.revoke"; pairing: string }
  | { type: "pair.leave" }
  | Signal
  | { type: "ping"; t: number };

export type ServerMessage =
  | {
      type: "welcome";
      protocol: number;
      node: number;
      host: string;
      session: string;
      role: Role;
      load: number;
    }
  | { type: "pair.code"; code: string; long_code: string; expires_in_seconds: number }
  | {
      type: "pair.claimed";
      pairing: string;
      symbol: string;
      symbol_name: string;
      /** So many have to be read from the board. */
      digits?: number;
      /** Started without a code: the board may refuse for so long. */
      refuse_seconds?: number;
      expires_in_seconds: number;
    }
  | {
      type: "pair.offer";
      teacher_name: string;
      symbol: string;
      symbol_name: string;
      number?: string;
      room?: string;
      refuse_seconds?: number;
      expires_in_seconds: number;
    }
  /** Those of the boards asked about on which this teacher could start now. */
  | { type: "pair.waiting"; boards: string[] }
  | {
      type: "pair.done";
      pairing: string;
      /** The rest only to the board. */
      session?: string;
      token?: string;
      position?: string;
      device?: string;
      /** These only to the teacher: which board it is, and the proof with which it can be remembered. */
      board?: string;
      proof?: string;
    }
  | { type: "pair.rejected"; pairing: string; reason: string }
  /** A board's has its pairing. Both are vouched for by the host. */
  | (Signal & { role: string; pairing?: string })
  | { type: "pong"; t: number; load: number; now?: number }
  | { type: "move"; within_seconds: number; hosts?: string[] }
  | { type: "error"; code: string; message: string; retry: boolean; pairing?: string };

/** Each message's required members and their types; members that may be absent are not listed. */
const REQUIRED: Record<
  ServerMessage["type"],
  Record<string, "string" | "number" | "boolean" | "object">
> = {
  welcome: {
    protocol: "number",
    node: "number",
    host: "string",
    session: "string",
    role: "string",
    load: "number",
  },
  "pair.code": { code: "string", long_code: "string", expires_in_seconds: "number" },
  "pair.claimed": {
    pairing: "string",
    symbol: "string",
    symbol_name: "string",
    expires_in_seconds: "number",
  },
  "pair.offer": {
    teacher_name: "string",
    symbol: "string",
    symbol_name: "string",
    expires_in_seconds: "number",
  },
  "pair.waiting": { boards: "object" },
  "pair.done": { pairing: "string" },
  "pair.rejected": { pairing: "string", reason: "string" },
  signal: {
    from: "string",
    to: "string",
    call: "string",
    sdp_type: "string",
    sdp: "string",
    role: "string",
  },
  pong: { t: "number", load: "number" },
  move: { within_seconds: "number" },
  error: { code: "string", message: "string", retry: "boolean" },
};

/** null: not a message this page knows, which it then ignores as newer servers may say more. */
export function parseServerMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const message = value as Record<string, unknown>;
  const required = REQUIRED[message["type"] as ServerMessage["type"]];
  if (!required) return null;
  const complete = Object.entries(required).every(([name, type]) => typeof message[name] === type);
  return complete ? (message as ServerMessage) : null;
}

/** Why the server closed a socket. */
export const CLOSE = {
  restart: 1012,
  badFrame: 4400,
  badToken: 4401,
  revoked: 4403,
  idle: 4408,
  tooSlow: 4409,
} as const;
