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
import type { Deck } from "../lesson/deck";
import { fitSlide } from "../lesson/fit";
import { pointMedia, retryMedia } from "../lesson/media";
import type { Place } from "../lesson/steps";

const PAGE_WIDTH = 1280;
/** Screens from upright to very wide: beyond, there is a border rather than an odd page. */
const ASPECT_LEAST = 1.25;
const ASPECT_MOST = 2;
/** So many slides before and after the shown one are ready. */
const NEAR = 2;

export class Stage {
  private readonly reveal: RevealApi;
  private readonly ready: Promise<unknown>;
  private readonly sections: HTMLElement[];
  private readonly stopRetrying: () => void;
  private destroyed = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly deck: Deck,
    private readonly hosts: Hosts,
  ) {
    this.sections = deck.slides.map(() => document.createElement("section"));
    const holder = document.createElement("div");
    holder.className = "slides";
    holder.append(...this.sections);
    root.replaceChildren(holder);
    this.stopRetrying = retryMedia(root, hosts);
    root.addEventListener("load", this.loaded, true);
    this.reveal = new Reveal(root, options(pageHeight()));
    this.setPageHeight();
    this.ready = this.reveal.initialize();
    window.addEventListener("resize", this.resized);
  }

  async show(place: Place): Promise<void> {
    await this.ready;
    if (this.destroyed) return;
    this.fillNear(place.slide);
    // Fragments count from 0, and -1 means none; without the argument reveal.js would choose.
    this.reveal.slide(place.slide, 0, place.step - 1);
    this.fit(place.slide);
  }

  destroy(): void {
    this.destroyed = true;
    window.removeEventListener("resize", this.resized);
    this.root.removeEventListener("load", this.loaded, true);
    this.stopRetrying();
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
  }

  private fit(index: number): void {
    const page = this.sections[index]?.querySelector<HTMLElement>(".slide-page");
    if (page) fitSlide(page);
  }

  private readonly loaded = (event: Event): void => {
    const page =
      event.target instanceof Element ? event.target.closest<HTMLElement>(".slide-page") : null;
    if (page) fitSlide(page);
  };

  private readonly resized = (): void => {
    this.setPageHeight();
    this.reveal.configure({ height: pageHeight() });
    this.fit(this.reveal.getIndices().h);
  };

  private setPageHeight(): void {
    this.root.style.setProperty("--page-height", `${pageHeight()}px`);
  }
}

/** The page takes the screen's shape, so that an old 4:3 board has no bars above and below. */
function pageHeight(): number {
  const aspect = window.innerWidth / Math.max(1, window.innerHeight);
  return Math.round(PAGE_WIDTH / Math.min(ASPECT_MOST, Math.max(ASPECT_LEAST, aspect)));
}

function options(height: number): RevealConfig {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    width: PAGE_WIDTH,
    height,
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
