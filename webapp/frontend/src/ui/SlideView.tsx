/**
 * One slide, drawn to fill the width it is given: the teacher's current and next slide.
 *
 * The board draws with reveal.js (board/stage.ts); both use the same HTML, type and fitting.
 */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Hosts } from "../core/hosts";
import type { Deck } from "../lesson/deck";
import { fitSlide } from "../lesson/fit";
import { pointMedia, retryMedia } from "../lesson/media";

/** The page that slides are laid out on, in CSS pixels before scaling. */
export const PAGE_WIDTH = 1280;

interface Props {
  deck: Deck;
  slide: number;
  /** How many steps are shown; Infinity for all. */
  step: number;
  hosts: Hosts;
  label: string;
  testid?: string;
}

export function SlideView({ deck, slide, step, hosts, label, testid }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const page = useRef<HTMLDivElement>(null);
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
    const refit = (event: Event): void => {
      if (event.target instanceof HTMLImageElement) fitSlide(element);
    };
    element.addEventListener("load", refit, true);
    const stopRetrying = retryMedia(element, hosts);
    return () => {
      element.removeEventListener("load", refit, true);
      stopRetrying();
    };
  }, [rendered, hosts]);

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
