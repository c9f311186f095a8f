/** Which strokes an eraser touches: whole strokes go, as on most touch boards. */
import { HIGHLIGHTER_WIDTH, PEN_WIDTH } from "./outline";
import { stepOf, type Stroke } from "./strokes";

/** In ink units: a finger on a phone covers about this much of a slide. */
const RADIUS = 60;

/** `path`: x and y of the eraser's points, one after the other. */
export function touched(strokes: readonly Stroke[], path: readonly number[]): string[] {
  return strokes.filter((stroke) => touches(stroke, path)).map((stroke) => stroke.key);
}

function touches(stroke: Stroke, path: readonly number[]): boolean {
  const reach = RADIUS + (stroke.pen === "highlighter" ? HIGHLIGHTER_WIDTH : PEN_WIDTH) / 2;
  const line = pairs(stroke.points, stepOf(stroke));
  const rubbed = pairs(path, 2);
  return segments(rubbed).some((rub) =>
    segments(line).some((side) => distance(rub, side) <= reach),
  );
}

type Point = readonly [x: number, y: number];
type Segment = readonly [Point, Point];

function pairs(values: readonly number[], step: number): Point[] {
  const made: Point[] = [];
  for (let at = 0; at + 1 < values.length; at += step) {
    made.push([values[at] ?? 0, values[at + 1] ?? 0]);
  }
  return made;
}

function segments(points: readonly Point[]): Segment[] {
  return points.map((point, index) => [points[Math.max(0, index - 1)] ?? point, point]);
}

function distance(a: Segment, b: Segment): number {
  if (cross(a, b)) return 0;
  return Math.min(toSegment(a[0], b), toSegment(a[1], b), toSegment(b[0], a), toSegment(b[1], a));
}

function toSegment([x, y]: Point, [[ax, ay], [bx, by]]: Segment): number {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = length === 0 ? 0 : ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length;
  const at = Math.min(1, Math.max(0, along));
  return Math.hypot(x - ax - at * (bx - ax), y - ay - at * (by - ay));
}

function cross([a, b]: Segment, [c, d]: Segment): boolean {
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

function side([ax, ay]: Point, [bx, by]: Point, [x, y]: Point): number {
  return Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax));
}
