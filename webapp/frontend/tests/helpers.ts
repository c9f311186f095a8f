/** Fakes of the world outside: clocks, sockets that misbehave, a storage, a small relay server. */
import { vi } from "vitest";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { readSyncMessage, writeSyncStep1 } from "y-protocols/sync";
import * as Y from "yjs";
import type { Host } from "../src/core/config";
import type { SocketLike } from "../src/live/line";
import type { LinksDependencies } from "../src/live/links";

export function makeHosts(count: number): Host[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `host${index + 1}`,
    api: `http://host${index + 1}.test`,
    realtime: `ws://host${index + 1}.test/rt/v1/socket`,
  }));
}

/** Time that passes only when told to, in order, timers included. */
export class FakeTime {
  now = 1_000_000;
  private timers: { at: number; action: () => void; every: number }[] = [];

  later = (action: () => void, delayMs: number): ReturnType<typeof setTimeout> => {
    this.timers.push({ at: this.now + delayMs, action, every: 0 });
    return this.timers.at(-1) as unknown as ReturnType<typeof setTimeout>;
  };

  startTicking = (tick: () => void): (() => void) => {
    const timer = { at: this.now + 1_000, action: tick, every: 1_000 };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };

  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.now = Math.max(this.now, due.at);
      if (due.every > 0) due.at += due.every;
      else this.timers = this.timers.filter((timer) => timer !== due);
      due.action();
    }
    this.now = end;
  }
}

/** A socket whose other end the test plays. */
export class FakeSocket implements SocketLike {
  binaryType = "";
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  sentText: Record<string, unknown>[] = [];
  sentBinary: Uint8Array[] = [];
  closedWith: number | null = null;
  onSent: (data: string | Uint8Array) => void = () => undefined;

  constructor(readonly url: string) {}

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (typeof data === "string") this.sentText.push(JSON.parse(data));
    else this.sentBinary.push(data);
    this.onSent(data);
  }

  close(code = 1000): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
  }

  say(message: Record<string, unknown>): void {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  sayBinary(frame: Uint8Array): void {
    const data = frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength);
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  welcome(load = 0): void {
    this.open();
    this.say({
      type: "welcome",
      protocol: 1,
      node: 1,
      host: "h",
      session: "s",
      role: "teacher",
      load,
    });
  }

  die(code = 1006): void {
    this.readyState = 3;
    this.onclose?.(new CloseEvent("close", { code }));
  }
}

/** Sockets per host, newest last; each test decides how they behave. */
export class FakeNet {
  readonly time = new FakeTime();
  readonly sockets: FakeSocket[] = [];
  onSocket: (socket: FakeSocket) => void = () => undefined;

  dependencies: LinksDependencies = {
    makeSocket: (url) => {
      const socket = new FakeSocket(url);
      this.sockets.push(socket);
      this.onSocket(socket);
      return socket;
    },
    now: () => this.time.now,
    random: () => 0.5,
    later: this.time.later,
    startTicking: this.time.startTicking,
  };

  to(host: Host): FakeSocket[] {
    return this.sockets.filter((socket) => socket.url === host.realtime);
  }

  last(host: Host): FakeSocket {
    const socket = this.to(host).at(-1);
    if (!socket) throw new Error(`no socket to ${host.name}`);
    return socket;
  }
}

/** Hosts that relay one document, as the real ones do: each may be dead, silent or cut off. */
export class FakeRelay {
  readonly doc = new Y.Doc();
  readonly dead = new Set<string>();
  readonly silent = new Set<string>();
  private readonly open = new Set<FakeSocket>();
  /** Role and pairing by the token, "board/p1" for instance, as a host reads them. */
  private readonly tokens = new Map<FakeSocket, string>();

  serve(net: FakeNet): void {
    net.onSocket = (socket) => {
      const host = new URL(socket.url).hostname.split(".")[0] ?? "";
      queueMicrotask(() => {
        if (this.dead.has(host)) return socket.die();
        this.open.add(socket);
        socket.onSent = (data) => {
          if (!this.silent.has(host) && !this.dead.has(host)) this.received(socket, data);
        };
        socket.open();
      });
    };
  }

  kill(host: string): void {
    this.dead.add(host);
    for (const socket of this.open) {
      if (!socket.url.includes(`//${host}.`)) continue;
      this.open.delete(socket);
      socket.die();
    }
  }

