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
import { refusalText } from "../live/refusals";
import { words } from "./words/boards";

export type PairingState =
  /** `asked`: the message says what the teacher wanted, so it is no error. */
  | { kind: "idle"; message: string; asked?: true }
  | { kind: "claiming"; code: string }
  /** `digits`: so many have to be read from the board; 0: the symbols are compared. */
  | { kind: "compare"; pairing: string; symbol: string; symbolName: string; digits: number }
  /** A board that is remembered: it may refuse for a moment. */
  | { kind: "starting"; pairing: string; name: string }
  | { kind: "confirming"; pairing: string }
  | { kind: "paired" };

/** A host waits a second for the others, or two at a confirmation; a dying host's answer never comes. */
const ANSWER_WAIT_MS = 2_500;
const TRIES = 3;
/** After the time in which a board may refuse: the host's clock and ours need not agree to a tick. */
const AFTER_REFUSING_MS = 200;
/** How long the good news stays. */
const PAIRED_SHOWN_MS = 4_000;

/** Asked twice, hosts answer twice: by then the page may be at another pairing. */
function isAboutAnother(message: ServerMessage, state: PairingState): boolean {
  return (
    "pairing" in message && message.pairing !== undefined &&
    "pairing" in state && message.pairing !== state.pairing
  );
}

/** Once claimed, only the pairing's end counts: a repeated claim may be refused as used. */
function concerns(code: string, state: PairingState): boolean {
  if (state.kind === "claiming") return code.startsWith("pair.");
  if (state.kind === "confirming") return code === "pair.gone" || code === "pair.wrong_number";
  return (state.kind === "compare" || state.kind === "starting") && code === "pair.gone";
}

export class TeacherPairing {
  readonly state = signal<PairingState>({ kind: "idle", message: "" });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private line: Line | null = null;
  private name = "";
  private started = false;

  constructor(
    private readonly links: Links,
    private readonly position: () => string,
    /** A board was paired and given a name: with the proof it can be remembered. */
    private readonly onNamed: (board: string, name: string, proof: string) => void = () =>
      undefined,
  ) {}

  claim(code: string): void {
    this.started = false;
    this.name = "";
    this.enter({ kind: "claiming", code });
    const position = this.position();
    this.ask({ type: "pair.claim", code, ...(position ? { position } : {}) });
  }

  /** Starts on a board that is remembered under this name; it needs no code, but may refuse. */
  start(board: string, name: string): void {
    this.started = true;
    this.name = name;
    this.enter({ kind: "claiming", code: "" });
    const position = this.position();
    this.ask({ type: "pair.start", board, ...(position ? { position } : {}) });
  }

  /** `number`: as read from the board. `name`: what the room is called, to be remembered under. */
  confirm(number = "", name = ""): void {
    const state = this.state.value;
    if (state.kind !== "compare") return;
    this.name = name.trim();
    this.finish(state.pairing, number);
  }

  private finish(pairing: string, number: string): void {
    this.enter({ kind: "confirming", pairing });
    this.ask({
      type: "pair.confirm",
      pairing,
      ...(number ? { number } : {}),
      ...(this.name ? { name: this.name } : {}),
    });
  }

  reject(): void {
    const state = this.state.value;
    if (state.kind === "compare" || state.kind === "starting")
      this.links.send({ type: "pair.reject", pairing: state.pairing }, this.line);
    this.enter({ kind: "idle", message: words.progress.notPaired, asked: true });
  }

  /** Sends a board away. It leaves the list when the document says so. */
  revoke(pairing: string): boolean {
    return this.links.send({ type: "pair.revoke", pairing });
  }

  received(message: ServerMessage, line: Line): void {
    const state = this.state.value;
    if (isAboutAnother(message, state)) return;
    if (message.type === "pair.claimed" && state.kind === "claiming") {
      this.line = line;
      if (message.refuse_seconds === undefined) this.compare(message);
      else this.waitForRefusal(message.pairing, message.refuse_seconds);
    } else if (message.type === "pair.done" && state.kind === "confirming") {
      const { board, proof } = message;
      if (this.name && board && proof && !this.started) this.onNamed(board, this.name, proof);
      this.enter({ kind: "paired" });
      this.timer = setTimeout(() => this.enter({ kind: "idle", message: "" }), PAIRED_SHOWN_MS);
    } else if (message.type === "pair.rejected" && state.kind === "compare") {
      this.enter({ kind: "idle", message: message.reason === "expired" ? words.progress.expired : "" });
    } else if (message.type === "error" && concerns(message.code, state)) {
      const refused = this.started && message.code === "pair.gone";
      const text = refused ? words.progress.refused : refusalText(message.code, message.message);
      this.enter({ kind: "idle", message: text });
    }
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private compare(claimed: Extract<ServerMessage, { type: "pair.claimed" }>): void {
    this.enter({
      kind: "compare",
      pairing: claimed.pairing,
      symbol: claimed.symbol,
      symbolName: claimed.symbol_name,
      digits: claimed.digits ?? 0,
    });
    this.timer = setTimeout(
      () => this.enter({ kind: "idle", message: words.progress.expired }),
      claimed.expires_in_seconds * 1_000,
    );
  }

  private waitForRefusal(pairing: string, seconds: number): void {
    this.enter({ kind: "starting", pairing, name: this.name });
    this.timer = setTimeout(
      () => this.finish(pairing, ""),
      seconds * 1_000 + AFTER_REFUSING_MS,
    );
  }

  /** Asks one host, and after silence the next open one. */
  private ask(message: ClientMessage, tries = TRIES): void {
    if (tries === 0) return this.enter({ kind: "idle", message: words.progress.noAnswer });
    const open = this.links.open;
    const other = open[(TRIES - tries) % Math.max(1, open.length)] ?? null;
    const first = message.type === "pair.claim" || message.type === "pair.start";
    this.links.send(message, first ? other : (this.line ?? other));
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
