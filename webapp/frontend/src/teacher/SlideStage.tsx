/** The slide under the teacher's hand: drawn on, pointed at, turned by a finger, its figures enlarged. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Hosts } from "../core/hosts";
import { slideKey, type Pen } from "../ink/strokes";
import { handTool, type Tool } from "../ink/surface";
import { eraserTool, penTool, pointerTool } from "../ink/tools";
import type { Deck } from "../lesson/deck";
import { figureAt } from "../lesson/figures";
import type { Pointer } from "../live/show";
import { SlideView } from "../ui/SlideView";
import type { Classroom } from "./classroom";
import { onSwipe } from "./swipe";
import { words } from "./words/teaching";

export type ToolId = Pen | "eraser" | "laser" | "spotlight";
export type Colors = Record<Pen, string>;

export const FIRST_COLORS: Colors = { pen: "red", highlighter: "yellow" };

interface Props {
  classroom: Classroom;
  deck: Deck;
  lesson: string;
  slide: number;
  step: number;
  hosts: Hosts;
  tool: ToolId | null;
  colors: Colors;
  figure: number | null;
  pointers: readonly Pointer[];
  onTurn: (to: "next" | "back") => void;
  children: ComponentChildren;
}

export function SlideStage(props: Props) {
  const { classroom, deck, lesson, slide, step, hosts, tool, colors, figure, pointers } = props;
  const holder = useRef<HTMLDivElement>(null);
  const turn = useRef(props.onTurn);
  turn.current = props.onTurn;

  const color = tool === "highlighter" ? colors.highlighter : colors.pen;
  // Before the next event: a stroke begun at once is made by this tool, on this slide.
  useLayoutEffect(() => {
    if (!holder.current || !tool) return;
    return handTool(holder.current, makeTool(classroom, tool, lesson, slide, color));
  }, [classroom, tool, lesson, slide, color]);
  useEffect(() => {
    if (!holder.current || tool) return;
    return onSwipe(holder.current, (to) => turn.current(to));
  }, [tool]);

  /** A double click on a figure enlarges it, one more anywhere shows the whole slide. */
  function enlarge(event: MouseEvent): void {
    const page = holder.current?.querySelector(".slide-page");
    if (!page || tool) return;
    const found = figureAt(page, event.clientX, event.clientY);
    if (figure !== null) classroom.enlarge(null);
    else if (found >= 0) classroom.enlarge(found);
  }

  return (
    <div class="stage-slide" data-tool={tool ?? "none"} ref={holder} onDblClick={enlarge}>
      <SlideView
        deck={deck}
        slide={slide}
        step={step}
        hosts={hosts}
        label={words.slideOf(slide + 1, deck.length)}
        testid="slide"
        ink={{ ink: classroom.ink, lesson }}
        figure={figure}
        pointers={pointers.filter((pointer) => pointer.slide === slide)}
      />
      {props.children}
    </div>
  );
}

function makeTool(
  { ink, history, session }: Classroom,
  tool: ToolId,
  lesson: string,
  slide: number,
  color: string,
): Tool {
  const desk = { ink, history, slide: slideKey(lesson, slide) };
  if (tool === "eraser") return eraserTool(desk);
  if (tool === "pen" || tool === "highlighter") return penTool(desk, tool, color);
  return pointerTool(tool, slide, (pointer) => session.presence.point(pointer));
}
