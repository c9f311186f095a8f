/**
 * The deck on the board, by reveal.js.
 *
 * reveal.js moves between slides and steps; what a slide looks like and how it is made to fit is
 * ours, the same as on the teacher's page. Slides are put in when they come near, so that a long
 * lesson starts as fast as a short one.
 */
import Reveal, { type RevealApi, type RevealConfig } from "reveal.js";
import "reveal.js/reveal.css";
import type { Hosts } from "../core/hosts";
import { InkLayer } from "../ink/layer";
import { Pointing } from "../ink/pointing";
import { slideKey, type Ink } from "../ink/strokes";
import type { Deck } from "../lesson/deck";
import { enlarge } from "../lesson/figures";
import { fitSlide, onTypefaces } from "../lesson/fit";
import { pointMedia, retryMedia } from "../lesson/media";
import { PAGE_HEIGHT, PAGE_WIDTH } from "../lesson/page";
import type { Place } from "../lesson/steps";
import type { Pointer } from "../live/show";

/** So many slides before and after the shown one are ready. */
const NEAR = 2;

export class Stage {
  private readonly reveal: RevealApi;
  private readonly ready: Promise<unknown>;
  private readonly sections: HTMLElement[];
  private readonly stopRetrying: () => void;
  private readonly stopFonts: () => void;
  private readonly layers: InkLayer[] = [];
  private readonly pointings = new Map<number, Pointing>();
  private slide = 0;
  private figure: number | null = null;
  private destroyed = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly deck: Deck,
    private readonly hosts: Hosts,
    private readonly ink: Ink,
    private readonly lesson: string,
  ) {
    this.sections = deck.slides.map(() => document.createElement("section"));
    const holder = document.createElement("div");
    holder.className = "slides";
    holder.append(...this.sections);
    root.replaceChildren(holder);
    this.stopRetrying = retryMedia(root, hosts);
    root.addEventListener("load", this.loaded, true);
    this.stopFonts = onTypefaces(() => this.refit());
    this.reveal = new Reveal(root, options());
    this.ready = this.reveal.initialize();
  }

  async show(place: Place): Promise<void> {
    await this.ready;
    if (this.destroyed) return;
    this.slide = place.slide;
    this.fillNear(place.slide);
    // Fragments count from 0, and -1 means none; without the argument reveal.js would choose.
    this.reveal.slide(place.slide, 0, place.step - 1);
    this.fit(place.slide);
  }

  /** Where teachers point on this slide. */
  async point(slide: number, pointers: readonly Pointer[]): Promise<void> {
    await this.ready;
    this.pointings.forEach((pointing, index) => pointing.show(index === slide ? pointers : []));
  }

  /** A figure of this slide that fills the screen; null for the whole slide. */
  async enlarge(slide: number, figure: number | null): Promise<void> {
    await this.ready;
    this.figure = figure;
    for (const index of this.pointings.keys()) {
      const page = this.page(index);
      if (page) enlarge(page, index === slide ? figure : null);
    }
  }

  destroy(): void {
    this.destroyed = true;
    for (const layer of this.layers) layer.destroy();
    this.root.removeEventListener("load", this.loaded, true);
    this.stopRetrying();
    this.stopFonts();
    void this.ready.then(() => this.reveal.destroy());
  }

  private fillNear(slide: number): void {
    for (let index = slide - NEAR; index <= slide + NEAR; index++) this.fill(index);
  }

  private fill(index: number): void {
    const section = this.sections[index];
    if (!section || section.firstElementChild) return;
    const rendered = this.deck.slide(index);
    const page = document.createElement("div");
    page.className = rendered.isTitle ? "slide-page slide-title" : "slide-page";
    const body = document.createElement("div");
    body.className = "slide-body";
    body.innerHTML = rendered.html;
    pointMedia(body, this.hosts);
    page.append(body);
    section.append(page);
    this.layers.push(new InkLayer(page, this.ink, slideKey(this.lesson, index)));
    this.pointings.set(index, new Pointing(page));
  }

  private page(index: number): HTMLElement | null {
    return this.sections[index]?.querySelector<HTMLElement>(".slide-page") ?? null;
  }

  private fit(index: number): void {
    const page = this.page(index);
    if (page) fitSlide(page);
  }

  private readonly loaded = (event: Event): void => {
    const page =
      event.target instanceof Element ? event.target.closest<HTMLElement>(".slide-page") : null;
    if (page === this.page(this.slide)) this.refit();
    else if (page) fitSlide(page);
  };

  private refit(): void {
    this.fit(this.slide);
    const page = this.page(this.slide);
    if (page) enlarge(page, this.figure);
  }
}

function options(): RevealConfig {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    width: PAGE_WIDTH,
    height: PAGE_HEIGHT,
    margin: 0,
    minScale: 0.05,
    maxScale: 20,
    center: false,
    // The teacher's page steers: nothing on the board does.
    controls: false,
    progress: false,
    keyboard: false,
    touch: false,
    mouseWheel: false,
    overview: false,
    help: false,
    pause: false,
    jumpToSlide: false,
    hash: false,
    history: false,
    respondToHashChanges: false,
    postMessage: false,
    postMessageEvents: false,
    autoAnimate: false,
    autoPlayMedia: false,
    preloadIframes: false,
    scrollActivationWidth: 0,
    transition: still ? "none" : "fade",
    transitionSpeed: "fast",
    viewDistance: NEAR + 1,
    mobileViewDistance: NEAR + 1,
  };
}
