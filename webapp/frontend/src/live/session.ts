/**
 * A teaching session as this page sees it: the shared document, who is present, and the lines that
 * keep it in step with everybody else.
 *
 * Whatever happens to the lines, the document goes on here and is brought into step when one opens
 * again. It draws nothing and pairs nobody (pairing.ts does).
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import {
  applyAwarenessUpdate,
  Awareness,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import {
  messageYjsSyncStep1,
  readSyncMessage,
  writeSyncStep1,
  writeUpdate,
} from "y-protocols/sync";
import * as Y from "yjs";
import type { Host } from "../core/config";
import { rank } from "../core/rank";
import { Channel } from "./channel";
import { SharedClock } from "./clock";
import { Direct, makePeer, type Page } from "./direct";
import { keepDocument } from "./keep";
import { Line } from "./line";
import { Links, USUAL_BREADTH, type LinksDependencies } from "./links";
import { PROTOCOL_VERSION, type ClientMessage, type Role, type ServerMessage } from "./protocol";
import {
  readBlank,
  readBoardsDraw,
  readBoards,
  readLesson,
  readPlace,
  readPointer,
  readTimer,
  readZoom,
  type Blank,
  type PairedBoard,
  type Pointer,
  type ShownLesson,
  type Timer,
  type Zoom,
} from "./show";
import type { Place } from "../lesson/steps";

/** "direct": without any host, but in touch with a page of the other role over the local network. */
export type Connection = "online" | "direct" | "reconnecting" | "offline";

/** Where frames come from: a host's socket, or another page. */
type Path = Line | Channel;

/** Without any line for this long a page says offline instead of reconnecting. */
const OFFLINE_AFTER_MS = 10_000;
/** A board that hears nothing from its teacher for this long looks on one more host. */
const TEACHER_MISSED_MS = 2_500;
/** …and stops looking after this long: then the teacher has gone home. */
const TEACHER_GONE_MS = 60_000;
/** A board says that it is there each so many ticks; a teacher each tick. */
const BOARD_PRESENCE_TICKS = 5;
/** What moves (a pointer, a board's pen) is told this often; what shows it glides between. */
const MOVES_MS = 40;

const SYNC = 0;
const AWARENESS = 1;

export interface Presence {
  role: Role;
  name: string;
  host: string;
  /** Which pairing a board belongs to. */
  pairing?: string;
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

export interface SessionOptions {
  session: string;
  role: Role;
  token: () => string;
  name: string;
  pairing?: string;
  hosts: readonly Host[];
  onControl?: (message: ServerMessage, line: Line) => void;
  onRefused?: (code: number) => void;
  dependencies?: LinksDependencies;
  makePeer?: () => RTCPeerConnection | null;
}

export class LiveSession {
  readonly doc = new Y.Doc();
  readonly awareness = new Awareness(this.doc);
  readonly links: Links;
  readonly place: ReadonlySignal<Place>;
  readonly blank: ReadonlySignal<Blank>;
  readonly lesson: ReadonlySignal<ShownLesson | null>;
  readonly timer: ReadonlySignal<Timer | null>;
  readonly zoom: ReadonlySignal<Zoom | null>;
  /** Where teachers point just now, this page's own pointer not among them. */
  readonly pointers: ReadonlySignal<Pointer[]>;
  readonly boardsDraw: ReadonlySignal<boolean>;
  /** What boards offer, for this page to write; empty if another page of the teacher does that. */
  readonly offers: ReadonlySignal<BoardOffer[]>;
  readonly boards: ReadonlySignal<PairedBoard[]>;
  /** Who else is there; without a host only those who are in touch directly. */
  readonly present: ReadonlySignal<Presence[]>;
  readonly connection: ReadonlySignal<Connection>;
  /** How many other pages would be in touch without any host. */
  readonly directCount: ReadonlySignal<number>;
  /** Resolves when what this device has kept is in the document. */
  readonly loaded: Promise<void>;
  readonly clock = new SharedClock();
  /** Resolves when a server's copy was merged for the first time. */
  readonly synced: Promise<void>;

