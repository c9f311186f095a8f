/**
 * The figures of a slide, and one of them enlarged to fill the page: pictures, videos, tables, code.
 *
 * A figure is named by its number, not by where it stands: each screen enlarges its own.
 */
import { PAGE_HEIGHT, PAGE_WIDTH } from "./page";

const FIGURES = "img, video, table, pre";
/** An enlarged figure leaves this share of the page around it. */
const MARGIN = 0.03;
const MOST = 8;

export function figuresOf(page: Element): HTMLElement[] {
  const all = [...page.querySelectorAll<HTMLElement>(`.slide-body :is(${FIGURES})`)];
  return all.filter((figure) => !figure.parentElement?.closest(FIGURES));
}

/** The figure at a point of the screen, or -1. */
export function figureAt(page: Element, x: number, y: number): number {
  return figuresOf(page).findIndex((figure) => {
    const box = figure.getBoundingClientRect();
    return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  });
}

/** Moves and enlarges the page so that the figure fills it; null, or no such figure: as usual. */
export function enlarge(page: HTMLElement, figure: number | null): void {
  const target = figure === null ? undefined : figuresOf(page)[figure];
  if (!target) {
    page.classList.remove("enlarged");
    return;
  }
  // Both boxes as they are on the screen, whatever has scaled them: only their relation counts.
  const whole = page.getBoundingClientRect();
  const box = target.getBoundingClientRect();
  if (whole.width === 0 || box.width === 0 || box.height === 0) return;
  const unit = PAGE_WIDTH / whole.width;
  const [width, height] = [box.width * unit, box.height * unit];
  const [left, top] = [(box.left - whole.left) * unit, (box.top - whole.top) * unit];
  const room = 1 - 2 * MARGIN;
  const scale = Math.min((PAGE_WIDTH * room) / width, (PAGE_HEIGHT * room) / height, MOST);
  page.style.setProperty("--enlarge", scale.toFixed(4));
  page.style.setProperty("--enlarge-x", `${(PAGE_WIDTH - width * scale) / 2 - left * scale}px`);
  page.style.setProperty("--enlarge-y", `${(PAGE_HEIGHT - height * scale) / 2 - top * scale}px`);
  page.classList.add("enlarged");
}
