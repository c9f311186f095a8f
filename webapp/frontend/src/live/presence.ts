/**
 * Who else has this session open, and what they do that nobody keeps: where teachers point, what boards would
 * like to have drawn. Yjs awareness: each page tells of itself only, and is forgotten when it falls silent.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { applyAwarenessUpdate, Awareness, removeAwarenessStates } from "y-protocols/awareness";
import type * as Y from "yjs";
import { setIfChanged } from "../core/signals";
import type { Page } from "./direct";
import * as frames from "./frames";
import type { Role } from "./protocol";
import { readPointer, type Pointer } from "./show";

/** A board says that it is there each so many ticks; a teacher each tick. */
const BOARD_TICKS = 5;
/** What moves (a pointer, a board's pen) is told this often; what shows it glides between. */
const MOVES_MS = 40;

/** Who a page is. */
export interface Self {
  role: Role;
  name: string;
  /** Which pairing a board belongs to. */
  pairing?: string;
}

/** What a page says of itself. */
export interface PageState extends Self {
  /** On which host its socket is. */
  host: string;
  /** Where a teacher points. */
  pointer?: Pointer;
  /** What a board would like to have drawn (ink/offers.ts). */
  ink?: unknown;
}

/** A board's wish to draw: by its pairing. */
export interface BoardOffer {
  board: string;
  ink: unknown;
}

export interface PresenceDependencies {
  /** The name of this page's host, "" without one. */
  host: () => string;
  /** Whether another page can be reached just now. */
  reaches: (client: number) => boolean;
  /** To all other pages. */
  send: (frame: Uint8Array) => void;
  now: () => number;
}

export class Presence {
  /** Who can be reached; without a host only those who are in touch directly. */
  readonly present: ReadonlySignal<PageState[]>;
  /** Where teachers point just now, this page's own pointer not among them. */
  readonly pointers: ReadonlySignal<Pointer[]>;
  /** What boards offer, for this page to write; empty if another page of the teacher does that. */
  readonly offers: ReadonlySignal<BoardOffer[]>;

  private readonly signals = {
    present: signal<PageState[]>([]),
    pointers: signal<Pointer[]>([]),
    offers: signal<BoardOffer[]>([]),
  };
  private readonly awareness: Awareness;
  private teacherHeardAt: number;
  private ticks = 0;
  private pointer: Pointer | null = null;
  private ink: unknown = null;
  private moving: ReturnType<typeof setTimeout> | undefined;

  constructor(
    doc: Y.Doc,
    private readonly self: Self,
    private readonly with_: PresenceDependencies,
  ) {
    ({ present: this.present, pointers: this.pointers, offers: this.offers } = this.signals);
    this.teacherHeardAt = with_.now();
    this.awareness = new Awareness(doc);
    this.awareness.on("update", this.updated);
  }

  /** What a new path is told first. */
  greeting(): Uint8Array {
    return frames.presence(this.awareness, [this.awareness.clientID]);
  }

  received(update: Uint8Array, path: unknown): void {
    applyAwarenessUpdate(this.awareness, update, path);
  }

  /** Points on the boards; null: no more. */
  point(pointer: Pointer | null): void {
    if (pointer === null && this.pointer === null) return;
    this.pointer = pointer;
    this.sayMoves();
  }

  /** Offers what this board draws; null: nothing any more. */
  offer(ink: unknown): void {
    if (ink === null && this.ink === null) return;
    this.ink = ink;
    this.sayMoves();
  }

  /** Tells all others of this page. */
  say(): void {
    const { pointer, ink } = this;
    const moves = { ...(pointer && { pointer }), ...(ink ? { ink } : {}) };
    const state: PageState = { ...this.self, host: this.with_.host(), ...moves };
    this.awareness.setLocalState({ ...state });
  }

  /** Each second. */
  tick(): void {
    this.ticks += 1;
    const turn = this.ticks % BOARD_TICKS === 0;
    if (this.self.role === "teacher" || turn || this.ink !== null) this.say();
  }

  /** Since when no teacher was heard, ms. */
  teacherSilence(): number {
    return this.with_.now() - this.teacherHeardAt;
  }

  /** Who is there, to be called directly. */
  pages(): Page[] {
    return this.others()
      .filter(([, { role }]) => role === "teacher" || role === "board")
      .map(([client, { role, pairing }]) => ({
        client,
        role: role as Role,
        pairing: String(pairing ?? ""),
      }));
  }

  /** To be called when others came into reach or went out of it. */
  review(): void {
    setIfChanged(
      this.signals.present,
      this.others()
        .filter(([client]) => this.with_.reaches(client))
        .map(([, { pointer: _, ink: __, ...state }]) => state as PageState),
    );
  }

  stop(): void {
    clearTimeout(this.moving);
    removeAwarenessStates(this.awareness, [this.awareness.clientID], "leaving");
  }

  private sayMoves(): void {
    this.moving ??= setTimeout(() => {
      this.moving = undefined;
      this.say();
    }, MOVES_MS);
  }

  private readonly updated = (
    change: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown,
  ): void => {
    const states = this.awareness.getStates() as Map<number, Partial<PageState>>;
    const heard = [...change.added, ...change.updated];
    if (heard.some((client) => states.get(client)?.role === "teacher")) {
      this.teacherHeardAt = this.with_.now();
    }
    const others = this.others();
    this.review();
    setIfChanged(this.signals.offers, this.readOffers(others));
    setIfChanged(this.signals.pointers, readPointers(others));
    if (origin === "local" || origin === "leaving") this.with_.send(this.greeting());
  };

  private others(): [number, Partial<PageState>][] {
    const states = this.awareness.getStates() as Map<number, Partial<PageState>>;
    return [...states].filter(([client]) => client !== this.awareness.clientID);
  }

  /** The first of the teacher's pages writes for the boards: two would write each stroke twice. */
  private readOffers(others: [number, Partial<PageState>][]): BoardOffer[] {
    if (this.self.role !== "teacher") return [];
    const teachers = others.filter(([, state]) => state.role === "teacher");
    if (teachers.some(([client]) => client < this.awareness.clientID)) return [];
    return others
      .filter(([, state]) => state.role === "board" && state.pairing && state.ink)
      .map(([, state]) => ({ board: String(state.pairing), ink: state.ink }));
  }
}

function readPointers(others: [number, Partial<PageState>][]): Pointer[] {
  return others
    .filter(([, state]) => state.role === "teacher")
    .map(([, state]) => readPointer(state.pointer))
    .filter((pointer) => pointer !== null);
}
