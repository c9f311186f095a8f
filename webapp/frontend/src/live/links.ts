/**
 * The sockets of a page: the primary and its hot standby, kept up over all that happens to hosts.
 *
 * What to connect is decided by plan.ts, a socket's own life by line.ts; this is the shell that
 * carries it out. Frames go out on every open line: Yjs updates commute and may arrive twice, so an
 * update sent in the very moment of a host's death is not lost.
 */
import type { Host } from "../core/config";
import { backoffMs, standInMs } from "./backoff";
import { Line, type SocketLike } from "./line";
import { plan, type Candidate } from "./plan";
import { CLOSE, type ClientMessage, type ServerMessage } from "./protocol";
import { startTicking } from "./ticker";

/** Open this long, a line's earlier failures are forgotten. */
const TRUSTED_MS = 10_000;
/** A host that refused our frame or is draining is left alone this long, as long as another one serves us. */
const UNWELCOME_MS = 5_000;
/** Of the time that a draining host gives us, this share is used: what is left is for connecting. */
const MOVING_SHARE = 0.8;
/** After the network came back, hosts are tried within this, spread at random. */
const PROMPT_RETRY_MS = 300;

/** A primary and its hot standby. */
export const USUAL_BREADTH = 2;

export interface LinksDependencies {
  makeSocket: (url: string) => SocketLike;
  now: () => number;
  random: () => number;
  later: (action: () => void, delayMs: number) => ReturnType<typeof setTimeout>;
  startTicking: (tick: () => void) => () => void;
}

export interface LinksEvents {
  opened?(line: Line): void;
  control?(message: ServerMessage, line: Line): void;
  binary?(frame: Uint8Array, line: Line): void;
  time?(hostTime: number, tookMs: number): void;
  /** The number of open lines or the primary changed. */
  changed?(): void;
  /** 4401, 4403: no line will be made again until somebody calls restart(). */
  refused?(code: number): void;
  tick?(): void;
}

interface Slot {
  host: Host;
  line: Line | null;
  failures: number;
  restUntil: number;
  /** As long as another host serves us, not before this either. */
  patientUntil: number;
  load: number;
}

export class Links {
  private readonly slots: Slot[];
  private stopTicking: () => void = () => undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private breadth: number;
  private current: Line | null = null;
  /** No new line before this, to whatever host: while one serves us, and while none does. */
  private standInAt = { served: 0, unserved: 0 };

  constructor(
    ranked: readonly Host[],
    private readonly greeting: (standby: boolean) => ClientMessage,
    private readonly events: LinksEvents,
    private readonly with_: LinksDependencies = browserDependencies(),
    breadth = USUAL_BREADTH,
    private readonly stay = false,
  ) {
    this.breadth = breadth;
    this.slots = ranked.map((host) => ({ host, line: null, failures: 0, restUntil: 0, patientUntil: 0, load: 0 }));
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.stopTicking = this.with_.startTicking(() => this.tick());
    this.review();
  }

  stop(): void {
    this.running = false;
    this.stopTicking();
    clearTimeout(this.retry);
    for (const slot of this.slots) slot.line?.close();
  }

  /** Goes on after a refusal, for instance with a fresh token. */
  restart(): void {
    this.stop();
    for (const slot of this.slots) slot.restUntil = slot.patientUntil = slot.failures = 0;
    this.standInAt = { served: 0, unserved: 0 };
    this.start();
  }

  get open(): Line[] {
    return this.slots.flatMap(({ line }) => (line?.state === "open" ? [line] : []));
  }

  get primary(): Line | null {
    return this.current;
  }

  get hostCount(): number {
    return this.slots.length;
  }

  /** To how many hosts at once: 2 usually, more while somebody is missed. */
  setBreadth(breadth: number): void {
    const bounded = Math.min(breadth, this.slots.length);
    if (bounded === this.breadth) return;
    // What is missed is often missed by all pages at once.
    if (bounded > this.breadth) this.spread(false);
    this.breadth = bounded;
    this.review();
  }

  /** On one line: `preferred` if it still lives, else the primary. Returns whether it could. */
  send(message: ClientMessage, preferred: Line | null = null): boolean {
    const line = preferred?.state === "open" ? preferred : this.primary;
    line?.send(message);
    return line !== null;
  }

  broadcast(frame: Uint8Array): void {
    for (const line of this.open) line.sendBinary(frame);
  }

  /** The network is back or the page was woken: do not sit out the waits. */
  hurry(): void {
    const now = this.with_.now();
    for (const slot of this.slots) {
      if (!slot.line)
        slot.restUntil = Math.min(slot.restUntil, now + this.with_.random() * PROMPT_RETRY_MS);
    }
    this.standInAt = { served: 0, unserved: 0 };
    this.review();
  }

  private tick(): void {
    for (const { line } of this.slots) line?.tick();
    this.events.tick?.();
    this.review();
  }

