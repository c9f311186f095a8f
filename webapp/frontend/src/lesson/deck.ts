/**
 * A lesson's slides, rendered when they are first needed and then kept.
 *
 * It answers what a slide looks like and how many steps it has; it knows nothing of reveal.js, of
 * the screen, or of where the class is.
 */
import type { Slide } from "../core/types";
import { renderMarkdown } from "./markdown";
import { sanitize } from "./sanitize";
import { applyElementComments, numberFragments } from "./steps";

export interface RenderedSlide {
  html: string;
  steps: number;
  /** Nothing but headings and perhaps a line: shown large and centred. */
  isTitle: boolean;
}

const TITLE_CHARACTERS_MOST = 160;

export function renderSlide(markdown: string): RenderedSlide {
  // A parsed document is inert: nothing in it runs or loads before it was made harmless.
  const body = new DOMParser().parseFromString(renderMarkdown(markdown), "text/html").body;
  applyElementComments(body);
  const fragment = sanitize(body);
  const steps = numberFragments(fragment);
  const holder = document.createElement("template");
  holder.content.append(fragment);
  return { html: holder.innerHTML, steps, isTitle: isTitle(holder.content) };
}

function isTitle(content: DocumentFragment): boolean {
  const blocks = [...content.children];
  return (
    /^H[1-3]$/.test(blocks[0]?.tagName ?? "") &&
    blocks.every((block) => /^(H[1-6]|P)$/.test(block.tagName)) &&
    content.querySelector("img, video") === null &&
    (content.textContent ?? "").trim().length <= TITLE_CHARACTERS_MOST &&
    blocks.length <= 4
  );
}

const EMPTY: RenderedSlide = { html: "", steps: 0, isTitle: false };

export class Deck {
  private readonly rendered = new Map<number, RenderedSlide>();

  constructor(readonly slides: readonly Slide[]) {}

  get length(): number {
    return this.slides.length;
  }

  slide(index: number): RenderedSlide {
    const known = this.rendered.get(index);
    if (known) return known;
    const source = this.slides[index];
    if (!source) return EMPTY;
    const made = renderSlide(source.markdown);
    this.rendered.set(index, made);
    return made;
  }

  stepsOf = (index: number): number => this.slide(index).steps;
}
