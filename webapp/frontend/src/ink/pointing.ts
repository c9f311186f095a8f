/** Laser points and spotlights on a slide's page: where teachers point just now. */
import type { Pointer } from "../live/show";
import { INK_UNITS } from "./strokes";

export class Pointing {
  private elements: HTMLElement[] = [];

  constructor(private readonly page: HTMLElement) {}

  show(pointers: readonly Pointer[]): void {
    while (this.elements.length > pointers.length) this.elements.pop()?.remove();
    pointers.forEach((pointer, index) => this.place(pointer, index));
  }

  private place(pointer: Pointer, index: number): void {
    const known = this.elements[index];
    const element = known ?? document.createElement("div");
    element.className = `pointer pointer-${pointer.kind}`;
    element.dataset["testid"] = `pointer-${pointer.kind}`;
    element.style.transform = `translate(${pointer.x / INK_UNITS}px, ${pointer.y / INK_UNITS}px)`;
    if (known) return;
    element.setAttribute("aria-hidden", "true");
    this.elements.push(element);
    this.page.append(element);
  }
}
