import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { touched } from "../src/ink/eraser";
import { InkHistory } from "../src/ink/history";
import { COLORS, pathOf } from "../src/ink/outline";
import { Ink, slideKey, type Stroke } from "../src/ink/strokes";
import { eraserTool, penTool } from "../src/ink/tools";

const LESSON = "0192f0c1-2b3c-7d4e-8f50-a1b2c3d4e5f6";
const SLIDE = slideKey(LESSON, 2);

/** Pages of one session, in step unless one was cut off. */
class Pages {
  readonly docs: Y.Doc[] = [];
  readonly sent: number[] = [];
  cut = false;

  open(by: string): Ink {
    const doc = new Y.Doc();
    for (const other of this.docs.slice(0, 1)) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
    this.docs.push(doc);
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "other") return;
      this.sent.push(update.length);
      if (!this.cut) this.spread(doc, update);
    });
    return new Ink(doc, by);
  }

  heal(): void {
    this.cut = false;
    for (const doc of this.docs) this.spread(doc, Y.encodeStateAsUpdate(doc));
  }

  private spread(from: Y.Doc, update: Uint8Array): void {
    for (const doc of this.docs) if (doc !== from) Y.applyUpdate(doc, update, "other");
  }
}

function line(length: number, y = 100): number[] {
  return Array.from({ length }, (_, index) => [index * 10, y]).flat();
}

function drawn(ink: Ink, points: number[], slide = SLIDE): string {
  const drawing = ink.begin(slide, { pen: "pen", color: "red" });
  drawing.add(points);
  drawing.end();
  return drawing.stroke.key;
}

function points(ink: Ink, slide = SLIDE): number[][] {
  return ink.strokes(slide).map((stroke) => stroke.points);
}

let pages: Pages;
let teacher: Ink;
let board: Ink;

beforeEach(() => {
  vi.useFakeTimers();
  pages = new Pages();
  teacher = pages.open("laptop");
  board = pages.open("board");
});

afterEach(() => vi.useRealTimers());

