/** All slides by number and title: press one to jump there. */
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import type { Slide } from "../core/types";
import { labelOf } from "../lesson/deck";
import { words } from "./words/teaching";

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
    <nav class="slide-list" aria-label={words.slides}>
      <ol ref={list}>
        {slides.map((slide, index) => (
          <Item
            key={index}
            slide={slide}
            index={index}
            current={index === current}
            onJump={onJump}
          />
        ))}
      </ol>
    </nav>
  );
});

interface ItemProps {
  slide: Slide;
  index: number;
  current: boolean;
  onJump: (slide: number) => void;
}

const Item = memo(function Item({ slide, index, current, onJump }: ItemProps) {
  const { text, continues } = labelOf(slide);
  return (
    <li class={continues ? "continues" : ""}>
      <button
        data-testid="slide-item"
        data-slide={index}
        aria-current={current ? "true" : undefined}
        onClick={(event) => {
          // A pointer leaves no focus behind, or the space bar would jump here again.
          if (event.detail > 0) event.currentTarget.blur();
          onJump(index);
        }}
      >
        <span class="slide-number">
          <span class="visually-hidden">{words.slide} </span>
          {index + 1}
        </span>
        <span class="slide-label">{text}</span>
      </button>
    </li>
  );
});
