/**
 * The direct connections of a page to the other pages of its session, kept warm while hosts are
 * there, so that a lesson goes on when they are not.
 *
 * Hosts carry the call and its answer and vouch for who sent them; from then on nobody is between.
 * Teachers' pages call, boards answer. What goes through is session.ts's business.
 */
import { newId } from "../core/api";
import { backoffMs } from "./backoff";
import { Channel } from "./channel";
import type { Role, ServerMessage, Signal } from "./protocol";

/** After a call that led to nothing, the same page is not called again before this, and then … */
const REST_MS = 3_000;
/** Nobody has so many boards and devices in one lesson. */
const MOST_CHANNELS = 16;

/** A page that is there, as its awareness says. */
export interface Page {
  client: number;
  role: Role;
  pairing: string;
}

export interface DirectDependencies {
  /** null: this browser has no WebRTC. */
  makePeer: () => RTCPeerConnection | null;
  now: () => number;
  random: () => number;
}

export interface DirectEvents {
  opened(channel: Channel): void;
  binary(frame: Uint8Array, channel: Channel): void;
  /** One opened, fell silent, was heard again or died. */
  changed(): void;
  /** Through a host; returns whether there is one. */
  signal(message: Signal): boolean;
}

interface Rest {
  failures: number;
  until: number;
}

export class Direct {
  private channels: Channel[] = [];
  private readonly rests = new Map<number, Rest>();
  private well = 0;
  /** A host that is older than this page does not carry signals. */
  private muted = false;

  constructor(
    private readonly self: number,
    private readonly role: Role,
    private readonly events: DirectEvents,
    private readonly with_: DirectDependencies,
  ) {}

  /** How many other pages are in touch without any host. */
  get count(): number {
    return new Set(this.channels.filter((one) => one.isWell).map((one) => one.page)).size;
  }

  reaches(client: number): boolean {
    return this.channels.some((one) => one.page === client && one.isWell);
  }

  reachesRole(role: Role): boolean {
    return this.channels.some((one) => one.role === role && one.isWell);
  }

  broadcast(frame: Uint8Array, except: unknown = null): void {
    for (const channel of this.channels) if (channel !== except) channel.sendBinary(frame);
  }

  /** Each second: `pages` are those of the session that may be called, `revoked` the boards sent away. */
  tick(pages: readonly Page[], revoked: ReadonlySet<string>, hasHost: boolean): void {
    for (const channel of [...this.channels]) {
      if (revoked.has(channel.pairing)) channel.close();
      else channel.tick();
    }
    if (hasHost && this.role === "teacher" && !this.muted) this.callWhoIsMissing(pages, revoked);
    this.review();
  }

  /** The network is back or the page was woken: those who are missing are called at once. */
  hurry(): void {
    this.rests.clear();
  }

  mute(): void {
    this.muted = true;
  }

  signalled(message: ServerMessage & { type: "signal" }): void {
    if (message.to !== String(this.self)) return;
    const from = Number(message.from);
    if (message.sdp_type === "offer" && message.role === "teacher") void this.answer(from, message);
    if (message.sdp_type === "answer") {
      const channel = this.channels.find((one) => one.call === message.call && one.page === from);
      // The first answer counts: who answers later must not be taken for who is connected.
      if (!channel || channel.role) return;
      vouch(channel, message);
      channel.answered(message.sdp).catch(() => channel.close());
    }
  }

  stop(): void {
    for (const channel of [...this.channels]) channel.close();
  }

  private callWhoIsMissing(pages: readonly Page[], revoked: ReadonlySet<string>): void {
    const now = this.with_.now();
    for (const { client, role, pairing } of pages) {
      // Of two teachers' pages one calls, or both would.
      const mine = role === "board" ? !revoked.has(pairing) : client > this.self;
      const known = this.channels.some(
        (one) => one.page === client && (one.isWell || one.state === "calling"),
      );
      if (mine && !known && now >= (this.rests.get(client)?.until ?? 0)) void this.callPage(client);
    }
    for (const client of this.rests.keys()) {
      if (!pages.some((page) => page.client === client)) this.rests.delete(client);
    }
  }

  private async callPage(client: number): Promise<void> {
    const channel = this.make(client, newId());
    if (!channel) return;
    const failures = (this.rests.get(client)?.failures ?? 0) + 1;
    const pause = REST_MS + backoffMs(failures, 0, this.with_.random);
    this.rests.set(client, { failures, until: this.with_.now() + pause });
    await this.tell(channel, "offer", () => channel.offer());
  }

  private async answer(
    client: number,
    message: ServerMessage & { type: "signal" },
  ): Promise<void> {
    if (this.channels.some((one) => one.call === message.call)) return; // by the other socket
    const channel = this.make(client, message.call);
    if (!channel) return;
    vouch(channel, message);
    await this.tell(channel, "answer", () => channel.answer(message.sdp));
  }

  private async tell(
    channel: Channel,
    type: RTCSdpType,
    describe: () => Promise<string>,
  ): Promise<void> {
    try {
      const sdp = await describe();
      const { call, page } = channel;
      const from = String(this.self);
      const to = String(page);
      const told = this.events.signal({ type: "signal", from, to, call, sdp_type: type, sdp });
      if (!told) channel.close();
    } catch {
      channel.close();
    }
  }

  private make(client: number, call: string): Channel | null {
    if (this.channels.length >= MOST_CHANNELS) return null;
    const peer = this.with_.makePeer();
    if (!peer) return null;
    const channel = new Channel(client, call, peer, this.channelEvents(), this.with_.now);
    this.channels.push(channel);
    return channel;
  }

  private channelEvents() {
    return {
      opened: (channel: Channel): void => {
        this.rests.delete(channel.page);
        // The one it replaces, if any, has fallen silent.
        for (const old of [...this.channels]) {
          if (old !== channel && old.page === channel.page && old.state === "open") old.close();
        }
        this.events.opened(channel);
        this.review();
      },
      binary: (frame: Uint8Array, channel: Channel): void => {
        this.events.binary(frame, channel);
        this.review();
      },
      died: (channel: Channel): void => {
        this.channels = this.channels.filter((one) => one !== channel);
        this.review();
      },
    };
  }

  private review(): void {
    const well = this.count;
    if (well === this.well) return;
    this.well = well;
    this.events.changed();
  }
}

function vouch(channel: Channel, message: ServerMessage & { type: "signal" }): void {
  channel.role = message.role === "teacher" ? "teacher" : "board";
  channel.pairing = message.pairing ?? "";
}

/** No servers of strangers: what is not in one network with this page can't be reached. */
export function makePeer(): RTCPeerConnection | null {
  return typeof RTCPeerConnection === "undefined" ? null : new RTCPeerConnection();
}
