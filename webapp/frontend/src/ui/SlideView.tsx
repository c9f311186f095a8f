/**
 * One slide, drawn to fill the width it is given: the teacher's current and next slide.
 *
 * The board draws with reveal.js (board/stage.ts); both use the same HTML, type and fitting.
 */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Hosts } from "../core/hosts";
import { InkLayer } from "../ink/layer";
import { Pointing } from "../ink/pointing";
import { slideKey, type Ink } from "../ink/strokes";
import type { Deck } from "../lesson/deck";
import { enlarge } from "../lesson/figures";
import { fitSlide, onTypefaces } from "../lesson/fit";
import { pointMedia, retryMedia } from "../lesson/media";
import { PAGE_WIDTH } from "../lesson/page";
import type { Pointer } from "../live/show";

interface Props {
  deck: Deck;
  slide: number;
  /** How many steps are shown; Infinity for all. */
  step: number;
  hosts: Hosts;
  label: string;
  testid?: string;
  /** What is drawn on it. */
  ink?: { ink: Ink; lesson: string };
  pointers?: readonly Pointer[];
  /** The figure that fills the page; null for the whole slide. */
  figure?: number | null;
}

const NONE: readonly Pointer[] = [];

export function SlideView(props: Props) {
  const { deck, slide, step, hosts, label, testid, ink, pointers = NONE, figure = null } = props;
  const frame = useRef<HTMLDivElement>(null);
  const page = useRef<HTMLDivElement>(null);
  const shownFigure = useRef(figure);
  const rendered = deck.slide(slide);

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const scale = (): void => {
      element.style.setProperty("--page-scale", String(element.clientWidth / PAGE_WIDTH));
    };
    const observer = new ResizeObserver(scale);
    observer.observe(element);
    scale();
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = page.current;
    const body = element?.firstElementChild;
    if (!element || !body) return;
    body.innerHTML = rendered.html;
    pointMedia(body, hosts);
    fitSlide(element);
    const refit = (): void => {
      fitSlide(element);
      enlarge(element, shownFigure.current);
    };
    // Pictures' loads do not bubble, but they can be captured.
    element.addEventListener("load", refit, true);
    const stopFonts = onTypefaces(refit);
    const stopRetrying = retryMedia(element, hosts);
    return () => {
      element.removeEventListener("load", refit, true);
      stopFonts();
      stopRetrying();
    };
  }, [rendered, hosts]);

  useLayoutEffect(() => {
    shownFigure.current = figure;
    if (page.current) enlarge(page.current, figure);
  }, [rendered, figure]);

  useLayoutEffect(() => {
    if (!page.current || !ink) return;
    const layer = new InkLayer(page.current, ink.ink, slideKey(ink.lesson, slide));
    return () => layer.destroy();
  }, [ink?.ink, ink?.lesson, slide]);

  const pointing = useRef<Pointing | null>(null);
  useLayoutEffect(() => {
    if (page.current) pointing.current ??= new Pointing(page.current);
    pointing.current?.show(pointers);
  }, [pointers]);

  useLayoutEffect(() => {
    for (const fragment of page.current?.querySelectorAll(".fragment") ?? []) {
      const index = Number(fragment.getAttribute("data-fragment-index"));
      fragment.classList.toggle("visible", index < step);
      fragment.classList.toggle("current-fragment", index === step - 1);
    }
  }, [rendered, step]);

  return (
    <div
      class="slide-frame"
      ref={frame}
      role="group"
      aria-label={label}
      {...(testid ? { "data-testid": testid, "data-slide": slide, "data-step": step } : {})}
    >
      <div class={`slide-page ${rendered.isTitle ? "slide-title" : ""}`} ref={page}>
        <div class="slide-body" />
      </div>
    </div>
  );
}