  private review(): void {
    if (!this.running) return;
    const now = this.with_.now();
    const decided = plan(this.slots.map(this.candidate), this.breadth, now, this.stay);
    for (const index of decided.connect) this.connect(index);
    for (const index of decided.close) this.slots[index]?.line?.close();
    this.choosePrimary();
    this.scheduleReview(now);
  }

  private choosePrimary(): void {
    const { primary } = plan(this.slots.map(this.candidate), this.breadth, this.with_.now(), this.stay);
    const line = primary === null ? null : (this.slots[primary]?.line ?? null);
    if (line === this.current) return;
    this.current = line;
    this.events.changed?.();
  }

  private scheduleReview(now: number): void {
    clearTimeout(this.retry);
    const due = this.slots
      .filter((slot) => !slot.line)
      .map((slot) => this.candidate(slot).restUntil)
      .filter((at) => at > now);
    if (due.length > 0)
      this.retry = this.with_.later(() => this.review(), Math.min(...due) - now + 1);
  }

  private connect(index: number): void {
    const slot = this.slots[index];
    if (!slot || slot.line) return;
    let socket: SocketLike;
    try {
      socket = this.with_.makeSocket(slot.host.realtime);
    } catch {
      return this.rest(slot);
    }
    slot.line = new Line(
      slot.host,
      socket,
      () => this.greeting(index > 0),
      this.lineEvents(slot),
      this.with_.now,
    );
  }

  private lineEvents(slot: Slot) {
    return {
      opened: (line: Line): void => {
        this.events.opened?.(line);
        this.review();
        this.events.changed?.();
      },
      control: (message: ServerMessage, line: Line): void => {
        if (message.type === "move") this.leave(line, message.within_seconds, message.hosts);
        this.events.control?.(message, line);
      },
      binary: (frame: Uint8Array, line: Line): void => this.events.binary?.(frame, line),
      time: (hostTime: number, tookMs: number): void => this.events.time?.(hostTime, tookMs),
      died: (line: Line, code: number): void => this.died(slot, line, code),
    };
  }

  private died(slot: Slot, line: Line, code: number): void {
    slot.line = null;
    slot.load = line.load;
    if (!this.running) return;
    if (code === CLOSE.badToken || code === CLOSE.revoked) {
      this.stop();
      this.choosePrimary();
      this.events.refused?.(code);
      return;
    }
    const openMs = line.openedAt > 0 ? this.with_.now() - line.openedAt : 0;
    const trusted = openMs >= TRUSTED_MS || (line.leaving && openMs > 0);
    slot.failures = trusted ? 1 : slot.failures + 1;
    this.spread();
    this.rest(slot);
    if (code === CLOSE.restart || code === CLOSE.badFrame || line.leaving) this.leaveAlone(slot);
    this.events.changed?.();
    this.review();
  }

  /** Thousands of pages lose a host in the same instant: they come to the next one at random. */
  private spread(calmly = true): void {
    const load = Math.max(...this.slots.map((slot) => slot.line?.load ?? slot.load));
    const [now, random] = [this.with_.now(), this.with_.random];
    this.standInAt = {
      served: now + standInMs(calmly, load, random),
      unserved: now + standInMs(false, load, random),
    };
  }

  private get served(): boolean {
    return this.open.some((line) => !line.leaving);
  }

  private readonly candidate = (slot: Slot): Candidate => ({
    state: slot.line?.state ?? "none",
    openedAt: slot.line?.openedAt ?? 0,
    restUntil: this.served
      ? Math.max(slot.restUntil, slot.patientUntil, this.standInAt.served)
      : Math.max(slot.restUntil, this.standInAt.unserved),
    leaving: slot.line?.leaving ?? false,
  });

  private leaveAlone(slot: Slot): void {
    slot.patientUntil = Math.max(slot.patientUntil, this.with_.now() + UNWELCOME_MS);
  }

  private rest(slot: Slot): void {
    const wait = backoffMs(slot.failures, slot.load, this.with_.random);
    slot.restUntil = this.with_.now() + wait;
    // Only after another one could take its place, lest it be the first to be tried.
    slot.patientUntil = this.standInAt.served + wait;
  }

  /** At a random moment, so that not all pages come to the next host at once; that one is connected first. */
  private leave(line: Line, withinSeconds: number, elsewhere: unknown): void {
    for (const slot of this.slots) {
      const full = Array.isArray(elsewhere) && !elsewhere.includes(slot.host.name);
      if (full && !slot.line) this.leaveAlone(slot);
    }
    const move = (): void => {
      line.leaving = true;
      this.review();
    };
    this.with_.later(move, this.with_.random() * withinSeconds * 1_000 * MOVING_SHARE);
  }
}

function browserDependencies(): LinksDependencies {
  return {
    makeSocket: (url) => new WebSocket(url) as SocketLike,
    now: () => performance.now(),
    random: Math.random,
    later: (action, delayMs) => setTimeout(action, delayMs),
    startTicking,
  };
}
