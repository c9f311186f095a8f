/** What colleagues share: to read, and to copy. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { messageFor } from "../core/errors";
import type { SharedLesson } from "../core/types";
import { ErrorNote } from "../ui/ErrorNote";
import { copyLesson } from "./lessonActions";
import { go } from "./state";
import { words } from "./words/lessons";

/** Nothing at all while nobody shares anything, or no server can be asked: one's own lessons come first. */
export function SchoolLessons({ api, school }: { api: Api; school: string }) {
  const [lessons, setLessons] = useState<SharedLesson[]>([]);
  const [error, setError] = useState("");

  useEffect(() => {
    api.schoolLessons().then(setLessons, () => undefined);
  }, [api]);

  async function copy(id: string): Promise<void> {
    try {
      go({ page: "edit", lesson: await copyLesson(api, await api.lesson(id)) });
    } catch (problem) {
      setError(messageFor(problem));
    }
  }

  if (lessons.length === 0) return null;
  return (
    <section class="school-lessons" aria-labelledby="school-lessons-title">
      <h2 id="school-lessons-title">{words.school.title(school)}</h2>
      <ErrorNote message={error} />
      <ul class="cards">
        {lessons.map(({ id, title, author, slide_count }) => (
          <li class="card lesson" key={id} data-testid="school-lesson" data-lesson={id}>
            <h3 class="lesson-title">{title || words.untitled}</h3>
            <p class="soft small">
              {author} · {words.slides(slide_count)}
            </p>
            <div class="row">
              <button
                class="button"
                data-testid="school-lesson-read"
                aria-label={words.school.readOf(title)}
                onClick={() => go({ page: "read", lesson: id })}
              >
                {words.school.read}
              </button>
              <button
                class="button"
                data-testid="school-lesson-copy"
                aria-label={words.school.copyOf(title)}
                onClick={() => void copy(id)}
              >
                {words.school.copy}
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
