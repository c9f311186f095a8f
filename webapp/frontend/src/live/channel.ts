/**
 * One direct connection to another page of the session, over the network that both are in.
 *
 * Like a line it is made once, lives once and dies once; who is called and when is decided by
 * direct.ts. It knows nothing of documents. The protocol: realtime/PROTOCOL.md, "Directly".
 */
import type { Role } from "./protocol";

/** No word for this long, though both ends speak each second: nobody counts on it just now. */
export const HEARD_MS = 3_000;
/** A call that leads to nothing in this time never will. */
const CALL_MS = 10_000;
/** Host candidates are there at once; a name for them may take some tenths of a second. */
const GATHER_MS = 1_500;
/** Browsers take messages of 64 KiB from one another, whatever their makers. */
export const PIECE_BYTES = 60_000;
/** As hosts do: nobody sends a larger frame. */
export const FRAME_BYTES = 4 * 1024 * 1024;
/** With so much waiting the other end is not reading; a new connection begins with a fresh sync. */
const WAITING_BYTES = 8 * 1024 * 1024;
/** The protocol's bound for a description. */
const SDP_CHARACTERS = 4_096;

const HEARTBEAT = ".";

export interface ChannelEvents {
  opened(channel: Channel): void;
  binary(frame: Uint8Array, channel: Channel): void;
  died(channel: Channel): void;
}

export class Channel {
  state: "calling" | "open" | "dead" = "calling";
  /** Who is at the other end, as a host has vouched; unknown until it has answered. */
  role: Role | null = null;
  pairing = "";
  private data: RTCDataChannel | null = null;
  private readonly startedAt: number;
  private heardAt: number;
  private pieces: Uint8Array[] = [];

  constructor(
    /** The other page's Yjs client id. */
    readonly page: number,
    readonly call: string,
    private readonly peer: RTCPeerConnection,
    private readonly events: ChannelEvents,
    private readonly now: () => number,
  ) {
    this.startedAt = this.heardAt = now();
    peer.onconnectionstatechange = () => {
      // "disconnected" may come right again by itself, and without a host there is no second call.
      if (peer.connectionState === "failed" || peer.connectionState === "closed") this.close();
    };
  }

  async offer(): Promise<string> {
    this.adopt(this.peer.createDataChannel("firstbell"));
    return this.describe();
  }

  async answer(offer: string): Promise<string> {
    this.peer.ondatachannel = (event) => this.adopt(event.channel);
    await this.peer.setRemoteDescription({ type: "offer", sdp: offer });
    return this.describe();
  }

  /** The other page's answer to our offer. */
  async answered(answer: string): Promise<void> {
    await this.peer.setRemoteDescription({ type: "answer", sdp: answer });
  }

  /** Open, and the other end was heard a moment ago. */
  get isWell(): boolean {
    return this.state === "open" && this.now() - this.heardAt <= HEARD_MS;
  }

  /** Called each second. */
  tick(): void {
    if (this.state === "calling" && this.now() - this.startedAt > CALL_MS) this.close();
    if (this.state === "open") this.transmit(HEARTBEAT);
  }

  sendBinary(frame: Uint8Array): void {
    for (let at = 0; at < frame.length || at === 0; at += PIECE_BYTES) {
      const piece = frame.subarray(at, at + PIECE_BYTES);
      const message = new Uint8Array(piece.length + 1);
      message[0] = at + PIECE_BYTES < frame.length ? 1 : 0;
      message.set(piece, 1);
      this.transmit(message);
    }
  }

  close(): void {
    if (this.state === "dead") return;
    this.state = "dead";
    this.pieces = [];
    this.peer.onconnectionstatechange = this.peer.ondatachannel = null;
    if (this.data) this.data.onopen = this.data.onmessage = this.data.onclose = null;
    this.peer.close();
    this.events.died(this);
  }

  private adopt(data: RTCDataChannel): void {
    this.data = data;
    data.binaryType = "arraybuffer";
    data.onopen = () => this.open();
    data.onclose = () => this.close();
    data.onmessage = (event) => this.received(event.data);
    if (data.readyState === "open") this.open();
  }

  private open(): void {
    if (this.state !== "calling") return;
    this.state = "open";
    this.heardAt = this.now();
    this.events.opened(this);
  }

  private received(message: unknown): void {
    this.heardAt = this.now();
    if (!(message instanceof ArrayBuffer) || message.byteLength === 0) return;
    const bytes = new Uint8Array(message);
    this.pieces.push(bytes.subarray(1));
    if (this.pieces.reduce((sum, piece) => sum + piece.length, 0) > FRAME_BYTES) return this.close();
    if (bytes[0] !== 0) return;
    const frame = joined(this.pieces);
    this.pieces = [];
    this.events.binary(frame, this);
  }

  private transmit(message: string | Uint8Array<ArrayBuffer>): void {
    const { data } = this;
    if (this.state !== "open" || data?.readyState !== "open") return;
    if (data.bufferedAmount > WAITING_BYTES) return this.close();
    try {
      if (typeof message === "string") data.send(message);
      else data.send(message);
    } catch {
      this.close();
    }
  }

  /** Our description with all candidates in it, so that one word each way is enough. */
  private async describe(): Promise<string> {
    const { peer } = this;
    await peer.setLocalDescription();
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (peer.iceGatheringState === "complete") resolve();
      };
      peer.onicegatheringstatechange = look;
      setTimeout(resolve, GATHER_MS);
      look();
    });
    peer.onicegatheringstatechange = null;
    return shortened(peer.localDescription?.sdp ?? "");
  }
}

/** A machine with many networks has many candidates: those by TCP go first, then the last ones. */
export function shortened(sdp: string): string {
  const lines = sdp.split("\r\n").filter((line) => !/^a=candidate:\S+ \d+ tcp /i.test(line));
  while (lines.join("\r\n").length > SDP_CHARACTERS) {
    const last = lines.findLastIndex((line) => line.startsWith("a=candidate:"));
    if (last < 0) break;
    lines.splice(last, 1);
  }
  return lines.join("\r\n");
}

function joined(pieces: Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}
