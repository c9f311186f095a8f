/** Pens for the class, while the teacher lets it draw: colours, and an eraser for what it drew itself. */
import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { InkHistory } from "../ink/history";
import { COLORS } from "../ink/outline";
import type { Ink } from "../ink/strokes";
import { handTool } from "../ink/surface";
import { eraserTool, penTool } from "../ink/tools";
import { colorText } from "../ink/words";
import { Icon } from "../ui/Icon";
import { words } from "./words";

interface Props {
  /** What reveal.js draws in. */
  stage: RefObject<HTMLElement>;
  ink: Ink;
  /** As slideKey() names it. */
  slide: string;
}

export function Pens({ stage, ink, slide }: Props) {
  const [color, setColor] = useState("blue");
  const [erasing, setErasing] = useState(false);
  const history = useMemo(() => new InkHistory(ink), [ink]);
  // Before the next event: who takes the eraser and draws at once must not write.
  useLayoutEffect(() => {
    const holder = stage.current;
    if (!holder) return;
    const desk = { ink, history, slide };
    const tool = erasing ? eraserTool(desk) : penTool(desk, "pen", color);
    holder.classList.add("drawn-on");
    const putDown = handTool(holder, tool, ".present .slide-page");
    return () => {
      putDown();
      holder.classList.remove("drawn-on");
    };
  }, [stage, ink, history, slide, color, erasing]);
  return (
    <div class="board-pens" role="toolbar" aria-label={words.pens.label} data-testid="board-pens">
      {Object.entries(COLORS.pen).map(([name, value]) => (
        <button
          key={name}
          class="button button-icon"
          data-testid={`color-${name}`}
          aria-pressed={!erasing && name === color}
          aria-label={`${words.pens.pen}: ${colorText(name)}`}
          onClick={() => {
            setColor(name);
            setErasing(false);
          }}
        >
          <span class="ink-swatch" style={{ background: value }} aria-hidden="true" />
        </button>
      ))}
      <button
        class="button button-icon"
        data-testid="eraser"
        aria-pressed={erasing}
        aria-label={words.pens.eraser}
        onClick={() => setErasing(true)}
      >
        <Icon name="eraser" />
      </button>
    </div>
  );
}
