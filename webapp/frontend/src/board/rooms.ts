/**
 * For whom this board is remembered, and its side of forgetting.
 *
 * The device token says that it is the same browser as before; by itself it opens nothing. Whom a board has forgotten
 * has to type its code again.
 */
import { signal } from "@preact/signals";
import type { Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import { forget, load, save } from "../core/storage";
import { Untold } from "../core/untold";

export interface Room {
  id: string;
  name: string;
  teacher: string;
}

const KEY = "board-device";

export function keptDevice(): string {
  const kept = load<unknown>(KEY, "");
  return typeof kept === "string" ? kept : "";
}

export function keepDevice(device: string): void {
  save(KEY, device);
}

export function forgetDevice(): void {
  forget(KEY);
}

export class BoardRooms {
  readonly list = signal<readonly Room[]>([]);
  readonly error = signal("");

  private readonly untold: Untold;

  constructor(private readonly api: Pick<Api, "ask">) {
    this.untold = new Untold(api, "board-untold");
  }

  /** So that a pairing's token is worth nothing, should anybody have copied it. */
  endPairing(token: string): void {
    this.untold.tell("/api/v1/board/pairing", token).catch(() => undefined);
  }

  /** Whether this board is remembered for anybody; what was known, if no host can be asked. */
  async refresh(): Promise<boolean> {
    this.untold.retry().catch(() => undefined);
    const device = keptDevice();
    if (!device) return false;
    try {
      const path = "/api/v1/board/rooms";
      const answer = await this.api.ask<{ results: Room[] }>("GET", path, undefined, device);
      this.list.value = answer.results;
    } catch (problem) {
      // Too old, or of another installation: it goes on as a new board.
      if (problem instanceof ApiError && problem.status === 401) forgetDevice();
    }
    return this.list.peek().length > 0;
  }

  forget(room: Room): Promise<void> {
    return this.drop(`/api/v1/board/rooms/${room.id}`);
  }

  forgetAll(): Promise<void> {
    return this.drop("/api/v1/board/rooms");
  }

  private async drop(path: string): Promise<void> {
    try {
      await this.untold.tell(path, keptDevice());
      this.error.value = "";
    } catch (problem) {
      this.error.value = messageFor(problem);
    }
    await this.refresh();
  }
}
