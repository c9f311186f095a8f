/**
 * A teaching session as this page sees it: the shared document, who is present, and the lines that
 * keep it in step with everybody else.
 *
 * Whatever happens to the lines, the document goes on here and is brought into step when one opens
 * again. It draws nothing and pairs nobody (pairing.ts does).
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import * as Y from "yjs";
import type { Host } from "../core/config";
import { rank } from "../core/rank";
import { setIfChanged } from "../core/signals";
import { Channel } from "./channel";
import { SharedClock } from "./clock";
import { Direct, makePeer } from "./direct";
import * as frames from "./frames";
import { keepDocument } from "./keep";
import { Line } from "./line";
import { Links, USUAL_BREADTH, type LinksDependencies } from "./links";
import { Presence, type Self } from "./presence";
import { PROTOCOL_VERSION, type ClientMessage, type ServerMessage } from "./protocol";
import { Shown } from "./shown";

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
export interface SessionOptions extends Self {
  session: string;
  token: () => string;
  hosts: readonly Host[];
  onControl?: (message: ServerMessage, line: Line) => void;
  onRefused?: (code: number) => void;
  dependencies?: LinksDependencies;
  makePeer?: () => RTCPeerConnection | null;
}

export class LiveSession {
  readonly doc = new Y.Doc();
  readonly shown = new Shown(this.doc);
  readonly presence: Presence;
  readonly links: Links;
  readonly clock = new SharedClock();
  readonly connection: ReadonlySignal<Connection>;
  /** How many other pages would be in touch without any host. */
  readonly directCount: ReadonlySignal<number>;
  /** Resolves when what this device has kept is in the document. */
  readonly loaded: Promise<void>;
  /** Resolves when a server's copy was merged for the first time. */
  readonly synced: Promise<void>;

  private readonly signals = {
    connection: signal<Connection>("reconnecting"),
    directCount: signal(0),
  };
  private readonly direct: Direct;
  private stopped = false;
  private markSynced: () => void = () => undefined;
  private aloneSince: number;

  constructor(private readonly options: SessionOptions) {
    const { session, role, hosts, dependencies } = options;
    this.connection = this.signals.connection;
    this.directCount = this.signals.directCount;
    this.synced = new Promise((resolve) => (this.markSynced = resolve));
    this.aloneSince = this.now();
    this.loaded = keepDocument(this.doc, session, role);
    this.direct = this.makeDirect();
    this.links = new Links(
      rank(hosts, session),
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
      ...(dependencies ? [dependencies] : []),
    );
    this.presence = this.makePresence();
    this.presence.say();
    this.doc.on("update", this.updated);
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
    this.presence.stop();
    this.links.stop();
    this.direct.stop();
    this.doc.destroy();
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

  private makePresence(): Presence {
    const { role, name, pairing } = this.options;
    return new Presence(
      this.doc,
      { role, name, ...(pairing ? { pairing } : {}) },
      {
        host: () => this.links.primary?.host.name ?? "",
        reaches: (client) => this.links.primary !== null || this.direct.reaches(client),
        send: (frame) => {
          this.links.broadcast(frame);
          this.direct.broadcast(frame);
        },
        now: () => this.now(),
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
    path.sendBinary(frames.question(this.doc));
    path.sendBinary(this.presence.greeting());
  }

  private received(bytes: Uint8Array, path: Path): void {
    try {
      const frame = frames.parse(bytes);
      if (frame?.kind === "presence") this.presence.received(frame.update, path);
      if (frame?.kind === "changes") this.merge(frame.update, path);
      // A board has nothing of its own to give: what it would send is refused as read_only.
      if (frame?.kind === "question" && this.options.role === "teacher") {
        path.sendBinary(frames.answer(this.doc, frame.vector));
      }
    } catch (error) {
      // One frame that cannot be read must not end the lesson; the next sync repairs what it was.
      console.warn("a frame could not be read", error);
    }
  }

  private merge(update: Uint8Array, path: Path): void {
    // Boards can't write, whatever they say, and no host stands between to refuse it here.
    if (path instanceof Channel && path.role !== "teacher") return;
    Y.applyUpdate(this.doc, update, path);
    if (path instanceof Line) this.markSynced();
  }

  /** What is new here goes out on every path but that by which it came; hosts pass it among themselves. */
  private readonly updated = (update: Uint8Array, origin: unknown): void => {
    if (this.options.role !== "teacher") return;
    const frame = frames.changes(update);
    if (!(origin instanceof Line)) this.links.broadcast(frame);
    this.direct.broadcast(frame, origin);
  };

  private tick(): void {
    this.presence.tick();
    this.missTeacher();
    this.tickDirect();
    this.reviewConnection();
  }

  private tickDirect(): void {
    const revoked = this.shown.boards.peek().filter((board) => board.revoked);
    const gone = new Set(revoked.map((board) => board.pairing));
    this.direct.tick(this.presence.pages(), gone, this.links.primary !== null);
  }

  /** Heals a cut between two hosts that both still answer: look for the teacher elsewhere. */
  private missTeacher(): void {
    if (this.options.role !== "board") return;
    const silence = this.presence.teacherSilence();
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
    this.presence.review();
  }

  private now(): number {
    return this.options.dependencies?.now() ?? performance.now();
  }
}