  private received(socket: FakeSocket, data: string | Uint8Array): void {
    if (typeof data === "string") return this.control(socket, JSON.parse(data));
    if (data[0] === 0) {
      const decoder = decoding.createDecoder(data.slice(1));
      const reply = encoding.createEncoder();
      encoding.writeVarUint(reply, 0);
      readSyncMessage(decoder, reply, this.doc, socket);
      if (encoding.length(reply) > 1) socket.sayBinary(encoding.toUint8Array(reply));
    }
    for (const other of this.open) {
      if (other !== socket && other.readyState === 1 && (data[0] === 1 || data[1] === 2)) {
        other.sayBinary(data);
      }
    }
  }

  private control(
    socket: FakeSocket,
    message: { type: string; t?: number; token?: string },
  ): void {
    if (message.token) this.tokens.set(socket, message.token);
    if (message.type === "signal") this.signal(socket, message);
    if (message.type === "ping") socket.say({ type: "pong", t: message.t, load: 0 });
    if (message.type !== "hello") return;
    socket.say({
      type: "welcome",
      protocol: 1,
      node: 1,
      host: "h",
      session: "s",
      role: "teacher",
      load: 0,
    });
    const step1 = encoding.createEncoder();
    encoding.writeVarUint(step1, 0);
    writeSyncStep1(step1, this.doc);
    socket.sayBinary(encoding.toUint8Array(step1));
  }

  private signal(from: FakeSocket, message: { type: string }): void {
    const [role = "", pairing] = (this.tokens.get(from) ?? "").split("/");
    for (const other of this.open) {
      const teachers = this.tokens.get(other)?.startsWith("teacher");
      if (other === from || (role === "board" && !teachers)) continue;
      other.say({ ...message, role, ...(pairing ? { pairing } : {}) });
    }
  }
}

/** One end of a data channel. */
class FakeDataChannel {
  binaryType = "";
  bufferedAmount = 0;
  readyState = "connecting";
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  other: FakeDataChannel | null = null;

  constructor(private readonly lan: FakeLan) {}

  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }

  send(data: string | Uint8Array): void {
    if (this.lan.isCut) return;
    this.lan.sent.push(data);
    const message = typeof data === "string" ? data : data.slice().buffer;
    this.other?.onmessage?.({ data: message });
  }
}

/** As much of RTCPeerConnection as is used. Its description is its number. */
export class FakePeer {
  readonly number: number;
  connectionState = "new";
  iceGatheringState = "complete";
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  onicegatheringstatechange: (() => void) | null = null;
  ondatachannel: ((event: { channel: FakeDataChannel }) => void) | null = null;
  channel: FakeDataChannel | null = null;
  private remote: FakePeer | null = null;

  constructor(private readonly lan: FakeLan) {
    this.number = lan.peers.push(this) - 1;
  }

  createDataChannel(): FakeDataChannel {
    return (this.channel = new FakeDataChannel(this.lan));
  }

  async setLocalDescription(): Promise<void> {
    this.localDescription = { sdp: `v=0 ${this.number}` };
  }

  async setRemoteDescription({ type, sdp }: { type: string; sdp: string }): Promise<void> {
    const remote = this.lan.peers[Number(sdp.split(" ")[1])];
    if (!remote) throw new Error("no such description");
    this.remote = remote;
    if (type === "answer" && !this.lan.isCut) this.connect(remote);
  }

  private connect(remote: FakePeer): void {
    if (!this.channel) return;
    remote.channel = new FakeDataChannel(this.lan);
    [remote.channel.other, this.channel.other] = [this.channel, remote.channel];
    remote.ondatachannel?.({ channel: remote.channel });
    for (const end of [remote.channel, this.channel]) end.open();
  }

  /** The browser gives the connection up. */
  fail(): void {
    this.connectionState = "failed";
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.connectionState = "closed";
    const other = this.remote?.channel;
    if (other && !this.lan.isCut) queueMicrotask(() => other.onclose?.());
  }
}

/** A school's network: pages reach one another directly unless it is cut. */
export class FakeLan {
  isCut = false;
  readonly peers: FakePeer[] = [];
  readonly sent: (string | Uint8Array)[] = [];

  makePeer = (): RTCPeerConnection => new FakePeer(this) as unknown as RTCPeerConnection;
}

export class MemoryStorage implements Storage {
  private readonly map = new Map<string, string>();
  get length(): number {
    return this.map.size;
  }
  clear(): void {
    this.map.clear();
  }
  getItem(key: string): string | null {
    return this.map.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.map.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.map.delete(key);
  }
  setItem(key: string, value: string): void {
    this.map.set(key, value);
  }
}

/** Lets pending promises run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** What CodeMirror asks a browser for, and jsdom has not got: sizes of things. */
export function letEditorsMeasure(): void {
  const still = {
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  };
  vi.stubGlobal("matchMedia", () => still);
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  Range.prototype.getBoundingClientRect = () => new DOMRect();
}
