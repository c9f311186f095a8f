/** Teaching: the current slide and all that is done to it, what comes next, the notes, the boards. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import "../lesson/slide.css";
import type { Api } from "../core/api";
import { load, save } from "../core/storage";
import type { Lesson } from "../core/types";
import { slideKey } from "../ink/strokes";
import { Deck, renderNotes } from "../lesson/deck";
import { figuresOf } from "../lesson/figures";
import { toggled } from "../live/timer";
import { keepFigures } from "../offline/figures";
import { ConnectionState } from "../ui/ConnectionState";
import { SlideView } from "../ui/SlideView";
import type { Classroom } from "./classroom";
import { Clock } from "./Clock";
import { commandFor, type CommandId } from "./commands";
import { Help } from "./Help";
import { Overview } from "./Overview";
import { Pairing } from "./Pairing";
import { SlideList } from "./SlideList";
import { FIRST_COLORS, SlideStage, type Colors, type ToolId } from "./SlideStage";
import { go } from "./state";
import { ToLessons } from "./ToLessons";
import { TimerStrip } from "./TimerStrip";
import { CommandButton, Palette, Toolbar } from "./Toolbar";
import { words } from "./words/teaching";

interface Props {
  lesson: Lesson;
  classroom: Classroom;
  api: Api;
}

export function Teaching({ lesson, classroom, api }: Props) {
  const deck = useMemo(() => new Deck(lesson.slides), [lesson]);
  const { session, ink, history } = classroom;
  const { slide, step } = classroom.place(lesson, deck);
  const key = slideKey(lesson.id, slide);
  const blank = session.shown.blank.value;
  const steps = deck.stepsOf(slide);
  const timer = session.shown.timer.value;
  const figure = session.shown.zoom.value?.figure ?? null;

  const [tool, setTool] = useState<ToolId | null>(null);
  const [colors, setColors] = useState<Colors>(FIRST_COLORS);
  const [open, setOpen] = useState<"" | "overview" | "help">("");
  const [timing, setTiming] = useState(false);
  const [letters, setLetters] = useState(() => load("keys.letters", true));
  const full = useFullscreen();
  const figures = useFigureCount(deck, slide);

  useFollowing(classroom, lesson, deck);
  useEffect(() => {
    let here = true;
    void keepFigures(lesson.slides, api.hosts, () => here);
    return () => {
      here = false;
    };
  }, [lesson, api]);

  const take = (taken: ToolId) => () => setTool(tool === taken ? null : taken);
  const putAway = (): void => {
    if (tool) setTool(null);
    else if (figure !== null) classroom.enlarge(null);
    else if (blank) classroom.toggleBlank(blank);
    else setTiming(false);
  };
  const actions: Record<CommandId, () => void> = {
    next: () => classroom.next(lesson, deck),
    back: () => classroom.back(lesson, deck),
    first: () => classroom.jump(lesson, deck, 0),
    last: () => classroom.jump(lesson, deck, deck.length - 1),
    overview: () => setOpen("overview"),
    pen: take("pen"),
    highlighter: take("highlighter"),
    eraser: take("eraser"),
    undo: () => void history.undo(key),
    redo: () => void history.redo(key),
    clear: () =>
      history.erase(
        key,
        ink.strokes(key).map((stroke) => stroke.key),
      ),
    laser: take("laser"),
    spotlight: take("spotlight"),
    // One figure after the other, then the whole slide again.
    zoom: () => {
      const next = figure === null ? 0 : figure + 1;
      if (figures > 0) classroom.enlarge(next < figures ? next : null);
    },
    "blank-black": () => classroom.toggleBlank("black"),
    "blank-white": () => classroom.toggleBlank("white"),
    timer: () =>
      timer ? classroom.setTimer(toggled(timer, session.clock.now())) : setTiming(!timing),
    fullscreen: toggleFullscreen,
    help: () => setOpen("help"),
    "put-away": putAway,
  };
  useKeys(actions, letters);
  const jump = useCallback(
    (to: number) => classroom.jump(lesson, deck, to),
    [classroom, lesson, deck],
  );

  const pressed: Partial<Record<CommandId, boolean>> = {
    ...(tool ? { [tool]: true } : {}),
    zoom: figure !== null,
    "blank-black": blank === "black",
    "blank-white": blank === "white",
    timer: timer !== null || timing,
    fullscreen: full,
  };
  const disabled: Partial<Record<CommandId, boolean>> = {
    next: slide === deck.length - 1 && step === steps,
    back: slide === 0 && step === 0,
    zoom: figures === 0,
  };
  const buttons = { actions, pressed, disabled };
  return (
    <div class="presenter" data-testid="presenter">
      <header class="bar">
        <ToLessons />
        <h1 class="bar-title" data-testid="presenter-title">
          {lesson.title}
        </h1>
        <span class="grow" />
        <ConnectionState state={session.connection.value} direct={session.directCount.value} />
        <Clock key={lesson.id} lesson={lesson.id} />
      </header>
      <SlideList slides={lesson.slides} current={slide} onJump={jump} />
      <main class="stage">
        <SlideStage
          {...{ classroom, deck, lesson: lesson.id, slide, step, tool, colors, figure }}
          hosts={api.hosts}
          pointers={session.presence.pointers.value}
          onTurn={(to) => actions[to]()}
        >
          {blank && (
            <p class="blank-sign" data-testid="blank-sign">
              {words.blank[blank]}
            </p>
          )}
        </SlideStage>
        <div class="controls">
          <CommandButton id="back" {...buttons} withWord />
          <CommandButton id="next" {...buttons} withWord main />
          <span class="position" data-testid="position" aria-live="polite">
            <span>{words.slideOf(slide + 1, deck.length)}</span>
            {steps > 0 && <span class="soft">{words.stepOf(step, steps)}</span>}
          </span>
          <span class="grow" />
          {(tool === "pen" || tool === "highlighter") && (
            <Palette
              pen={tool}
              chosen={colors[tool]}
              onChoose={(color) => setColors({ ...colors, [tool]: color })}
            />
          )}
          <Toolbar {...buttons} ink={ink} history={history} slide={key} />
        </div>
        {(timer || timing) && (
          <TimerStrip
            timer={timer}
            clock={session.clock}
            onChange={(changed) => {
              classroom.setTimer(changed);
              setTiming(false);
            }}
          />
        )}
        {session.connection.value === "direct" && (
          <p class="soft small offline-hint" data-testid="direct-hint">
            {words.direct}
          </p>
        )}
        {session.connection.value === "offline" && (
          <p class="soft small offline-hint" data-testid="offline-hint">
            {words.offline}
          </p>
        )}
        <section class="panel panel-notes" aria-label={words.notes}>
          <h2>{words.notes}</h2>
          <Notes markdown={lesson.slides[slide]?.notes ?? ""} />
        </section>
      </main>
      <aside class="side" aria-label={words.aside}>
        <Pairing classroom={classroom} />
        <section class="panel" aria-label={words.nextSlide}>
          <h2>{words.next}</h2>
          {slide + 1 < deck.length ? (
            <SlideView
              deck={deck}
              slide={slide + 1}
              step={Infinity}
              hosts={api.hosts}
              label={words.nextSlide}
            />
          ) : (
            <p class="soft">{words.last}</p>
          )}
        </section>
      </aside>
      {open === "overview" && (
        <Overview
          {...{ deck, lesson, ink, current: slide, hosts: api.hosts }}
          onJump={jump}
          onClose={() => setOpen("")}
        />
      )}
      {open === "help" && (
        <Help
          letters={letters}
          onLetters={(on) => {
            setLetters(on);
            save("keys.letters", on);
          }}
          onClose={() => setOpen("")}
        />
      )}
    </div>
  );
}

function Notes({ markdown }: { markdown: string }) {
  const html = useMemo(() => renderNotes(markdown), [markdown]);
  if (!html)
    return (
      <p class="soft" data-testid="notes">
        {words.noNotes}
      </p>
    );
  // Rendered by deck.ts, which makes all HTML of lessons harmless.
  return (
    <div
      class="notes"
      data-testid="notes"
      tabIndex={0}
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}

function useFigureCount(deck: Deck, slide: number): number {
  return useMemo(() => {
    const page = document.createElement("template");
    page.innerHTML = `<div><div class="slide-body">${deck.slide(slide).html}</div></div>`;
    return figuresOf(page.content.firstElementChild as Element).length;
  }, [deck, slide]);
}

function toggleFullscreen(): void {
  // Browsers may refuse; then it simply stays as it is.
  if (document.fullscreenElement) document.exitFullscreen().catch(() => undefined);
  else document.documentElement.requestFullscreen?.().catch(() => undefined);
}

function useFullscreen(): boolean {
  const [full, setFull] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = (): void => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);
  return full;
}

function useKeys(actions: Record<CommandId, () => void>, letters: boolean): void {
  const newest = useRef({ actions, letters });
  newest.current = { actions, letters };
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const command = commandFor(event, newest.current.letters);
      if (!command) return;
      event.preventDefault();
      newest.current.actions[command]();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** Shows this lesson to the class; goes along if the teacher's other device opens another one. */
function useFollowing(classroom: Classroom, lesson: Lesson, deck: Deck): void {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    setShown(false);
    void classroom.show(lesson, deck).then(() => setShown(true));
  }, [classroom, lesson, deck]);
  const other = classroom.session.shown.lesson.value?.id;
  useEffect(() => {
    if (shown && other && other !== lesson.id) go({ page: "teach", lesson: other });
  }, [shown, other]);
}
