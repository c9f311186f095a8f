/** All slides as small pictures with their ink: press one to go there. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Hosts } from "../core/hosts";
import type { Lesson } from "../core/types";
import type { Ink } from "../ink/strokes";
import { labelOf, type Deck } from "../lesson/deck";
import { Dialog } from "../ui/Dialog";
import { SlideView } from "../ui/SlideView";
import { words } from "./words/teaching";

interface Props {
  deck: Deck;
  lesson: Lesson;
  ink: Ink;
  current: number;
  hosts: Hosts;
  onJump: (slide: number) => void;
  onClose: () => void;
}

export function Overview(props: Props) {
  const { lesson, current, onJump, onClose } = props;
  return (
    <Dialog title={words.overview.title} testid="overview-dialog" onClose={onClose} wide>
      <button
        class="button button-quiet button-small dialog-close"
        data-testid="overview-close"
        onClick={onClose}
      >
        {words.overview.close}
      </button>
      {/* No list element: a slide's own lists would count as lists within a list. */}
      <div class="thumbnails" role="list">
        {lesson.slides.map((_, index) => (
          <Thumbnail
            key={index}
            {...props}
            slide={index}
            isCurrent={index === current}
            onPress={() => {
              onJump(index);
              onClose();
            }}
          />
        ))}
      </div>
    </Dialog>
  );
}

interface ThumbnailProps extends Props {
  slide: number;
  isCurrent: boolean;
  onPress: () => void;
}

function Thumbnail({ deck, lesson, ink, hosts, slide, isCurrent, onPress }: ThumbnailProps) {
  const button = useRef<HTMLButtonElement>(null);
  const seen = useSeen(button);
  const source = lesson.slides[slide];
  const label = source ? labelOf(source).text : "";
  useEffect(() => {
    // The dialog opens after its parts are there.
    if (isCurrent) requestAnimationFrame(() => button.current?.scrollIntoView({ block: "center" }));
  }, []);
  return (
    <div role="listitem">
      <button
        class="thumbnail"
        ref={button}
        autofocus={isCurrent}
        data-testid="thumbnail"
        data-slide={slide}
        aria-current={isCurrent ? "true" : undefined}
        onClick={onPress}
      >
        {/* A picture only: nothing in it can be reached by keys. */}
        <span class="thumbnail-picture" inert>
          {seen ? (
            <SlideView
              {...{ deck, slide, hosts }}
              step={Infinity}
              label=""
              ink={{ ink, lesson: lesson.id }}
            />
          ) : (
            <span class="slide-frame" />
          )}
        </span>
        <span class="thumbnail-label">
          <span class="visually-hidden">{words.slide} </span>
          <span class="slide-number">{slide + 1}</span> {label}
        </span>
      </button>
    </div>
  );
}

/** Whether it was ever on the screen: a lesson of sixty slides is not drawn sixty times at once. */
function useSeen(element: { current: Element | null }): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!element.current || seen) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [seen]);
  return seen;
}
