/** The shared document as signals: what a page draws changes when, and only when, what is shown does. */
import { batch, signal, type ReadonlySignal } from "@preact/signals";
import type * as Y from "yjs";
import { setIfChanged } from "../core/signals";
import type { Place } from "../lesson/steps";
import {
  readBlank,
  readBoards,
  readBoardsDraw,
  readLesson,
  readPlace,
  readTimer,
  readZoom,
  type Blank,
  type PairedBoard,
  type ShownLesson,
  type Timer,
  type Zoom,
} from "./show";

export class Shown {
  readonly place: ReadonlySignal<Place>;
  readonly blank: ReadonlySignal<Blank>;
  readonly lesson: ReadonlySignal<ShownLesson | null>;
  readonly timer: ReadonlySignal<Timer | null>;
  readonly zoom: ReadonlySignal<Zoom | null>;
  readonly boards: ReadonlySignal<PairedBoard[]>;
  readonly boardsDraw: ReadonlySignal<boolean>;

  constructor(doc: Y.Doc) {
    const reviews: (() => void)[] = [];
    function follow<T>(read: (doc: Y.Doc) => T): ReadonlySignal<T> {
      const value = signal(read(doc));
      reviews.push(() => setIfChanged(value, read(doc)));
      return value;
    }
    this.place = follow(readPlace);
    this.blank = follow(readBlank);
    this.lesson = follow(readLesson);
    this.timer = follow(readTimer);
    this.zoom = follow(readZoom);
    this.boards = follow(readBoards);
    this.boardsDraw = follow(readBoardsDraw);
    // One transaction is drawn at once: never the new lesson at the old lesson's place.
    doc.on("update", () => batch(() => reviews.forEach((review) => review())));
  }
}
