/** All slides by number and title: press one to jump there. */
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import type { Slide } from "../core/types";

interface Props {
  slides: readonly Slide[];
  current: number;
  onJump: (slide: number) => void;
}

export const SlideList = memo(function SlideList({ slides, current, onJump }: Props) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const item = list.current?.children[current];
    if (!(item instanceof HTMLElement) || !list.current) return;
    // Only the list scrolls, never the page under the teacher's finger.
    const above = item.offsetTop - list.current.offsetTop;
    const { scrollTop, clientHeight } = list.current;
    if (above < scrollTop || above + item.offsetHeight > scrollTop + clientHeight) {
      list.current.scrollTop = above - clientHeight / 3;
    }
  }, [current]);
  return (
    <nav class="slide-list" aria-label="Slides">
      <ol ref={list}>
        {slides.map((slide, index) => (
          <li key={index}>
            <button
              data-testid="slide-item"
              data-slide={index}
              aria-current={index === current ? "true" : undefined}
              onClick={(event) => {
                // A pointer leaves no focus behind, or the space bar would jump here again.
                if (event.detail > 0) event.currentTarget.blur();
                onJump(index);
              }}
            >
              <span class="slide-number">{index + 1}</span>
              <span>{slide.title || "Untitled"}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
});
