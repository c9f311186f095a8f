/** Turning slides by a finger on the slide, as on any phone. */

/** In CSS pixels. */
const FAR_ENOUGH = 50;
/** Slower than this is a hesitation, not a swipe. */
const WITHIN_MS = 700;

export interface Touch {
  x: number;
  y: number;
  /** ms */
  at: number;
}

/** null: a tap, or the scrolling of the page. */
export function swipeOf(from: Touch, to: Touch): "next" | "back" | null {
  const [across, along] = [to.x - from.x, to.y - from.y];
  if (Math.abs(across) < FAR_ENOUGH || Math.abs(across) < 2 * Math.abs(along)) return null;
  if (to.at - from.at > WITHIN_MS) return null;
  return across < 0 ? "next" : "back";
}

export function onSwipe(element: HTMLElement, turn: (to: "next" | "back") => void): () => void {
  let from: (Touch & { pointer: number }) | null = null;
  const ending = new AbortController();
  const { signal } = ending;
  const touchOf = (event: PointerEvent): Touch => ({
    x: event.clientX,
    y: event.clientY,
    at: event.timeStamp,
  });
  const down = (event: PointerEvent): void => {
    if (event.pointerType !== "touch") return;
    // A second finger enlarges the page; that is no swipe.
    from = event.isPrimary ? { ...touchOf(event), pointer: event.pointerId } : null;
  };
  const up = (event: PointerEvent): void => {
    if (from?.pointer !== event.pointerId) return;
    const swipe = swipeOf(from, touchOf(event));
    from = null;
    if (swipe) turn(swipe);
  };
  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", () => (from = null), { signal });
  return () => ending.abort();
}
