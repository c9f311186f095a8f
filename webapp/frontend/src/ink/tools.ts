/** What pen, highlighter, eraser and pointers do with a slide's points. */
import type { Pointer } from "../live/show";
import { touched } from "./eraser";
import type { InkHistory } from "./history";
import { slideOf, type Drawing, type Ink, type Pen } from "./strokes";
import type { Sample, Tool } from "./surface";

/** Points nearer than this to the last, in ink units, tell nothing new: 1.5 px of the page. */
const NEAR = 6;

export interface Desk {
  ink: Ink;
  history: InkHistory;
  /** The slide that is drawn on, as slideKey() names it. */
  slide: string;
}

/** Each finger draws a stroke of its own. */
export function penTool(desk: Desk, pen: Pen, color: string): Tool {
  const drawing = new Map<number, Drawing>();
  const rubber = eraserTool(desk);
  const rubbing = new Set<number>();
  return {
    down(pointer, at, isRubber, event) {
      if (isRubber) {
        rubbing.add(pointer);
        return rubber.down(pointer, at, true, event);
      }
      const pressed = at.pressure !== null && pen === "pen";
      const made = desk.ink.begin(desk.slide, { pen, color, ...(pressed ? { pressed } : {}) });
      drawing.set(pointer, made);
      made.add(numbers([at], pressed));
    },
    move(pointer, samples) {
      if (rubbing.has(pointer)) return rubber.move(pointer, samples);
      const made = drawing.get(pointer);
      if (!made) return;
      const pressed = made.stroke.pressed === true;
      const told = thinned(samples, made.stroke.points, pressed ? 3 : 2);
      if (told.length > 0) made.add(numbers(told, pressed));
    },
    up(pointer) {
      if (rubbing.delete(pointer)) return rubber.up(pointer);
      const made = drawing.get(pointer);
      drawing.delete(pointer);
      if (!made) return;
      made.end();
      desk.history.drew(slideOf(made.stroke.key), made.stroke.key);
    },
  };
}

export function eraserTool({ ink, history, slide }: Desk): Tool {
  const last = new Map<number, Sample>();
  // All that goes in one movement comes back at once.
  let goesOn = false;
  const rub = (path: readonly Sample[]): void => {
    const keys = touched(
      ink.strokes(slide),
      path.flatMap(({ x, y }) => [x, y]),
    );
    if (keys.length === 0) return;
    history.erase(slide, keys, goesOn);
    goesOn = true;
  };
  return {
    down(pointer, at) {
      if (last.size === 0) goesOn = false;
      last.set(pointer, at);
      rub([at]);
    },
    move(pointer, samples) {
      const before = last.get(pointer);
      const newest = samples.at(-1);
      if (!before || !newest) return;
      rub([before, ...samples]);
      last.set(pointer, newest);
    },
    up: (pointer) => void last.delete(pointer),
  };
}

/** Follows a mouse wherever it is, a finger while it is down. */
export function pointerTool(
  kind: Pointer["kind"],
  slide: number,
  show: (pointer: Pointer | null) => void,
): Tool {
  const at = (sample: Sample | null | undefined): void => {
    if (sample) show({ kind, slide, x: sample.x, y: sample.y });
    else if (sample === null) show(null);
  };
  let byFinger = false;
  return {
    down(_, sample, __, event) {
      byFinger = event.pointerType === "touch";
      at(sample);
    },
    move: (_, samples) => at(samples.at(-1)),
    up: () => (byFinger ? at(null) : undefined),
    hover: at,
  };
}

function thinned(samples: Sample[], points: readonly number[], step: number): Sample[] {
  let [x, y] = [points[points.length - step] ?? 0, points[points.length - step + 1] ?? 0];
  return samples.filter((sample) => {
    if (Math.hypot(sample.x - x, sample.y - y) < NEAR) return false;
    [x, y] = [sample.x, sample.y];
    return true;
  });
}

function numbers(samples: readonly Sample[], pressed: boolean): number[] {
  return samples.flatMap(({ x, y, pressure }) => (pressed ? [x, y, pressure ?? 50] : [x, y]));
}
