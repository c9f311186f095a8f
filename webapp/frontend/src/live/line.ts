/**
 * One websocket to one host, with its heartbeat.
 *
 * A line is made once, lives once and dies once; whether and when there will be another one to the
 * same host is decided by links.ts. It knows nothing of documents.
 */
import type { Host } from "../core/config";
import { parseServerMessage, type ClientMessage, type ServerMessage } from "./protocol";

/** No word from the host for this long, though it is pinged each second: it is dead. */
export const SILENCE_MS = 2_500;
/** A connection that is not welcomed in this time never will be. */
export const WELCOME_MS = 4_000;
/** Ticks further apart than this mean that the page itself was asleep. */
const ASLEEP_MS = 3_000;
/** After waking, a host has this long to answer a ping before its silence counts. */
const WAKING_GRACE_MS = 1_200;

/** Our own close codes for the records of the server, from the range free for applications. */
const CLOSE_GIVEN_UP = 4000;

/** The part of WebSocket that is used: tests put misbehaving ones in its place. */
export interface SocketLike {
  binaryType: string;
  readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type LineState = "connecting" | "open" | "dead";

export interface LineEvents {
  opened(line: Line): void;
  control(message: ServerMessage, line: Line): void;
  binary(frame: Uint8Array, line: Line): void;
  /** The host's own time, ms since 1970; `tookMs`: from asking to hearing it. */
  time?(hostTime: number, tookMs: number): void;
  /** Called once. `code` is the close code, or 0 if the host just fell silent. */
  died(line: Line, code: number): void;
}

const OPEN = 1;

export class Line {
  state: LineState = "connecting";
  openedAt = 0;
  /** The host's own hint, 0 to 1. */
  load = 0;
  /** The host asked us to move away, and it is time to. */
  leaving = false;
  private heardAt: number;
  private tickedAt: number;
  private readonly startedAt: number;

  constructor(
    readonly host: Host,
    private readonly socket: SocketLike,
    greeting: () => ClientMessage,
    private readonly events: LineEvents,
    private readonly now: () => number,
  ) {
    this.startedAt = this.heardAt = this.tickedAt = now();
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.send(greeting());
    socket.onmessage = (event) => this.received(event.data);
    socket.onclose = (event) => this.die(event.code);
    socket.onerror = () => this.die(0);
  }

  send(message: ClientMessage): void {
    this.transmit(JSON.stringify(message));
  }

  sendBinary(frame: Uint8Array): void {
    this.transmit(frame as Uint8Array<ArrayBuffer>);
  }

  /** Pings, and notices silence. Called each second. */
  tick(): void {
    const now = this.now();
    if (now - this.tickedAt > ASLEEP_MS) {
      this.heardAt = Math.max(this.heardAt, now - SILENCE_MS + WAKING_GRACE_MS);
    }
    this.tickedAt = now;
    if (this.state === "open") {
      if (now - this.heardAt > SILENCE_MS) return this.close(CLOSE_GIVEN_UP, "silent");
      this.send({ type: "ping", t: now });
    } else if (this.state === "connecting" && now - this.startedAt > WELCOME_MS) {
      this.close(CLOSE_GIVEN_UP, "no welcome");
    }
  }

  /** Ends the line at once: a socket into a black hole would take minutes to close by itself. */
  close(code = 1000, reason = ""): void {
    if (this.state === "dead") return;
    try {
      this.socket.close(code, reason);
    } catch {
      // It may still be connecting, or be broken already: dead is dead.
    }
    this.die(code === CLOSE_GIVEN_UP ? 0 : code);
  }

  private received(data: unknown): void {
    if (this.state === "dead") return;
    this.heardAt = this.now();
    if (data instanceof ArrayBuffer) {
      if (this.state === "open") this.events.binary(new Uint8Array(data), this);
      return;
    }
    const message = typeof data === "string" ? parseServerMessage(data) : null;
    if (!message) return;
    if (message.type === "pong" || message.type === "welcome") this.load = message.load;
    if (message.type === "pong") {
      if (message.now !== undefined) this.events.time?.(message.now, this.heardAt - message.t);
      return;
    }
    // A board without a pairing has no hello and no welcome: its first code is the welcome.
    if (message.type === "welcome" || message.type === "pair.code") this.open();
    this.events.control(message, this);
  }

  private open(): void {
    if (this.state !== "connecting") return;
    this.state = "open";
    this.openedAt = this.now();
    this.events.opened(this);
  }

  private transmit(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.socket.readyState !== OPEN) return;
    try {
      this.socket.send(data);
    } catch {
      this.close(CLOSE_GIVEN_UP, "send failed");
    }
  }

  private die(code: number): void {
    if (this.state === "dead") return;
    this.state = "dead";
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = this.socket.onerror = null;
    this.events.died(this, code);
  }
}
