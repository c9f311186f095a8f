/**
 * Boards that this teacher remembers by their rooms, and the forgetting of boards.
 *
 * What is remembered stands in the API; whether a board waits is asked of realtime, since only the host that holds its
 * socket knows.
 */
import { signal } from "@preact/signals";
import type { Api } from "../core/api";
import { messageFor } from "../core/errors";
import type { User } from "../core/types";
import { Untold } from "../core/untold";
import type { Links } from "../live/links";
import type { ServerMessage } from "../live/protocol";

export interface RememberedBoard {
  board: string;
  name: string;
}

/** A board that was switched on is in the list after this at the latest. */
const LOOK_MS = 3_000;

export class Rooms {
  readonly remembered = signal<readonly RememberedBoard[]>([]);
  /** On which of them this teacher could start now. */
  readonly waiting = signal<ReadonlySet<string>>(new Set());
  readonly error = signal("");
  private readonly untold: Untold;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly api: Pick<Api, "ask">,
    private readonly links: Links,
    user: User,
  ) {
    this.untold = new Untold(api, `forgotten.${user.id}`);
  }

  start(): void {
    void this.refresh();
    this.untold.retry().catch(() => undefined);
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  received(message: ServerMessage): void {
    if (message.type !== "pair.waiting" || !Array.isArray(message.boards)) return;
    const same = message.boards.join() === [...this.waiting.peek()].join();
    if (!same) this.waiting.value = new Set(message.boards);
  }

  async remember(board: string, name: string, proof: string): Promise<void> {
    await this.attempt(async () => {
      await this.api.ask("PUT", `/api/v1/boards/${board}`, { name, proof });
      await this.refresh();
    });
  }

  async forget(board: string): Promise<void> {
    this.remembered.value = this.remembered.peek().filter((one) => one.board !== board);
    await this.tell(`/api/v1/boards/${board}`);
  }

  async forgetAll(): Promise<void> {
    this.remembered.value = [];
    await this.tell("/api/v1/boards");
  }

  /** A board of this session: its token is worth nothing any more, on no host. */
  async endPairing(session: string, pairing: string): Promise<void> {
    await this.tell(`/api/v1/teachings/${session}/boards/${pairing}`);
  }

  private look(): void {
    const boards = this.remembered.peek().map((one) => one.board);
    if (document.hidden) return;
    if (boards.length > 0 && this.links.primary) this.links.send({ type: "pair.waiting", boards });
    else if (this.waiting.peek().size > 0) this.waiting.value = new Set();
  }

  private async refresh(): Promise<void> {
    try {
      const list = await this.api.ask<{ results: RememberedBoard[] }>("GET", "/api/v1/boards");
      this.remembered.value = list.results;
      this.look();
    } catch {
      // Boards can be paired by their codes meanwhile.
    }
  }

  private async tell(path: string): Promise<void> {
    await this.attempt(() => this.untold.tell(path));
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.error.value = "";
    } catch (problem) {
      this.error.value = messageFor(problem);
    }
  }
}