  private readonly signals = {
    place: signal<Place>({ slide: 0, step: 0 }),
    blank: signal<Blank>(""),
    lesson: signal<ShownLesson | null>(null),
    timer: signal<Timer | null>(null),
    zoom: signal<Zoom | null>(null),
    pointers: signal<Pointer[]>([]),
    boardsDraw: signal(false),
    offers: signal<BoardOffer[]>([]),
    boards: signal<PairedBoard[]>([]),
    present: signal<Presence[]>([]),
    connection: signal<Connection>("reconnecting"),
    directCount: signal(0),
  };
  private readonly direct: Direct;
  private stopped = false;
  private markSynced: () => void = () => undefined;
  private aloneSince: number;
  private teacherHeardAt: number;
  private ticks = 0;
  private pointer: Pointer | null = null;
  private ink: unknown = null;
  private moving: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: SessionOptions) {
    this.place = this.signals.place;
    this.blank = this.signals.blank;
    this.lesson = this.signals.lesson;
    this.timer = this.signals.timer;
    this.zoom = this.signals.zoom;
    this.pointers = this.signals.pointers;
    this.boardsDraw = this.signals.boardsDraw;
    this.offers = this.signals.offers;
    this.boards = this.signals.boards;
    this.present = this.signals.present;
    this.connection = this.signals.connection;
    this.directCount = this.signals.directCount;
    this.synced = new Promise((resolve) => (this.markSynced = resolve));
    this.aloneSince = this.teacherHeardAt = this.now();
    this.loaded = keepDocument(this.doc, options.session, options.role);
    this.direct = this.makeDirect();
    this.links = new Links(
      rank(options.hosts, options.session),
      (standby) => this.hello(standby),
      {
        opened: (line) => this.greet(line),
        binary: (frame, line) => this.received(frame, line),
        control: (message, line) => this.control(message, line),
        time: (hostTime, tookMs) => this.clock.told(hostTime, tookMs),
        changed: () => this.reviewConnection(),
        refused: (code) => options.onRefused?.(code),
        tick: () => this.tick(),
      },
      ...(options.dependencies ? [options.dependencies] : []),
    );
    this.doc.on("update", this.updated);
    this.awareness.on("update", this.awarenessUpdated);
    this.sayPresence();
    this.readDocument();
  }

  start(): void {
    // What is kept comes first, so that hosts are asked only for what is missing.
    void this.loaded.then(() => {
      if (!this.stopped) this.links.start();
    });
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
  }