describe("a stroke", () => {
  test("is on every page to the last point, with its head", () => {
    const key = drawn(teacher, line(20));
    expect(board.stroke(key)).toEqual(teacher.stroke(key));
    expect(board.stroke(key)).toMatchObject({ pen: "pen", color: "red", by: "laptop" });
    expect(points(board)).toEqual([line(20)]);
  });

  test("of a pen that feels pressure keeps it", () => {
    const drawing = teacher.begin(SLIDE, { pen: "pen", color: "red", pressed: true });
    drawing.add([10, 20, 50]);
    drawing.add([12, 25, 80, 9, 30, 0]);
    drawing.end();
    expect(points(board)).toEqual([[10, 20, 50, 12, 25, 80, 9, 30, 0]]);
  });

  test("is seen at once here and goes out in batches that only add points", () => {
    const drawing = teacher.begin(SLIDE, { pen: "pen", color: "red" });
    for (let moved = 0; moved < 1_000; moved += 4) {
      drawing.add([moved, 100 + (moved % 50)]);
      vi.advanceTimersByTime(4);
      expect(points(teacher)[0]?.length).toBe((moved / 4 + 1) * 2);
    }
    drawing.end();
    expect(points(board)).toEqual(points(teacher));
    expect(pages.sent.length).toBeLessThanOrEqual(32); // a second's drawing
    expect(Math.max(...pages.sent.slice(1))).toBeLessThan(120); // bytes
  });

  test("costs a document a few hundred bytes", () => {
    const empty = Y.encodeStateAsUpdate(pages.docs[0]!).length;
    for (let count = 0; count < 100; count++) drawn(teacher, line(50, count));
    const each = (Y.encodeStateAsUpdate(pages.docs[0]!).length - empty) / 100;
    expect(each).toBeLessThan(400);
  });

  test("that was drawn while the page was cut off comes whole, once", () => {
    pages.cut = true;
    drawn(teacher, line(5));
    drawn(board, line(6));
    pages.heal();
    pages.heal();
    expect(points(teacher)).toHaveLength(2);
    expect(points(board)).toEqual(points(teacher));
  });

  test("erased by another while it is drawn stays erased", () => {
    const drawing = teacher.begin(SLIDE, { pen: "pen", color: "red" });
    drawing.add([1, 1]);
    board.erase([drawing.stroke.key]);
    drawing.add([50, 50]);
    vi.advanceTimersByTime(100);
    drawing.end();
    expect(points(teacher)).toEqual([]);
    expect(points(board)).toEqual([]);
  });

  test("belongs to one slide of one lesson", () => {
    drawn(teacher, line(3));
    expect(points(board, slideKey(LESSON, 1))).toEqual([]);
    expect(points(board, slideKey(LESSON, 22))).toEqual([]);
    expect(points(board, slideKey("another", 2))).toEqual([]);
  });

  test("of another version, or rubbish, is passed over", () => {
    const entries = pages.docs[0]!.getMap("ink");
    entries.set(`${SLIDE}/a`, "rubbish");
    entries.set(`${SLIDE}/b`, Y.Array.from<object | number | string>([{ pen: "brush" }, 1, 2]));
    entries.set(`${SLIDE}/c`, Y.Array.from<object | number | string>([{ pen: "pen", color: "x", by: "y", at: 1 }, "z"]));
    entries.set("noslashes", new Y.Array());
    const key = drawn(teacher, line(3));
    expect(board.strokes(SLIDE).map((stroke) => stroke.key)).toEqual([key]);
  });

  test("of last month is forgotten, yesterday's is not", () => {
    vi.setSystemTime(Date.now() - 40 * 24 * 3600 * 1_000);
    drawn(teacher, line(3));
    vi.setSystemTime(Date.now() + 39 * 24 * 3600 * 1_000);
    const kept = drawn(teacher, line(4));
    vi.setSystemTime(Date.now() + 24 * 3600 * 1_000);
    teacher.forgetOld();
    expect(board.strokes(SLIDE).map((stroke) => stroke.key)).toEqual([kept]);
  });

  test("beyond what a document should hold is forgotten, the oldest first", () => {
    const long = line(25_000); // 50,000 numbers
    const keys = [1, 2, 3, 4].map((day) => {
      vi.setSystemTime(Date.now() + day * 60_000);
      return drawn(teacher, long);
    });
    teacher.forgetOld();
    expect(board.strokes(SLIDE).map((stroke) => stroke.key)).toEqual(keys.slice(1));
    teacher.forgetOld();
    expect(board.strokes(SLIDE)).toHaveLength(3);
  });

  test("tells those who watch its slide, and nobody else", () => {
    const here = vi.fn();
    const there = vi.fn();
    board.watch(SLIDE, here);
    board.watch(slideKey(LESSON, 3), there);
    const key = drawn(teacher, line(3));
    expect([...here.mock.lastCall![0]]).toEqual([key]);
    teacher.erase([key]);
    expect(here).toHaveBeenCalledTimes(2);
    expect(there).not.toHaveBeenCalled();
  });
});

describe("undo", () => {
  let history: InkHistory;
  beforeEach(() => (history = new InkHistory(teacher)));

  function draws(y: number, slide = SLIDE): string {
    const key = drawn(teacher, line(3, y), slide);
    history.drew(slide, key);
    return key;
  }

  test("takes back one's own strokes, the newest first, and redo brings them back", () => {
    draws(1);
    draws(2);
    drawn(board, line(3, 9));
    history.undo(SLIDE);
    history.undo(SLIDE);
    expect(history.undo(SLIDE)).toBe(false);
    expect(points(board)).toEqual([line(3, 9)]);
    history.redo(SLIDE);
    expect(points(board)).toContainEqual(line(3, 1));
    history.redo(SLIDE);
    expect(history.redo(SLIDE)).toBe(false);
    expect(points(board)).toHaveLength(3);
  });

  test("brings back what was erased, another's strokes too", () => {
    const own = draws(1);
    const others = drawn(board, line(3, 9));
    history.erase(SLIDE, [own, others]);
    expect(points(board)).toEqual([]);
    history.undo(SLIDE);
    expect(points(board)).toHaveLength(2);
    history.redo(SLIDE);
    expect(points(board)).toEqual([]);
  });

  test("works on the slide that is shown only", () => {
    draws(1);
    draws(2, slideKey(LESSON, 3));
    expect(history.undo(SLIDE)).toBe(true);
    expect(points(board, slideKey(LESSON, 3))).toHaveLength(1);
  });

  test("passes over what another has erased meanwhile", () => {
    draws(1);
    const gone = draws(2);
    board.erase([gone]);
    expect(history.undo(SLIDE)).toBe(true);
    expect(points(board)).toEqual([]);
  });

  test("knows one's own strokes after a reload", () => {
    draws(1);
    drawn(board, line(3, 9));
    const reloaded = pages.open("laptop");
    const again = new InkHistory(reloaded);
    expect(again.undo(SLIDE)).toBe(true);
    expect(again.undo(SLIDE)).toBe(false);
    expect(points(board)).toEqual([line(3, 9)]);
  });

  test("of a deed forgets what was undone before it", () => {
    draws(1);
    history.undo(SLIDE);
    draws(2);
    expect(history.canRedo(SLIDE)).toBe(false);
  });
});

