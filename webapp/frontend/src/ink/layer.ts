/**
 * Draws a slide's ink over its page, as SVG: sharp at any size, and moved and enlarged with the page.
 *
 * What changes is gathered and drawn once a frame. What is drawn is decided by outline.ts.
 */
import { colorOf, HIGHLIGHTER_WIDTH, pathOf } from "./outline";
import { INK_HEIGHT, INK_WIDTH, type Ink, type Stroke } from "./strokes";

const SVG = "http://www.w3.org/2000/svg";

export class InkLayer {
  private readonly element: SVGSVGElement;
  private readonly marks: SVGGElement;
  private readonly lines: SVGGElement;
  private readonly paths = new Map<string, SVGPathElement>();
  private readonly stale = new Set<string>();
  private readonly stopWatching: () => void;
  private frame = 0;

  constructor(
    page: HTMLElement,
    private readonly ink: Ink,
    slide: string,
  ) {
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("class", "ink");
    this.element.setAttribute("viewBox", `0 0 ${INK_WIDTH} ${INK_HEIGHT}`);
    // What is drawn can't be told in words; that it is there is said by the presenter.
    this.element.setAttribute("aria-hidden", "true");
    // Highlighting lies under the pen's lines, whenever it was made.
    this.marks = group("ink-marks");
    this.lines = group("ink-lines");
    this.element.append(this.marks, this.lines);
    page.append(this.element);
    for (const stroke of ink.strokes(slide)) this.draw(stroke.key);
    this.stopWatching = ink.watch(slide, (keys) => this.changed(keys));
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.stopWatching();
    this.element.remove();
  }

  private changed(keys: ReadonlySet<string>): void {
    keys.forEach((key) => this.stale.add(key));
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const stale = [...this.stale];
      this.stale.clear();
      for (const key of stale) this.draw(key);
    });
  }

  private draw(key: string): void {
    const stroke = this.ink.stroke(key);
    if (!stroke) {
      this.paths.get(key)?.remove();
      this.paths.delete(key);
      return;
    }
    const path = this.paths.get(key) ?? this.make(stroke);
    path.setAttribute("d", pathOf(stroke, !this.ink.isWet(key)));
  }

  private make(stroke: Stroke): SVGPathElement {
    const path = document.createElementNS(SVG, "path");
    path.dataset["stroke"] = stroke.key;
    path.dataset["by"] = stroke.by;
    const color = colorOf(stroke);
    if (stroke.pen === "highlighter") {
      path.setAttribute("stroke", color);
      path.setAttribute("stroke-width", String(HIGHLIGHTER_WIDTH));
      this.marks.append(path);
    } else {
      path.setAttribute("fill", color);
      this.lines.append(path);
    }
    this.paths.set(stroke.key, path);
    return path;
  }
}

function group(name: string): SVGGElement {
  const made = document.createElementNS(SVG, "g");
  made.setAttribute("class", name);
  return made;
}
