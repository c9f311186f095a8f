/**
 * Undo and redo of what this device drew and erased, for each slide by itself.
 *
 * Others' strokes are never taken back. After a reload one's own strokes can still be undone, since
 * the document tells whose they are; what was erased before it cannot.
 */
import type { Ink, Stroke } from "./strokes";

type Deed = { drew: readonly Stroke[] } | { erased: readonly Stroke[] };

interface Deeds {
  done: Deed[];
  undone: Deed[];
}

export class InkHistory {
  private readonly slides = new Map<string, Deeds>();

  constructor(private readonly ink: Ink) {}

  drew(slide: string, key: string): void {
    const stroke = this.ink.stroke(key);
    const deeds = this.deeds(slide);
    const known = deeds.done.some((deed) => "drew" in deed && deed.drew.some((s) => s.key === key));
    if (!stroke || known) return;
    deeds.done.push({ drew: [stroke] });
    deeds.undone = [];
  }

  /** Erases, so that it can be undone; `goesOn`: together with what was erased just before. */
  erase(slide: string, keys: Iterable<string>, goesOn = false): void {
    // The strokes from before a reload have to be known before they are gone.
    const deeds = this.deeds(slide);
    const erased = this.ink.erase(keys);
    if (erased.length === 0) return;
    const last = deeds.done.at(-1);
    if (goesOn && last && "erased" in last) last.erased = [...last.erased, ...erased];
    else deeds.done.push({ erased });
    deeds.undone = [];
  }

  canUndo(slide: string): boolean {
    return this.deeds(slide).done.length > 0;
  }

  canRedo(slide: string): boolean {
    return this.deeds(slide).undone.length > 0;
  }

  /** Returns whether there was something to undo. */
  undo(slide: string): boolean {
    const { done, undone } = this.deeds(slide);
    return this.turn(done, undone, true);
  }

  redo(slide: string): boolean {
    const { done, undone } = this.deeds(slide);
    return this.turn(undone, done, false);
  }

  /** Deeds that changed nothing (another page had erased the stroke already) are passed over. */
  private turn(from: Deed[], to: Deed[], back: boolean): boolean {
    for (let deed = from.pop(); deed; deed = from.pop()) {
      const turned = this.apply(deed, back);
      if (!turned) continue;
      to.push(turned);
      return true;
    }
    return false;
  }

  /** Taking back a stroke, or erasing again, keeps what the stroke has become meanwhile. */
  private apply(deed: Deed, back: boolean): Deed | null {
    const strokes = "drew" in deed ? deed.drew : deed.erased;
    if (back === "drew" in deed) {
      const gone = this.ink.erase(strokes.map((stroke) => stroke.key));
      if (gone.length === 0) return null;
      return "drew" in deed ? { drew: gone } : { erased: gone };
    }
    this.ink.put(strokes);
    return deed;
  }

  private deeds(slide: string): Deeds {
    const known = this.slides.get(slide);
    if (known) return known;
    const own = this.ink.strokes(slide).filter((stroke) => stroke.by === this.ink.by);
    const made: Deeds = { done: own.map((stroke) => ({ drew: [stroke] })), undone: [] };
    this.slides.set(slide, made);
    return made;
  }
}
