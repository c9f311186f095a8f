import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { accept, OfferedInk, type Offer } from "../src/ink/offers";
import { Ink, slideKey } from "../src/ink/strokes";

const LESSON = "0192f0c1-2b3c-7d4e-8f50-a1b2c3d4e5f6";
const SLIDE = slideKey(LESSON, 0);

let teacher: Ink;
let board: OfferedInk;
let boardDoc: Y.Doc;
let offered: Offer | null;
/** What the board's own document was changed by: it must only ever follow. */
let boardWrote: number;

beforeEach(() => {
  vi.useFakeTimers();
  const doc = new Y.Doc();
  boardDoc = new Y.Doc();
  boardWrote = 0;
  doc.on("update", (update: Uint8Array) => Y.applyUpdate(boardDoc, update, "teacher"));
  boardDoc.on("update", (_: Uint8Array, origin: unknown) => {
    if (origin !== "teacher") boardWrote += 1;
  });
  teacher = new Ink(doc, "laptop");
  board = new OfferedInk(boardDoc, "p1", (offer) => (offered = offer));
  offered = null;
});

afterEach(() => {
  vi.useRealTimers();
  expect(boardWrote).toBe(0);
});

function arrive(offer = offered): void {
  // As it comes over the network: a copy, in JSON.
  accept(teacher, JSON.parse(JSON.stringify(offer)), "p1", LESSON);
}

function draw(points: number[], slide = SLIDE): string {
  const drawing = board.begin(slide, { pen: "pen", color: "blue" });
  for (let at = 0; at < points.length; at += 2) {
    drawing.add(points.slice(at, at + 2));
    vi.advanceTimersByTime(40);
  }
  drawing.end();
  return drawing.stroke.key;
}

const line = (length: number): number[] =>
  Array.from({ length }, (_, index) => [index % 5_000, index % 2_000]).flat();

test("a board's stroke is seen there at once and written by the teacher's page", () => {
  const key = draw(line(10));
  expect(board.stroke(key)?.points).toEqual(line(10));
  expect(teacher.stroke(key)).toBeNull();
  arrive();
  expect(teacher.stroke(key)).toMatchObject({ by: "p1", color: "blue", points: line(10) });
  expect(board.stroke(key)?.points).toEqual(line(10));
  expect(offered).toBeNull();
});

test("offers may be lost, come twice and late; nothing is doubled", () => {
  const drawing = board.begin(SLIDE, { pen: "pen", color: "blue" });
  const offers: (Offer | null)[] = [];
  for (let at = 0; at < 60; at++) {
    drawing.add([at * 10, at]);
    vi.advanceTimersByTime(40);
    offers.push(offered);
    if (at % 3 === 0) arrive();
    if (at % 7 === 0) arrive(offers[Math.floor(at / 2)]!);
  }
  drawing.end();
  arrive();
  arrive(offers[5]!);
  const whole = Array.from({ length: 60 }, (_, at) => [at * 10, at]).flat();
  expect(teacher.strokes(SLIDE).map((stroke) => stroke.points)).toEqual([whole]);
});

test("a long stroke goes over in parts that a host takes", () => {
  const key = draw(line(2_500));
  for (let turn = 0; turn < 5 && offered; turn++) {
    expect(JSON.stringify(offered).length).toBeLessThan(16 * 1024);
    arrive();
  }
  expect(teacher.stroke(key)?.points).toEqual(line(2_500));
});

test("the class erases what it drew, and not the teacher's ink", () => {
  const own = draw(line(5));
  arrive();
  const drawing = teacher.begin(SLIDE, { pen: "pen", color: "red" });
  drawing.add([1, 1]);
  drawing.end();
  board.erase([own, drawing.stroke.key]);
  expect(board.strokes(SLIDE).map((stroke) => stroke.by)).toEqual(["laptop"]);
  arrive({ strokes: [], erase: [own, drawing.stroke.key] });
  expect(teacher.strokes(SLIDE).map((stroke) => stroke.by)).toEqual(["laptop"]);
  expect(offered).toBeNull();
});

test("what the teacher erases under the pupil's pen stays erased", () => {
  const drawing = board.begin(SLIDE, { pen: "pen", color: "blue" });
  drawing.add([1, 1]);
  arrive();
  const late = offered;
  teacher.erase([drawing.stroke.key]);
  drawing.add([100, 100]);
  vi.advanceTimersByTime(50);
  drawing.end();
  arrive();
  arrive(late);
  expect(teacher.strokes(SLIDE)).toEqual([]);
  expect(board.strokes(SLIDE)).toEqual([]);
});

test("when the pens are taken away, what was not written is gone", () => {
  draw(line(5));
  board.withdraw();
  expect(offered).toBeNull();
  expect(board.strokes(SLIDE)).toEqual([]);
});

const head = { pen: "pen", color: "red", by: "p1", at: 1 };
const good = { key: `${SLIDE}/abc`, head, from: 0, points: [1, 1] };

test("the example below is taken, and its date is never in the future", () => {
  const late = { ...good, head: { ...head, at: 9e15, more: "rubbish" } };
  accept(teacher, { strokes: [late], erase: [] }, "p1", LESSON);
  const [taken] = teacher.strokes(SLIDE);
  expect(taken).toMatchObject({ by: "p1", points: [1, 1] });
  expect(taken!.at).toBeLessThanOrEqual(Date.now());
  expect(taken).not.toHaveProperty("more");
});

test.each([
  null,
  7,
  { strokes: 7, erase: {} },
  { strokes: [null, 7, {}], erase: [null, {}] },
  { strokes: [{ ...good, key: "show" }] },
  { strokes: [{ ...good, key: "another-lesson/0/abc" }] },
  { strokes: [{ ...good, head: { ...head, by: "laptop" } }] },
  { strokes: [{ ...good, head: { ...head, color: "x".repeat(1_000) } }] },
  { strokes: [{ ...good, from: -1 }] },
  { strokes: [{ ...good, from: 4 }] },
  { strokes: [{ ...good, points: [1, "1"] }] },
  { strokes: [{ ...good, points: [1, 1e9] }] },
  { strokes: [{ ...good, points: Array.from({ length: 7_000 }, () => 1) }] },
])("%#: a board that offers rubbish, or another's ink, gets nothing", (offer) => {
  accept(teacher, offer, "p1", LESSON);
  expect(teacher.size).toBe(0);
});
