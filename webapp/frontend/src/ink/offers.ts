/**
 * Ink of a board, which can't write into the document: no host takes its updates, whatever a teacher
 * allows. It offers its strokes in its awareness state, and a teacher's page that lets boards draw
 * writes them. An offer stays until the document has it, so it may be lost or come twice.
 */
import type * as Y from "yjs";
import {
  INK_HEIGHT,
  INK_WIDTH,
  Ink,
  isHead,
  stepOf,
  type Stroke,
  type StrokeHead,
} from "./strokes";

export interface Offer {
  strokes: OfferedStroke[];
  /** Keys of the board's own strokes that shall go. */
  erase: string[];
}

interface OfferedStroke {
  key: string;
  head: StrokeHead;
  /** These points begin at this number of the stroke's. */
  from: number;
  points: number[];
}

/** Numbers in one offer; more waits for the next. A host takes 16 KiB of awareness at once. */
const NUMBERS_MOST = 1_800;
const KEYS_MOST = 40;
/** A board is not trusted: so many strokes in a whole document, so many numbers in one of them. */
const STROKES_MOST = 2_000;
const STROKE_NUMBERS_MOST = 6_000;

/** The board's ink: seen here at once, and offered until the document has it. */
export class OfferedInk extends Ink {
  private readonly over = new Set<string>();
  private readonly erasing = new Set<string>();

  constructor(
    doc: Y.Doc,
    by: string,
    private readonly say: (offer: Offer | null) => void,
  ) {
    super(doc, by);
  }

  override erase(keys: Iterable<string>): Stroke[] {
    const own = [...keys].map((key) => this.stroke(key)).filter((stroke) => stroke?.by === this.by);
    const erased = own.filter((stroke) => stroke !== null);
    for (const { key } of erased) {
      if (this.written(key) > 0) this.erasing.add(key);
      this.wet.delete(key);
      this.over.delete(key);
    }
    this.tell(new Set(erased.map((stroke) => stroke.key)));
    this.offer();
    return erased;
  }

  /** What it asks for is gone from here at once. */
  override stroke(key: string): Stroke | null {
    return this.erasing.has(key) ? null : super.stroke(key);
  }

  /** Nothing is offered any more: the teacher has taken the pens away. */
  withdraw(): void {
    const keys = new Set([...this.wet.keys(), ...this.erasing]);
    this.wet.clear();
    this.over.clear();
    this.erasing.clear();
    this.tell(keys);
    this.offer();
  }

  protected override write(): void {
    this.offer();
  }

  protected override ended(key: string): void {
    this.over.add(key);
    this.settle(key);
    this.offer();
  }

  protected override noticed(keys: ReadonlySet<string>): void {
    super.noticed(keys);
    for (const key of keys) {
      this.settle(key);
      if (this.written(key) === 0) this.erasing.delete(key);
    }
    this.offer();
  }

  private settle(key: string): void {
    const stroke = this.wet.get(key);
    if (stroke && !(this.over.has(key) && this.written(key) >= stroke.points.length)) return;
    this.wet.delete(key);
    this.over.delete(key);
  }

  private offer(): void {
    const strokes: OfferedStroke[] = [];
    let room = NUMBERS_MOST;
    for (const { key, points, ...head } of this.wet.values()) {
      const from = this.written(key);
      const most = room - (room % stepOf(head));
      const tail = points.slice(from, from + most);
      if (tail.length === 0 || strokes.length >= KEYS_MOST) continue;
      room -= tail.length;
      strokes.push({ key, head, from, points: tail });
    }
    const erase = [...this.erasing].slice(0, KEYS_MOST);
    this.say(strokes.length + erase.length > 0 ? { strokes, erase } : null);
  }
}

/** Writes what a board offers, as far as it may: its own strokes, on slides of the shown lesson. */
export function accept(ink: Ink, offer: unknown, board: string, lesson: string): void {
  const { strokes, erase } = (offer ?? {}) as Partial<Record<keyof Offer, unknown>>;
  for (const one of Array.isArray(strokes) ? strokes : []) {
    const stroke = checked(one, board, lesson);
    if (stroke) take(ink, stroke.stroke, stroke.from);
  }
  const own = (Array.isArray(erase) ? erase : []).filter(
    (key) => typeof key === "string" && ink.stroke(key)?.by === board,
  );
  if (own.length > 0) ink.erase(own as string[]);
}

function take(ink: Ink, { points, ...offered }: Stroke, from: number): void {
  const has = ink.written(offered.key);
  // A gap: what is between is offered again. Or all of it is here already.
  if (from > has || from + points.length <= has) return;
  if (from + points.length > STROKE_NUMBERS_MOST) return;
  const known = ink.stroke(offered.key);
  if (known && known.by !== offered.by) return;
  if (!known && ink.size >= STROKES_MOST) return;
  const whole = [...(known?.points ?? []).slice(0, from), ...points];
  ink.add({ ...offered, points: whole }, has);
}

function checked(
  value: unknown,
  board: string,
  lesson: string,
): { stroke: Stroke; from: number } | null {
  const { key, head, from, points } = (value ?? {}) as Partial<OfferedStroke>;
  if (typeof key !== "string" || !/^[\w-]+\/\d+\/\w{1,20}$/.test(key)) return null;
  if (!key.startsWith(`${lesson}/`) || !isHead(head) || head.by !== board) return null;
  if (!Number.isSafeInteger(from) || from === undefined || from < 0) return null;
  if (!Array.isArray(points) || !points.every(isInk)) return null;
  const { pen, color, by, at, pressed } = head;
  if (color.length > 20) return null;
  // Ink from the future would never be forgotten.
  const known = { pen, color, by, at: Math.min(at, Date.now()), ...(pressed === true ? { pressed } : {}) };
  return { stroke: { ...known, key, points }, from };
}

function isInk(value: unknown): boolean {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= Math.max(INK_WIDTH, INK_HEIGHT);
}