describe("the eraser", () => {
  const stroke = { pen: "pen", points: [0, 0, 1000, 0] } as unknown as Stroke;
  const named = (key: string, points: number[]): Stroke => ({ ...stroke, key, points });

  test("takes strokes that its path touches or crosses, between points too", () => {
    const strokes = [
      named("crossed", [0, 0, 2000, 0]),
      named("far", [0, 900, 2000, 900]),
      named("near its end", [1000, 300, 1000, 230]),
      named("dot", [1000, 120]),
    ];
    const path = [1000, -200, 1000, 190];
    expect(touched(strokes, path)).toEqual(["crossed", "near its end", "dot"]);
  });

  test("works while it moves, and undo brings back all that went in one movement", () => {
    const history = new InkHistory(teacher);
    for (const y of [100, 800, 1000]) history.drew(SLIDE, drawn(teacher, line(100, y)));
    const tool = eraserTool({ ink: teacher, history, slide: SLIDE });
    const at = (y: number) => ({ x: 500, y, pressure: null });
    tool.down(1, at(500), false, {} as PointerEvent);
    expect(points(board)).toHaveLength(3);
    tool.move(1, [at(700), at(800)]);
    expect(points(board)).toHaveLength(2);
    tool.move(1, [at(1100)]);
    tool.up(1);
    expect(points(board)).toEqual([line(100, 100)]);
    tool.down(2, at(100), false, {} as PointerEvent);
    tool.up(2);
    history.undo(SLIDE);
    expect(points(board)).toEqual([line(100, 100)]);
    history.undo(SLIDE);
    expect(points(board)).toHaveLength(3);
  });
});

describe("the pen", () => {
  const sample = (x: number, y: number, pressure: number | null = null) => ({ x, y, pressure });
  const event = {} as PointerEvent;

  test("draws with each finger, and leaves out what a hand's trembling adds", () => {
    const history = new InkHistory(teacher);
    const tool = penTool({ ink: teacher, history, slide: SLIDE }, "pen", "blue");
    tool.down(1, sample(0, 0), false, event);
    tool.down(2, sample(500, 500), false, event);
    tool.move(1, [sample(1, 1), sample(2, 1), sample(40, 40)]);
    tool.move(2, [sample(540, 500)]);
    tool.up(1);
    tool.up(2);
    expect(points(board)).toContainEqual([0, 0, 40, 40]);
    expect(points(board)).toContainEqual([500, 500, 540, 500]);
    history.undo(SLIDE);
    expect(points(board)).toHaveLength(1);
  });

  test("held upside down erases", () => {
    const history = new InkHistory(teacher);
    drawn(teacher, line(100, 100));
    const tool = penTool({ ink: teacher, history, slide: SLIDE }, "pen", "blue");
    tool.down(1, sample(500, 100, 40), true, event);
    tool.up(1);
    expect(points(board)).toEqual([]);
  });
});

describe("what a stroke looks like", () => {
  const stroke: Stroke = {
    pen: "pen", color: "red", by: "b", at: 1, key: "k", points: line(10),
  };

  test("a path, for a dot too", () => {
    expect(pathOf(stroke, true)).toMatch(/^M[-\d. ]+Q[-\d. ]+Z$/);
    expect(pathOf({ ...stroke, points: [5, 5] }, true)).toMatch(/^M/);
    expect(pathOf({ ...stroke, pen: "highlighter", points: [5, 5] }, true)).toBe("M5 5h1");
    expect(pathOf({ ...stroke, points: [] }, true)).toBe("");
  });

  test("each pen's colours can be told from the slide's paper", () => {
    const luminance = (hex: string): number => {
      const [r, g, b] = [1, 3, 5].map((at) => {
        const part = parseInt(hex.slice(at, at + 2), 16) / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    for (const color of Object.values(COLORS.pen)) {
      expect((luminance("#fdfcf9") + 0.05) / (luminance(color) + 0.05)).toBeGreaterThan(4.5);
    }
  });
});
