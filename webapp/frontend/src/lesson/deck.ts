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
import { words } from "./words";

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
  decorate(fragment);
  const holder = document.createElement("template");
  holder.content.append(fragment);
  return { html: holder.innerHTML, steps, isTitle: isTitle(holder.content) };
}

const COUNTER = /\s*\((\d+)\/(\d+)\)$/;

/** The API divides long sections and writes "(2/5)" behind their headings, boxes as quotes. */
function decorate(content: DocumentFragment): void {
  const heading = content.firstElementChild;
  const last = heading?.lastChild;
  if (heading && /^H[1-6]$/.test(heading.tagName) && last instanceof Text) {
    const counter = last.data.match(COUNTER);
    if (counter) {
      last.data = last.data.slice(0, -counter[0].length);
      const mark = document.createElement("span");
      mark.className = "counter";
      mark.textContent = `${counter[1]}/${counter[2]}`;
      heading.append(" ", mark);
    }
  }
  for (const quote of content.querySelectorAll("blockquote")) {
    const first = quote.firstElementChild;
    const title = first?.tagName === "P" ? first.firstChild : null;
    if (!(title instanceof HTMLElement) || title.tagName !== "STRONG") continue;
    const rest = (first?.textContent ?? "").slice((title.textContent ?? "").length);
    if (!/^\s*(\([^)]*\))?$/.test(rest)) continue;
    quote.classList.add("box");
    first?.classList.add("box-title");
  }
  for (const picture of content.querySelectorAll("img[data-missing]")) {
    picture.replaceWith(missingPicture(picture.getAttribute("data-missing") ?? ""));
  }
}

/** What stands in for a picture that is not there. */
export function missingPicture(description: string): HTMLElement {
  const sign = document.createElement("span");
  sign.className = "missing";
  sign.textContent = description ? words.picture(description) : words.missing;
  return sign;
}

/** Notes are Markdown too; their steps are the teacher's own affair. */
export function renderNotes(markdown: string): string {
  return markdown.trim() === "" ? "" : renderSlide(markdown).html;
}

export interface SlideLabel {
  text: string;
  /** A part of the section that the slide before belongs to. */
  continues: boolean;
}

const SNIPPET_CHARACTERS = 60;

/** What a list of slides calls this one: its title, or the first words of a section's later part. */
export function labelOf(slide: Slide): SlideLabel {
  const title = slide.title.replace(COUNTER, "").trim();
  const part = Number(slide.title.match(COUNTER)?.[1] ?? 1);
  const first = part > 1 ? firstWords(slide.markdown) : "";
  if (first) return { text: first, continues: true };
  return { text: title || firstWords(slide.markdown) || words.untitled, continues: false };
}

function firstWords(markdown: string): string {
  const line = markdown
    .split("\n")
    .filter((text) => !/^\s*(#|```|~~~|:::|<!--|!\[|\|?[-: |]+$)/.test(text))
    .map((text) => text.replace(/[*_`>#]|^\s*\d+[.)]\s|^\s*[-+]\s|\]\([^)]*\)|[[\]]/g, "").trim())
    .find((text) => text !== "");
  return (line ?? "").slice(0, SNIPPET_CHARACTERS);
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