  stop(): void {
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.stopped = true;
    clearTimeout(this.moving);
    removeAwarenessStates(this.awareness, [this.doc.clientID], "leaving");
    this.links.stop();
    this.direct.stop();
    this.awareness.destroy();
    this.doc.destroy();
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

  private sayMoves(): void {
    this.moving ??= setTimeout(() => {
      this.moving = undefined;
      this.sayPresence();
    }, MOVES_MS);
  }

  private readonly hurry = (): void => {
    if (document.hidden) return;
    this.direct.hurry();
    this.links.hurry();
  };

  private makeDirect(): Direct {
    const { role, dependencies, makePeer: peer = makePeer } = this.options;
    return new Direct(
      this.doc.clientID,
      role,
      {
        opened: (channel) => this.greet(channel),
        binary: (frame, channel) => this.received(frame, channel),
        changed: () => {
          setIfChanged(this.signals.directCount, this.direct.count);
          this.reviewConnection();
        },
        signal: (message) => this.links.send(message),
      },
      {
        makePeer: peer,
        now: () => this.now(),
        random: dependencies?.random ?? Math.random,
      },
    );
  }

  private control(message: ServerMessage, line: Line): void {
    if (message.type === "signal") return this.direct.signalled(message);
    // A host of an older release takes signals for rubbish; the fifth would close the socket.
    if (message.type === "error" && message.code === "bad_frame") this.direct.mute();
    this.options.onControl?.(message, line);
  }

  private hello(standby: boolean): ClientMessage {
    const hello: ClientMessage = {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      token: this.options.token(),
    };
    return standby ? { ...hello, standby: true } : hello;
  }

  /** Each new path gets our state vector (what we lack comes back) and our presence. */
  private greet(path: Path): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, SYNC);
    writeSyncStep1(encoder, this.doc);
    path.sendBinary(encoding.toUint8Array(encoder));
    path.sendBinary(this.presenceFrame([this.doc.clientID]));
  }

  private received(frame: Uint8Array, path: Path): void {
    try {
      const decoder = decoding.createDecoder(frame);
      const kind = decoding.readVarUint(decoder);
      if (kind === SYNC) this.receivedSync(decoder, path);
      if (kind === AWARENESS) {
        applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), path);
      }
    } catch (error) {
      // One frame that cannot be read must not end the lesson; the next sync repairs what it was.
      console.warn("a frame could not be read", error);
    }
  }

  private receivedSync(decoder: decoding.Decoder, path: Path): void {
    const isQuestion = decoding.peekVarUint(decoder) === messageYjsSyncStep1;
    // Boards can't write, whatever they say, and no host stands between to refuse it here.
    if (!isQuestion && path instanceof Channel && path.role !== "teacher") return;
    const reply = encoding.createEncoder();
    encoding.writeVarUint(reply, SYNC);
    readSyncMessage(decoder, reply, this.doc, path);
    if (!isQuestion && path instanceof Line) this.markSynced();
    // A board has nothing of its own to give: what it would send is refused as read_only.
    if (isQuestion && this.options.role === "teacher") path.sendBinary(encoding.toUint8Array(reply));
  }

  /** What is new here goes out on every path but that by which it came; hosts pass it among themselves. */
  private readonly updated = (update: Uint8Array, origin: unknown): void => {
    this.readDocument();
    if (this.options.role !== "teacher") return;
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, SYNC);
    writeUpdate(encoder, update);
    const frame = encoding.toUint8Array(encoder);
    if (!(origin instanceof Line)) this.links.broadcast(frame);
    this.direct.broadcast(frame, origin);
  };

  private readDocument(): void {
    const { place, blank, lesson, timer, zoom, boards, boardsDraw } = this.signals;
    setIfChanged(place, readPlace(this.doc));
    setIfChanged(blank, readBlank(this.doc));
    setIfChanged(lesson, readLesson(this.doc));
    setIfChanged(timer, readTimer(this.doc));
    setIfChanged(zoom, readZoom(this.doc));
    setIfChanged(boards, readBoards(this.doc));
    setIfChanged(boardsDraw, readBoardsDraw(this.doc));
  }

  private presence(): Presence {
    const presence: Presence = {
      role: this.options.role,
      name: this.options.name,
      host: this.links.primary?.host.name ?? "",
    };
    if (this.options.pairing) presence.pairing = this.options.pairing;
    if (this.pointer) presence.pointer = this.pointer;
    if (this.ink) presence.ink = this.ink;
    return presence;
  }

  private sayPresence(): void {
    this.awareness.setLocalState({ ...this.presence() });
  }

  private presenceFrame(clients: number[]): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, AWARENESS);
    encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(this.awareness, clients));
    return encoding.toUint8Array(encoder);
  }

  private readonly awarenessUpdated = (
    change: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown,
  ): void => {
    const states = this.awareness.getStates() as Map<number, Partial<Presence>>;
    const heard = [...change.added, ...change.updated];
    if (heard.some((client) => states.get(client)?.role === "teacher")) {
      this.teacherHeardAt = this.now();
    }
    const others = this.others();
    this.readPresent();
    setIfChanged(this.signals.offers, this.readOffers(others));
    setIfChanged(
      this.signals.pointers,
      others
        .filter(([, state]) => state.role === "teacher")
        .map(([, state]) => readPointer(state.pointer))
        .filter((pointer) => pointer !== null),
    );
    if (origin === "local" || origin === "leaving") {
      const frame = this.presenceFrame([this.doc.clientID]);
      this.links.broadcast(frame);
      this.direct.broadcast(frame);
    }
  };

  /** All other pages' awareness. */
  private others(): [number, Partial<Presence>][] {
    const states = this.awareness.getStates() as Map<number, Partial<Presence>>;
    return [...states].filter(([client]) => client !== this.doc.clientID);
  }

  private readPresent(): void {
    const hosts = this.links.primary !== null;
    setIfChanged(
      this.signals.present,
      this.others()
        .filter(([client]) => hosts || this.direct.reaches(client))
        .map(([, { pointer: _, ink: __, ...state }]) => state as Presence),
    );
  }

  /** The first of the teacher's pages writes for the boards: two would write each stroke twice. */
  private readOffers(others: [number, Partial<Presence>][]): BoardOffer[] {
    if (this.options.role !== "teacher") return [];
    const teachers = others.filter(([, state]) => state.role === "teacher");
    if (teachers.some(([client]) => client < this.doc.clientID)) return [];
    return others
      .filter(([, state]) => state.role === "board" && state.pairing && state.ink)
      .map(([, state]) => ({ board: String(state.pairing), ink: state.ink }));
  }

  private tick(): void {
    this.ticks += 1;
    const offering = this.ink !== null;
    const turn = this.ticks % BOARD_PRESENCE_TICKS === 0;
    if (this.options.role === "teacher" || turn || offering) {
      this.sayPresence();
    }
    this.missTeacher();
    this.tickDirect();
    this.reviewConnection();
  }

  private tickDirect(): void {
    const pages: Page[] = this.others()
      .filter(([, { role }]) => role === "teacher" || role === "board")
      .map(([client, { role, pairing }]) => ({
        client,
        role: role as Role,
        pairing: String(pairing ?? ""),
      }));
    const revoked = this.boards.peek().filter((board) => board.revoked);
    const gone = new Set(revoked.map((board) => board.pairing));
    this.direct.tick(pages, gone, this.links.primary !== null);
  }

  /** Heals a cut between two hosts that both still answer: look for the teacher elsewhere. */
  private missTeacher(): void {
    if (this.options.role !== "board") return;
    const silence = this.now() - this.teacherHeardAt;
    const missed = silence > TEACHER_MISSED_MS && silence < TEACHER_GONE_MS;
    const more = missed ? Math.floor(silence / TEACHER_MISSED_MS) : 0;
    this.links.setBreadth(USUAL_BREADTH + more);
  }

  private reviewConnection(): void {
    if (this.links.primary) {
      this.aloneSince = this.now();
      setIfChanged(this.signals.connection, "online");
    } else if (this.direct.reachesRole(this.options.role === "teacher" ? "board" : "teacher")) {
      this.aloneSince = this.now();
      setIfChanged(this.signals.connection, "direct");
    } else {
      const alone = this.now() - this.aloneSince;
      const offline = alone > OFFLINE_AFTER_MS || navigator.onLine === false;
      setIfChanged(this.signals.connection, offline ? "offline" : "reconnecting");
    }
    this.readPresent();
  }

  private now(): number {
    return this.options.dependencies?.now() ?? performance.now();
  }
}

/** Signals compare by identity; equal values must not redraw the page each second. */
function setIfChanged<T>(target: { value: T; peek(): T }, value: T): void {
  if (JSON.stringify(target.peek()) !== JSON.stringify(value)) target.value = value;
}
