/** Teaching: the current slide, what comes next, the notes, the boards. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import "../lesson/slide.css";
import type { Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import type { Lesson, User } from "../core/types";
import { cachedLesson, cacheLesson } from "../lesson/cache";
import { Deck, renderNotes } from "../lesson/deck";
import { ConnectionState } from "../ui/ConnectionState";
import { ErrorNote } from "../ui/ErrorNote";
import { SlideView } from "../ui/SlideView";
import { Classroom, forgetToken } from "./classroom";
import { Clock } from "./Clock";
import { commandFor, type Command } from "./keys";
import { Pairing } from "./Pairing";
import { SlideList } from "./SlideList";
import { go, setUser, whenSignedOut } from "./state";

/** One for the page's life: boards stay in touch while the teacher looks for another lesson. */
let entered: Promise<Classroom> | null = null;
let enteredBy = "";

function classroomOf(api: Api, user: User): Promise<Classroom> {
  if (!entered || enteredBy !== String(user.id)) {
    void entered?.then((classroom) => classroom.leave());
    enteredBy = String(user.id);
    entered = Classroom.enter(api, user);
  }
  return entered;
}

whenSignedOut.add((user) => {
  void entered?.then((classroom) => classroom.leave());
  entered = null;
  forgetToken(user);
});

interface Props {
  api: Api;
  lesson: string;
  user: User;
}

export default function Presenter({ api, lesson: id, user }: Props) {
  const [lesson, setLesson] = useState<Lesson | null>(null);
  const [classroom, setClassroom] = useState<Classroom | null>(null);
  const [error, setError] = useState("");

  useEffect(() => void classroomOf(api, user).then(setClassroom), [api, user]);
  useEffect(() => {
    let left = false;
    void openLesson(api, id, (opened) => {
      if (!left) setLesson(opened);
    }).catch((problem: unknown) => {
      if (problem instanceof ApiError && problem.status === 401) setUser(null);
      else if (!left) setError(messageFor(problem));
    });
    return () => {
      left = true;
    };
  }, [api, id]);

  if (error) {
    return (
      <main class="page">
        <ErrorNote message={error} />
        <button class="button" data-testid="to-lessons" onClick={() => go({ page: "lessons" })}>
          ← My lessons
        </button>
      </main>
    );
  }
  if (!lesson || !classroom) return <p class="waiting">Opening the lesson…</p>;
  return <Teaching lesson={lesson} classroom={classroom} api={api} />;
}

/** The copy on this device at once, then the newest from a host. Throws if there is neither. */
async function openLesson(api: Api, id: string, show: (lesson: Lesson) => void): Promise<void> {
  const kept = await cachedLesson("teacher", id);
  if (kept) show(kept);
  try {
    const fresh = await api.lesson(id);
    if (fresh.version !== kept?.version) show(fresh);
    void cacheLesson("teacher", fresh);
  } catch (problem) {
    if (!kept || problem instanceof ApiError) throw problem;
  }
}

interface TeachingProps {
  lesson: Lesson;
  classroom: Classroom;
  api: Api;
}

