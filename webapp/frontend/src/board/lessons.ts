/**
 * Which lesson the board draws: the one the document names, from this device at once, and from a
 * host as soon as one answers.
 */
import { signal } from "@preact/signals";
import type { Api } from "../core/api";
import type { Lesson } from "../core/types";
import { cachedLesson, cacheLesson } from "../lesson/cache";
import { Deck } from "../lesson/deck";
import type { ShownLesson } from "../live/show";
import { keepFigures } from "../offline/figures";
import type { BoardPairing } from "./pairing";

/** Waits between tries, while no host gives the lesson: from the first to the last. */
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 10_000;

export interface BoardDeck {
  lesson: string;
  title: string;
  deck: Deck;
}

export class BoardLessons {
  readonly shown = signal<BoardDeck | null>(null);
  private wanted = "";
  private shownVersion = "";

  constructor(
    private readonly api: Api,
    private readonly pairing: BoardPairing,
  ) {}

  async want(lesson: ShownLesson | null): Promise<void> {
    const wanted = lesson ? `${lesson.id}@${lesson.version}` : "";
    if (!lesson || wanted === this.wanted) return;
    this.wanted = wanted;
    const kept = await cachedLesson("board", lesson.id);
    if (this.wanted !== wanted) return;
    if (kept) this.draw(kept);
    if (kept?.version === lesson.version) return;
    if (lesson.position) this.api.adoptPosition(lesson.position);
    await this.fetch(lesson, wanted);
  }

  stop(): void {
    this.wanted = "stopped";
  }

  private async fetch(lesson: ShownLesson, wanted: string): Promise<void> {
    for (
      let wait = RETRY_FIRST_MS;
      this.wanted === wanted;
      wait = Math.min(2 * wait, RETRY_MOST_MS)
    ) {
      const fresh = await this.ask(lesson.id);
      if (this.wanted !== wanted) return;
      if (fresh) {
        this.draw(fresh);
        void cacheLesson("board", fresh);
        // Versions are UUIDv7, which sort by time: a later one than named is as good.
        if (fresh.version >= lesson.version) return;
      }
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
    }
  }

  private async ask(lesson: string): Promise<Lesson | null> {
    try {
      return await this.api.taughtLesson(this.pairing.session, lesson, this.pairing.token);
    } catch {
      // No host can answer, or not yet; whether the token is still good is the socket's to say.
      return null;
    }
  }

  private draw(lesson: Lesson): void {
    const shown = this.shown.peek();
    if (shown?.lesson === lesson.id && this.shownVersion === lesson.version) return;
    this.shownVersion = lesson.version;
    this.shown.value = { lesson: lesson.id, title: lesson.title, deck: new Deck(lesson.slides) };
    const isShown = (): boolean => this.wanted.startsWith(`${lesson.id}@`);
    void keepFigures(lesson.slides, this.api.hosts, isShown);
  }
}
