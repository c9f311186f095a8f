/** What a stroke looks like: its points as an SVG path. Pure; who draws it where is layer.ts. */
import { getStroke } from "perfect-freehand";
import { stepOf, type Pen, type Stroke } from "./strokes";

/** Widths in ink units: 7 and 28 pixels of a slide 1280 wide, to be seen from the last row. */
export const PEN_WIDTH = 28;
export const HIGHLIGHTER_WIDTH = 112;

/** Each contrasts with the slide's paper by 4.5 : 1 at least; the marker's let black text through. */
export const COLORS: Record<Pen, Record<string, string>> = {
  pen: { black: "#1b2631", red: "#c01f2e", blue: "#1c5cc8", green: "#14713a", purple: "#7b2fa8" },
  highlighter: { yellow: "#ffe14a", green: "#8ff0a4", blue: "#9fd3ff", pink: "#ffb3d1" },
};

export function colorOf(stroke: { pen: Pen; color: string }): string {
  const known = COLORS[stroke.pen];
  return known[stroke.color] ?? Object.values(known)[0] ?? "black";
}

/** A filled outline for the pen. The highlighter's is its middle line, as wide as a marker's tip. */
export function pathOf(stroke: Stroke, isOver: boolean): string {
  const points = triples(stroke);
  if (stroke.pen === "highlighter") return line(points);
  const outline = getStroke(points, {
    size: PEN_WIDTH,
    thinning: 0.5,
    smoothing: 0.5,
    streamline: 0.35,
    simulatePressure: !stroke.pressed,
    last: isOver,
  });
  return smooth(outline as [number, number][]);
}

type Point = [x: number, y: number, pressure: number];

function triples(stroke: Stroke): Point[] {
  const { points } = stroke;
  const step = stepOf(stroke);
  const made: Point[] = [];
  for (let at = 0; at + step <= points.length; at += step) {
    const pressure = step === 3 ? (points[at + 2] ?? 50) / 100 : 0.5;
    made.push([points[at] ?? 0, points[at + 1] ?? 0, pressure]);
  }
  return made;
}

function line(points: Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const at = `M${first[0]} ${first[1]}`;
  // A tap leaves a dot: a line without length would not be drawn.
  return rest.length === 0 ? `${at}h1` : at + rest.map(([x, y]) => `L${x} ${y}`).join("");
}

/** Quadratic curves through the middles of the outline's sides, as perfect-freehand recommends. */
function smooth(outline: [number, number][]): string {
  const first = outline[0];
  if (!first) return "";
  const parts = outline.map(([x, y], index) => {
    const [nextX, nextY] = outline[(index + 1) % outline.length] ?? first;
    return `${round(x)} ${round(y)} ${round((x + nextX) / 2)} ${round((y + nextY) / 2)}`;
  });
  return `M${round(first[0])} ${round(first[1])}Q${parts.join(" ")}Z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
