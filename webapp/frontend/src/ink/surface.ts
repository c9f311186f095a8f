/**
 * Fingers, mice and pens on a slide, as points of the slide.
 *
 * All samples that the device took between two frames are handed on, or quick curves would become
 * polygons. What the points do is the tool's matter.
 */
import { INK_HEIGHT, INK_WIDTH } from "./strokes";

export interface Sample {
  /** Ink units from the slide's upper left. */
  x: number;
  y: number;
  /** 0 to 100; null for what does not feel pressure. */
  pressure: number | null;
}

export interface Tool {
  /** `rubber`: the pen is held upside down. */
  down(pointer: number, at: Sample, rubber: boolean, event: PointerEvent): void;
  move(pointer: number, samples: Sample[]): void;
  up(pointer: number): void;
  /** A mouse or pen above the slide; null when it has left. */
  hover?(at: Sample | null): void;
}

/** The bit of PointerEvent.buttons that a pen's eraser end sets. */
const ERASER_BUTTON = 32;

/** Lets a tool work on the page that `find` finds inside `holder`. Returns how to put it down. */
export function handTool(holder: HTMLElement, tool: Tool, find = ".slide-page"): () => void {
  const down = new Map<number, string>();
  const ending = new AbortController();
  const { signal } = ending;

  const samples = (events: PointerEvent[]): Sample[] => {
    const page = holder.querySelector(find)?.getBoundingClientRect();
    return page ? events.map((event) => sample(event, page)) : [];
  };

  const press = (event: PointerEvent): void => {
    const penIsDown = [...down.values()].includes("pen");
    // A hand that rests on the screen while its pen writes is no finger.
    if (event.button > 0 && !(event.buttons & ERASER_BUTTON)) return;
    if (event.pointerType === "touch" && penIsDown) return;
    const [at] = samples([event]);
    if (!at) return;
    event.preventDefault();
    holder.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event.pointerType);
    tool.down(event.pointerId, at, (event.buttons & ERASER_BUTTON) !== 0, event);
  };

  const move = (event: PointerEvent): void => {
    if (!down.has(event.pointerId)) {
      if (event.pointerType !== "touch") tool.hover?.(samples([event])[0] ?? null);
      return;
    }
    const all = event.getCoalescedEvents?.() ?? [];
    tool.move(event.pointerId, samples(all.length > 0 ? all : [event]));
  };

  const lift = (event: PointerEvent): void => {
    if (down.delete(event.pointerId)) tool.up(event.pointerId);
  };

  const leave = (event: PointerEvent): void => {
    if (!down.has(event.pointerId)) tool.hover?.(null);
  };

  holder.addEventListener("pointerdown", press, { signal });
  holder.addEventListener("pointermove", move, { signal });
  holder.addEventListener("pointerup", lift, { signal });
  holder.addEventListener("pointercancel", lift, { signal });
  holder.addEventListener("pointerleave", leave, { signal });
  // A long press is a stroke that has stopped for a moment, not a wish for a menu.
  holder.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  return () => {
    ending.abort();
    for (const pointer of down.keys()) tool.up(pointer);
    tool.hover?.(null);
  };
}

function sample(event: PointerEvent, page: DOMRect): Sample {
  const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  return {
    x: Math.round(within(((event.clientX - page.left) / page.width) * INK_WIDTH, INK_WIDTH)),
    y: Math.round(within(((event.clientY - page.top) / page.height) * INK_HEIGHT, INK_HEIGHT)),
    pressure: event.pointerType === "pen" ? Math.round(event.pressure * 100) : null,
  };
}
