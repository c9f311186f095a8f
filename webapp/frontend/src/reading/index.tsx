/** All slides of a lesson under each other: to read a colleague's, to print, to keep as PDF. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import type { Lesson } from "../core/types";
import { cachedLesson } from "../lesson/cache";
import { Deck } from "../lesson/deck";
import { copyLesson } from "../teacher/lessonActions";
import { go, setUser } from "../teacher/state";
import { ToLessons } from "../teacher/ToLessons";
import { ErrorNote } from "../ui/ErrorNote";
import { SlideView } from "../ui/SlideView";
import "../lesson/slide.css";
import "./reading.css";
import { words } from "./words";

/** Pictures that have not come by then are printed as they are. */
const PICTURES_MS = 10_000;

export default function Reading({ api, lesson: id }: { api: Api; lesson: string }) {
  const [lesson, setLesson] = useState<Lesson | null>(null);
  const [error, setError] = useState("");
  const slides = useRef<HTMLOListElement>(null);
  const deck = useMemo(() => new Deck(lesson?.slides ?? []), [lesson]);

  useEffect(() => void open(), []);
  useEffect(() => {
    if (!lesson) return;
    const before = document.title;
    // Browsers offer it as the name of a PDF.
    document.title = lesson.title;
    return () => void (document.title = before);
  }, [lesson]);

  async function open(): Promise<void> {
    try {
      setLesson(await api.lesson(id));
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 401) return setUser(null);
      const kept = problem instanceof ApiError ? null : await cachedLesson("teacher", id);
      if (kept) setLesson(kept);
      else setError(messageFor(problem));
    }
  }

  async function copy(): Promise<void> {
    try {
      if (lesson) go({ page: "edit", lesson: await copyLesson(api, lesson) });
    } catch (problem) {
      setError(messageFor(problem));
    }
  }

  async function print(): Promise<void> {
    const pictures = [...(slides.current?.querySelectorAll("img") ?? [])];
    const come = Promise.allSettled(pictures.map((picture) => picture.decode()));
    await Promise.race([come, new Promise((resolve) => setTimeout(resolve, PICTURES_MS))]);
    window.print();
  }

  return (
    <div class="shell">
      <header class="bar">
        <ToLessons word={words.back} />
        <h1 class="bar-title" data-testid="reading-title">
          {lesson?.title ?? ""}
        </h1>
        <span class="grow" />
        {lesson && (
          <>
            <button class="button" data-testid="reading-copy" onClick={() => void copy()}>
              {lesson.mine === false ? words.copyTheirs : words.copy}
            </button>
            <button
              class="button button-main"
              data-testid="reading-print"
              onClick={() => void print()}
            >
              {words.print}
            </button>
          </>
        )}
      </header>
      <main class="reading">
        <ErrorNote message={error} />
        {!lesson && !error && <p class="waiting">{words.fetching}</p>}
        {lesson?.mine === false && (
          <p class="note" data-testid="reading-author">
            {words.by(lesson.author ?? "")}
          </p>
        )}
        <ol class="reading-slides" ref={slides} aria-label={words.slides}>
          {lesson?.slides.map((slide, index) => (
            <li key={index}>
              <SlideView
                deck={deck}
                slide={index}
                step={Infinity}
                hosts={api.hosts}
                label={words.slide(index + 1, deck.length, slide.title)}
                testid="reading-slide"
              />
            </li>
          ))}
        </ol>
      </main>
    </div>
  );
}
