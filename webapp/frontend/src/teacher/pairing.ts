/**
 * Pairing, the teacher's side: type the code, compare the symbol, say yes.
 *
 * Claims and confirmations may be repeated, so one that got no answer is sent once more through
 * another host before the teacher hears of it.
 */
import { signal } from "@preact/signals";
import type { Line } from "../live/line";
import type { Links } from "../live/links";
import type { ClientMessage, ServerMessage } from "../live/protocol";

export type PairingState =
  /** `asked`: the message says what the teacher wanted, so it is no error. */
  | { kind: "idle"; message: string; asked?: true }
  | { kind: "claiming"; code: string }
  | { kind: "compare"; pairing: string; symbol: string; symbolName: string }
  | { kind: "confirming"; pairing: string }
  | { kind: "paired" };

/** A claim is answered within about half a second; a dying host's answer never comes. */
const ANSWER_WAIT_MS = 2_000;
const TRIES = 3;
/** How long the good news stays. */
const PAIRED_SHOWN_MS = 4_000;

const WORDS: Record<string, string> = {
  "pair.wrong_code":
    "No board shows this code. Please type the six digits that the board shows now.",
  "pair.expired_code":
    "This code is no longer valid. Please type the code that the board shows now.",
  "pair.too_many_tries": "Too many wrong codes. Please wait some minutes, then try again.",
  "pair.gone": "The board has stopped waiting. It shows a new code: please type that one.",
};
const NO_ANSWER = "There is no connection just now. Please try again in a moment.";
const NOT_PAIRED = "Nothing was paired. The board shows a new code.";
const EXPIRED =
  "The time to compare the symbols is over. Please type the code that the board shows now.";

/** Once claimed, only the pairing's end counts: a repeated claim may be refused as used. */
function concerns(code: string, state: PairingState): boolean {
  if (state.kind === "claiming") return code.startsWith("pair.");
  return (state.kind === "compare" || state.kind === "confirming") && code === "pair.gone";
}

export class TeacherPairing {
  readonly state = signal<PairingState>({ kind: "idle", message: "" });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private line: Line | null = null;

  constructor(
    private readonly links: Links,
    private readonly position: () => string,
  ) {}

  claim(code: string): void {
    this.enter({ kind: "claiming", code });
    const position = this.position();
    this.ask({ type: "pair.claim", code, ...(position ? { position } : {}) });
  }

  confirm(): void {
    const state = this.state.value;
    if (state.kind !== "compare") return;
    this.enter({ kind: "confirming", pairing: state.pairing });
    this.ask({ type: "pair.confirm", pairing: state.pairing });
  }

  reject(): void {
    const state = this.state.value;
    if (state.kind === "compare")
      this.links.send({ type: "pair.reject", pairing: state.pairing }, this.line);
    this.enter({ kind: "idle", message: NOT_PAIRED, asked: true });
  }

  /** Sends a board away. It leaves the list when the document says so. */
  revoke(pairing: string): boolean {
    return this.links.send({ type: "pair.revoke", pairing });
  }

  received(message: ServerMessage, line: Line): void {
    const state = this.state.value;
    if (message.type === "pair.claimed" && state.kind === "claiming") {
      this.line = line;
      this.compare(
        message.pairing,
        message.symbol,
        message.symbol_name,
        message.expires_in_seconds,
      );
    } else if (message.type === "pair.done" && state.kind === "confirming") {
      this.enter({ kind: "paired" });
      this.timer = setTimeout(() => this.enter({ kind: "idle", message: "" }), PAIRED_SHOWN_MS);
    } else if (message.type === "pair.rejected" && state.kind === "compare") {
      this.enter({ kind: "idle", message: message.reason === "expired" ? EXPIRED : "" });
    } else if (message.type === "error" && concerns(message.code, state)) {
      this.enter({ kind: "idle", message: WORDS[message.code] ?? message.message });
    }
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private compare(pairing: string, symbol: string, symbolName: string, seconds: number): void {
    this.enter({ kind: "compare", pairing, symbol, symbolName });
    this.timer = setTimeout(() => this.enter({ kind: "idle", message: EXPIRED }), seconds * 1_000);
  }

  /** Asks one host, and after silence the next open one. */
  private ask(message: ClientMessage, tries = TRIES): void {
    if (tries === 0) return this.enter({ kind: "idle", message: NO_ANSWER });
    const open = this.links.open;
    const other = open[(TRIES - tries) % Math.max(1, open.length)] ?? null;
    this.links.send(message, message.type === "pair.claim" ? other : (this.line ?? other));
    if (this.line?.state !== "open") this.line = null;
    this.timer = setTimeout(() => {
      this.line = null;
      this.ask(message, tries - 1);
    }, ANSWER_WAIT_MS);
  }

  private enter(state: PairingState): void {
    clearTimeout(this.timer);
    this.state.value = state;
  }
}
