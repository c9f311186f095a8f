/**
 * Ink as it stands in the shared document: strokes on slides.
 *
 * The map `ink` has one entry per stroke, under `<lesson>/<slide>/<id>`; its value is an array: the
 * stroke's head, then its points as differences, so that a stroke that is being drawn is added to
 * and never written again. The id is made by who draws, so no two pages ever make the same entry.
 * Nothing here knows of pointers or of the screen.
 */
import * as Y from "yjs";
import { PAGE_HEIGHT, PAGE_WIDTH } from "../lesson/page";

/** Points are counted in quarters of a page's pixel: whole numbers, finer than any board shows. */
export const INK_UNITS = 4;
export const INK_WIDTH = PAGE_WIDTH * INK_UNITS;
export const INK_HEIGHT = PAGE_HEIGHT * INK_UNITS;

export type Pen = "pen" | "highlighter";

export interface StrokeHead {
  pen: Pen;
  /** A name out of COLORS. */
  color: string;
  /** Which device drew it: undo takes back one's own. */
  by: string;
  /** When, in ms since 1970 by that device's clock: for the order, and to forget old ink. */
  at: number;
  /** Each point has a third number, the pen's pressure from 0 to 100. */
  pressed?: boolean;
}

export interface Stroke extends StrokeHead {
  key: string;
  /** x, y (and pressure) of one point after the other, in ink units from the slide's upper left. */
  points: number[];
}

/** Strokes last drawn on before this are forgotten when a lesson is opened. */
const FORGET_AFTER_MS = 30 * 24 * 3600 * 1_000;
/** Coordinates in the whole document, some 500 kB; beyond, the oldest strokes are forgotten then. */
const MOST_NUMBERS = 150_000;
/** What is being drawn goes out so often: 30 times a second is smooth, and cheap for hosts. */
const FLUSH_MS = 33;

type Entry = Y.Array<StrokeHead | number>;
type Listener = (keys: ReadonlySet<string>) => void;

export function slideKey(lesson: string, slide: number): string {
  return `${lesson}/${slide}`;
}

export function slideOf(stroke: string): string {
  return stroke.slice(0, stroke.lastIndexOf("/"));
}

