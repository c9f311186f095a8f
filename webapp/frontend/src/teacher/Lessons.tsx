/** The teacher's lessons, and bringing new ones in. */
import { useEffect, useState } from "preact/hooks";
import { newId, type Api } from "../core/api";
import { spacedCode } from "../core/codes";
import { moment } from "../core/dates";
import { ApiError, messageFor, UnreachableError } from "../core/errors";
import type { LessonSummary, User } from "../core/types";
import { cachedList, cacheList } from "../lesson/cache";
import { forgetTeacher } from "../offline/forget";
import { Brand } from "../ui/Brand";
import { ErrorNote } from "../ui/ErrorNote";
import { hasDraft } from "./drafts";
import { Importer } from "./Importer";
import { LessonMenu } from "./LessonMenu";
import { SchoolLessons } from "./SchoolLessons";
import { go, scannedCode, setUser } from "./state";
import { words } from "./words/lessons";

export function Lessons({ api, user }: { api: Api; user: User }) {
  const [lessons, setLessons] = useState<LessonSummary[] | null>(null);
  const [error, setError] = useState("");
  const [quiet, setQuiet] = useState("");
  const [menu, setMenu] = useState<LessonSummary | null>(null);

  async function refresh(): Promise<void> {
    try {
      const list = await api.lessons();
      setLessons(list);
      setQuiet("");
      void cacheList(String(user.id), list);
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 401) return setUser(null);
      const known = await cachedList(String(user.id));
      if (known) setLessons((shown) => shown ?? known);
      if (known && problem instanceof UnreachableError) {
        setQuiet(words.lessons.older);
      } else setError(messageFor(problem));
    }
  }

  useEffect(() => {
    void refresh();
    if (scannedCode()) void joinRunningLesson(api);
  }, []);

  async function signOut(): Promise<void> {
    try {
      await api.signOut();
      await forgetTeacher(user);
      setUser(null);
    } catch (problem) {
      setError(messageFor(problem));
    }
  }

  return (
    <div class="shell">
      <header class="bar">
        <Brand name={user.school?.name ?? "Firstbell"} />
        <span class="grow" />
        <span class="soft bar-name" data-testid="user-name">
          {user.name || user.username}
        </span>
        {/* A phone has no room for the name, but must lead there too. */}
        <button
          class="button button-quiet"
          data-testid="account"
          onClick={() => go({ page: "account" })}
        >
          {words.lessons.account}
        </button>
        <button class="button button-quiet" data-testid="sign-out" onClick={() => void signOut()}>
          {words.lessons.signOut}
        </button>
      </header>
      <main class="page">
        {scannedCode() && (
          <p class="note" data-testid="scanned-code">
            {words.lessons.scanned(
              <strong class="code-inline">{spacedCode(scannedCode())}</strong>,
            )}
          </p>
        )}
        <div class="page-head">
          <h1>{words.lessons.title}</h1>
          <button
            class="button"
            data-testid="lesson-new"
            onClick={() => go({ page: "edit", lesson: newId() })}
          >
            {words.lessons.fresh}
          </button>
        </div>
        <ErrorNote message={error} />
        {quiet && (
          <p class="note" role="status">
            {quiet}
          </p>
        )}
        <Importer api={api} onImported={() => void refresh()} empty={lessons?.length === 0} />
        {lessons === null && !error && <p class="waiting">{words.lessons.fetching}</p>}
        <ul class="cards" aria-label={words.lessons.title}>
          {lessons?.map((lesson) => (
            <LessonCard key={lesson.id} lesson={lesson} onMore={() => setMenu(lesson)} />
          ))}
        </ul>
        {user.school && <SchoolLessons api={api} school={user.school.name} />}
        {menu && (
          <LessonMenu
            api={api}
            lesson={menu}
            school={user.school?.name ?? null}
            onChanged={() => void refresh()}
            onClose={() => setMenu(null)}
          />
        )}
      </main>
    </div>
  );
}

/** Taught within this time, a lesson is still going on. */
const STILL_TEACHING_MS = 3 * 3600 * 1_000;

/** Who scans a board's code in the middle of a lesson wants to show that lesson. */
async function joinRunningLesson(api: Api): Promise<void> {
  try {
    const [newest] = await api.teachings();
    const running =
      newest?.lesson && Date.now() - Date.parse(newest.updated_at) < STILL_TEACHING_MS;
    if (running && newest.lesson) go({ page: "teach", lesson: newest.lesson });
  } catch {
    // Then the teacher chooses from the list.
  }
}

function LessonCard({ lesson, onMore }: { lesson: LessonSummary; onMore: () => void }) {
  const title = lesson.title || words.untitled;
  return (
    <li class="card lesson" data-testid="lesson-card" data-lesson={lesson.id}>
      <h2 class="lesson-title" data-testid="lesson-title">
        {title}
      </h2>
      <p class="soft small">
        {words.slides(lesson.slide_count)}
        {" · "}
        <time dateTime={lesson.updated_at}>{moment(lesson.updated_at)}</time>
        {hasDraft(lesson.id) && <span class="tag">{words.lessons.draft}</span>}
        {lesson.shared && (
          <span class="tag tag-good" data-testid="lesson-shared">
            {words.lessons.shared}
          </span>
        )}
      </p>
      <div class="row">
        <button
          class="button button-main"
          data-testid="lesson-open"
          aria-label={words.lessons.openOf(title)}
          onClick={() => go({ page: "teach", lesson: lesson.id })}
        >
          {words.lessons.open}
        </button>
        <button
          class="button"
          data-testid="lesson-edit"
          aria-label={words.lessons.editOf(title)}
          onClick={() => go({ page: "edit", lesson: lesson.id })}
        >
          {words.lessons.edit}
        </button>
        <button
          class="button button-quiet"
          data-testid="lesson-more"
          aria-label={words.lessons.moreOf(title)}
          aria-haspopup="dialog"
          onClick={onMore}
        >
          {words.lessons.more}
        </button>
      </div>
    </li>
  );
}
