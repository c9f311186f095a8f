/**
 * Pairing, the board's side: show a code, show who claimed it, and keep what pairing gave.
 *
 * The code is never the credential. The token that is kept here is good for one session, until the
 * teacher or the board ends the pairing.
 */
import { signal } from "@preact/signals";
import type { Host } from "../core/config";
import { forget, load, save } from "../core/storage";
import type { Line } from "../live/line";
import { Links, type LinksDependencies } from "../live/links";
import type { ClientMessage, ServerMessage } from "../live/protocol";
import { forgetDevice, keepDevice, keptDevice } from "./rooms";

export interface BoardPairing {
  session: string;
  token: string;
  pairing: string;
  position: string;
  teacher: string;
}

export type WaitingState =
  | { kind: "connecting" }
  | { kind: "code"; code: string; longCode: string; expiresAt: number; seconds: number }
  /** `number`: what the teacher has to type; `room`: what a teacher who needs no code calls this board. */
  | {
      kind: "offer";
      teacher: string;
      symbol: string;
      symbolName: string;
      number: string;
      room: string;
    };

const KEY = "board";

export function keptPairing(): BoardPairing | null {
  const kept = load<BoardPairing | null>(KEY, null);
  return kept?.session && kept.token ? kept : null;
}

export function keepPairing(pairing: BoardPairing): void {
  save(KEY, pairing);
}

export function forgetPairing(): void {
  forget(KEY);
}

/** Waits for a teacher: shows codes until one of them was claimed and confirmed. */
export class Waiting {
  readonly state = signal<WaitingState>({ kind: "connecting" });
  private readonly links: Links;
  private teacher = "";

  constructor(
    hosts: readonly Host[],
    private readonly onPaired: (pairing: BoardPairing) => void,
    dependencies?: LinksDependencies,
  ) {
    this.links = new Links(
      hosts,
      () => this.greeting(),
      {
        control: (message, line) => this.received(message, line),
        changed: () => {
          // A code lives on the host that gave it: when that is gone, so is the code.
          if (!this.links.primary) this.state.value = { kind: "connecting" };
        },
      },
      dependencies,
      // One host is enough, and the one that gave the code is kept: codes live where they were made.
      1,
      true,
    );
  }

  start(): void {
    this.links.start();
    window.addEventListener("online", this.hurry);
  }

  stop(): void {
    window.removeEventListener("online", this.hurry);
    this.links.stop();
  }

  /** Not this teacher, or not now: the board shows a code again. */
  refuse(): void {
    this.links.send(this.greeting());
  }

  private greeting(): ClientMessage {
    const device = keptDevice();
    return device ? { type: "pair.open", device } : { type: "pair.open" };
  }

  private readonly hurry = (): void => this.links.hurry();

  private received(message: ServerMessage, line: Line): void {
    if (message.type === "pair.code") {
      const seconds = message.expires_in_seconds;
      this.state.value = {
        kind: "code",
        code: message.code,
        longCode: message.long_code,
        seconds,
        expiresAt: Date.now() + seconds * 1_000,
      };
    } else if (message.type === "pair.offer") {
      this.teacher = message.teacher_name;
      this.state.value = {
        kind: "offer",
        teacher: message.teacher_name,
        symbol: message.symbol,
        symbolName: message.symbol_name,
        number: message.number ?? "",
        room: message.room ?? "",
      };
    } else if (message.type === "error" && message.code === "bad_device") {
      forgetDevice();
      line.send(this.greeting());
    } else if (message.type === "pair.done" && message.session && message.token) {
      this.stop();
      if (message.device) keepDevice(message.device);
      this.onPaired({
        session: message.session,
        token: message.token,
        pairing: message.pairing,
        position: message.position ?? "",
        teacher: this.teacher,
      });
    }
  }
}