export class Ink {
  /** Strokes that are seen here and not, or not wholly, in the document yet. */
  protected readonly wet = new Map<string, Stroke>();
  private readonly entries: Y.Map<Entry>;
  /** Entries as they were read last: an eraser looks at all of a slide's, many times a second. */
  private readonly known = new Map<string, Stroke | null>();
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    private readonly doc: Y.Doc,
    /** This device. */
    readonly by: string,
  ) {
    this.entries = doc.getMap<Entry>("ink");
    this.entries.observeDeep(this.changed);
  }

  /** Calls back with the strokes of a slide that came, grew or went. Returns how to stop that. */
  watch(slide: string, listener: Listener): () => void {
    const known = this.listeners.get(slide) ?? new Set();
    this.listeners.set(slide, known.add(listener));
    return () => known.delete(listener);
  }

  /** All strokes of a slide, the oldest first. */
  strokes(slide: string): Stroke[] {
    const keys = new Set([...this.entries.keys(), ...this.wet.keys()]);
    const here = [...keys].filter((key) => slideOf(key) === slide);
    return here
      .map((key) => this.stroke(key))
      .filter((stroke) => stroke !== null)
      .sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
  }

  /** Strokes in the whole document. */
  get size(): number {
    return this.entries.size;
  }

  hasStrokes(slide: string): boolean {
    for (const key of this.entries.keys()) if (slideOf(key) === slide) return true;
    return false;
  }

  /** One stroke as it is to be seen now; null if it is gone, or from a version we can't read. */
  stroke(key: string): Stroke | null {
    return this.wet.get(key) ?? this.kept(key);
  }

  /** One stroke as it stands in the document. */
  private kept(key: string): Stroke | null {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const read = readStroke(key, this.entries.get(key));
    this.known.set(key, read);
    return read;
  }

  /** Whether the stroke is still being drawn here. */
  isWet(key: string): boolean {
    return this.wet.has(key);
  }

  /** A new stroke, to be added to until it ends. */
  begin(slide: string, head: Omit<StrokeHead, "by" | "at">): Drawing {
    const key = `${slide}/${newStrokeId()}`;
    const stroke: Stroke = { ...head, by: this.by, at: Date.now(), key, points: [] };
    this.wet.set(key, stroke);
    return new Drawing(
      stroke,
      (from) => this.write(stroke, from),
      (isOver) => {
        if (isOver) this.ended(key);
        this.tell(new Set([key]));
      },
    );
  }

  /** How many numbers of a stroke the document has. */
  written(key: string): number {
    return this.kept(key)?.points.length ?? 0;
  }

  /** Writes a stroke's points from number `from` on, on behalf of whoever draws it. */
  add(stroke: Stroke, from: number): void {
    this.write(stroke, from);
  }

  /** Writes whole strokes; those that are there already stay as they are. */
  put(strokes: readonly Stroke[]): void {
    this.doc.transact(() => {
      for (const stroke of strokes) if (!this.entries.has(stroke.key)) this.write(stroke, 0);
    });
  }

  /** Erases what is still there of these, and returns it. */
  erase(keys: Iterable<string>): Stroke[] {
    const erased = [...keys].map((key) => this.stroke(key)).filter((stroke) => stroke !== null);
    this.doc.transact(() => {
      for (const { key } of erased) this.entries.delete(key);
    });
    return erased;
  }

  /** Strokes of weeks ago, on any slide, and the oldest of very many: a new board is sent all of it. */
  forgetOld(now = Date.now()): void {
    // What we can't read may be a later version's.
    const at = (key: string): number => this.kept(key)?.at ?? now;
    const newestFirst = [...this.entries.keys()].sort((a, b) => at(b) - at(a));
    let numbers = 0;
    const old = newestFirst.filter((key) => {
      numbers += this.kept(key)?.points.length ?? 0;
      return now - at(key) > FORGET_AFTER_MS || numbers > MOST_NUMBERS;
    });
    this.doc.transact(() => old.forEach((key) => this.entries.delete(key)));
  }

  stop(): void {
    this.entries.unobserveDeep(this.changed);
    this.listeners.clear();
  }

  /**
   * Adds the points from number `from` on. A stroke that was erased meanwhile stays erased: its
   * entry is only made with its first point.
   */
  protected write(stroke: Stroke, from: number): void {
    const added = differences(stroke, from);
    const known = this.entries.get(stroke.key);
    if (known instanceof Y.Array) return known.push(added);
    if (from > 0) return;
    const { key, points: _, ...head } = stroke;
    this.entries.set(key, Y.Array.from<StrokeHead | number>([head, ...added]));
  }

  protected ended(key: string): void {
    this.wet.delete(key);
  }

  /** The document's strokes have changed. */
  protected noticed(keys: ReadonlySet<string>): void {
    // Somebody erased it under the pen.
    for (const key of keys) if (!this.entries.has(key)) this.wet.delete(key);
  }

  private readonly changed = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    const keys = new Set<string>();
    for (const event of events) {
      const [key] = event.path;
      if (typeof key === "string") keys.add(key);
      else for (const changed of event.changes.keys.keys()) keys.add(changed);
    }
    for (const key of keys) this.known.delete(key);
    this.noticed(keys);
    this.tell(keys);
  };

  protected tell(keys: ReadonlySet<string>): void {
    const slides = new Map<string, Set<string>>();
    for (const key of keys) {
      const slide = slideOf(key);
      slides.set(slide, (slides.get(slide) ?? new Set()).add(key));
    }
    for (const [slide, here] of slides) {
      this.listeners.get(slide)?.forEach((listener) => listener(here));
    }
  }
}

/** A stroke under the pen: seen here at once, and written a few dozen times a second. */
export class Drawing {
  private written = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly stroke: Stroke,
    private readonly write: (from: number) => void,
    private readonly seen: (isOver: boolean) => void,
  ) {}

  /** `points` as in Stroke: pairs, or triples if the stroke is pressed. */
  add(points: readonly number[]): void {
    this.stroke.points.push(...points.map(Math.round));
    this.seen(false);
    if (this.written === 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  end(): void {
    this.flush();
    this.seen(true);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { length } = this.stroke.points;
    if (length > this.written) this.write(this.written);
    this.written = length;
  }
}

export function stepOf(stroke: StrokeHead): 2 | 3 {
  return stroke.pressed ? 3 : 2;
}

/** x and y as steps from the point before, which need a byte or two; pressure as it is. */
function differences(stroke: Stroke, from: number): number[] {
  const { points } = stroke;
  const step = stepOf(stroke);
  return points.slice(from).map((value, offset) => {
    const index = from + offset;
    return index % step === 2 || index < step ? value : value - (points[index - step] ?? 0);
  });
}

export function isHead(value: unknown): value is StrokeHead {
  const head = value as Partial<StrokeHead> | null;
  return (
    typeof head === "object" &&
    head !== null &&
    (head.pen === "pen" || head.pen === "highlighter") &&
    typeof head.color === "string" &&
    typeof head.by === "string" &&
    typeof head.at === "number"
  );
}

function readStroke(key: string, entry: unknown): Stroke | null {
  if (!(entry instanceof Y.Array)) return null;
  const [head, ...added] = entry.toArray() as unknown[];
  if (!isHead(head)) return null;
  const step = stepOf(head);
  const points: number[] = [];
  for (const value of added) {
    if (typeof value !== "number" || !Number.isFinite(value)) return null;
    const index = points.length;
    points.push(index % step === 2 || index < step ? value : value + (points[index - step] ?? 0));
  }
  points.length -= points.length % step;
  return { ...head, key, points };
}

/** 64 random bits: unique within a slide, and half as long as a UUID. */
function newStrokeId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join("");
}