function Teaching({ lesson, classroom, api }: TeachingProps) {
  const deck = useMemo(() => new Deck(lesson.slides), [lesson]);
  const { session } = classroom;
  const { slide, step } = classroom.place(lesson, deck);
  const blank = session.blank.value;
  const steps = deck.stepsOf(slide);

  useFollowing(classroom, lesson, deck);

  const commands: Record<Command, () => void> = {
    next: () => classroom.next(lesson, deck),
    back: () => classroom.back(lesson, deck),
    first: () => classroom.jump(lesson, deck, 0),
    last: () => classroom.jump(lesson, deck, deck.length - 1),
    black: () => classroom.toggleBlank("black"),
    white: () => classroom.toggleBlank("white"),
  };
  useKeys(commands);
  const jump = useCallback(
    (to: number) => classroom.jump(lesson, deck, to),
    [classroom, lesson, deck],
  );

  const isLast = slide === deck.length - 1 && step === steps;
  return (
    <div class="presenter" data-testid="presenter">
      <header class="bar">
        <button
          class="button button-quiet"
          data-testid="to-lessons"
          onClick={() => go({ page: "lessons" })}
        >
          ← <span class="wide-only">My lessons</span>
        </button>
        <h1 class="bar-title" data-testid="presenter-title">
          {lesson.title}
        </h1>
        <span class="grow" />
        <ConnectionState state={session.connection.value} />
        <Clock key={lesson.id} lesson={lesson.id} />
      </header>
      <SlideList slides={lesson.slides} current={slide} onJump={jump} />
      <main class="stage">
        <div class="stage-slide">
          <SlideView
            deck={deck}
            slide={slide}
            step={step}
            hosts={api.hosts}
            label={`Slide ${slide + 1} of ${deck.length}`}
            testid="slide"
          />
          {blank && (
            <p class="blank-sign" data-testid="blank-sign">
              The board is {blank}
            </p>
          )}
        </div>
        <div class="controls" role="toolbar" aria-label="Steering">
          <button
            class="button"
            data-testid="back"
            disabled={slide === 0 && step === 0}
            onClick={unfocused(commands.back)}
          >
            ← Back
          </button>
          <button
            class="button button-main button-next"
            data-testid="next"
            disabled={isLast}
            onClick={unfocused(commands.next)}
          >
            Next →
          </button>
          <span class="position" data-testid="position" aria-live="polite">
            <span>
              Slide {slide + 1} of {deck.length}
            </span>
            {steps > 0 && (
              <span class="soft">
                step {step} of {steps}
              </span>
            )}
          </span>
          <span class="grow" />
          <BlankButton blank="black" shown={blank} label="Black" onPress={commands.black} />
          <BlankButton blank="white" shown={blank} label="White" onPress={commands.white} />
        </div>
        {session.connection.value === "offline" && (
          <p class="soft small offline-hint" data-testid="offline-hint">
            No connection just now. Go on teaching: the board follows as soon as it is back.
          </p>
        )}
        <section class="panel panel-notes" aria-label="Notes">
          <h2>Notes</h2>
          <Notes markdown={lesson.slides[slide]?.notes ?? ""} />
        </section>
      </main>
      <aside class="side" aria-label="Boards and next slide">
        <Pairing session={session} pairing={classroom.pairing} />
        <section class="panel" aria-label="Next slide">
          <h2>Next</h2>
          {slide + 1 < deck.length ? (
            <SlideView
              deck={deck}
              slide={slide + 1}
              step={Infinity}
              hosts={api.hosts}
              label="Next slide"
            />
          ) : (
            <p class="soft">This is the last slide.</p>
          )}
        </section>
      </aside>
    </div>
  );
}

function Notes({ markdown }: { markdown: string }) {
  const html = useMemo(() => renderNotes(markdown), [markdown]);
  if (!html)
    return (
      <p class="soft" data-testid="notes">
        No notes for this slide.
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

interface BlankButtonProps {
  blank: "black" | "white";
  shown: string;
  label: string;
  onPress: () => void;
}

function BlankButton({ blank, shown, label, onPress }: BlankButtonProps) {
  return (
    <button
      class="button"
      data-testid={`blank-${blank}`}
      aria-pressed={shown === blank}
      aria-label={`Blank the board: ${label.toLowerCase()}`}
      title={`Blank the board: ${label.toLowerCase()} (key ${blank[0]})`}
      onClick={unfocused(onPress)}
    >
      <span class={`swatch swatch-${blank}`} aria-hidden="true" />
      <span class="control-label">{label}</span>
    </button>
  );
}

/** After a press by pointer the keys shall steer again, not repeat this button. */
function unfocused(action: () => void) {
  return (event: MouseEvent): void => {
    if (event.detail > 0 && event.currentTarget instanceof HTMLElement) event.currentTarget.blur();
    action();
  };
}

function useKeys(commands: Record<Command, () => void>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const command = commandFor(event);
      if (!command) return;
      event.preventDefault();
      commands[command]();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });
}

/** Shows this lesson to the class; goes along if the teacher's other device opens another one. */
function useFollowing(classroom: Classroom, lesson: Lesson, deck: Deck): void {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    setShown(false);
    void classroom.show(lesson, deck).then(() => setShown(true));
  }, [classroom, lesson, deck]);
  const other = classroom.session.lesson.value?.id;
  useEffect(() => {
    if (shown && other && other !== lesson.id) go({ page: "teach", lesson: other });
  }, [shown, other]);
}
