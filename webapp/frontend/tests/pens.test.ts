import { h, render } from "preact";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { Pens } from "../src/board/Pens";
import { Ink, slideKey } from "../src/ink/strokes";

const SLIDE = slideKey("0192f0c1-2b3c-7d4e-8f50-a1b2c3d4e5f6", 0);

test("who takes the eraser and draws at once, writes nothing", async () => {
  const holder = document.createElement("div");
  holder.innerHTML = '<div class="present"><div class="slide-page"></div></div>';
  holder.setPointerCapture = () => undefined;
  const page = holder.querySelector(".slide-page") as HTMLElement;
  page.getBoundingClientRect = () => new DOMRect(0, 0, 960, 540);
  const root = document.createElement("div");
  document.body.append(holder, root);
  const ink = new Ink(new Y.Doc(), "device");
  const press = (): void => {
    for (const type of ["pointerdown", "pointerup"]) {
      const event = new MouseEvent(type, { clientX: 100, clientY: 100, bubbles: true });
      holder.dispatchEvent(Object.assign(event, { pointerId: 1, pointerType: "mouse" }));
    }
  };
  render(h(Pens, { stage: { current: holder }, ink, slide: SLIDE }), root);
  press();
  expect(ink.strokes(SLIDE)).toHaveLength(1);

  (root.querySelector('[data-testid="eraser"]') as HTMLElement).click();
  await Promise.resolve(); // the browser's next event comes after this, and maybe before its next frame
  press();
  expect(ink.strokes(SLIDE)).toHaveLength(0);
});
