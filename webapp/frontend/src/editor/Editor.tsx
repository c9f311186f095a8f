/** Writing a lesson: its title and its Markdown. Every keystroke is kept on this device. */
import type { EditorView } from "@codemirror/view";
import { useEffect, useRef, useState } from "preact/hooks";
import { newId, type Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import type { Lesson } from "../core/types";
import { cacheLesson } from "../lesson/cache";
import { Dialog } from "../ui/Dialog";
import { ErrorNote } from "../ui/ErrorNote";
import {
  dropDraft,
  dropSaved,
  keepDraft,
  loadDraft,
  openDraft,
  whenTaken,
  type Draft,
} from "../teacher/drafts";
import { go, setUser } from "../teacher/state";
import { ToLessons } from "../teacher/ToLessons";
import { Conflict } from "./Conflict";
import { replaceAll } from "./field";
import { asDraft, fetchLesson, saveKnowingly } from "./saves";
import { words } from "./words";
import { Writing } from "./Writing";
import "../lesson/slide.css";
import "./editor.css";

const NEW_LESSON: Draft = { ...words.newLesson, base_version: null };

export default function Editor({ api, lesson: id }: { api: Api; lesson: string }) {
  const [draft, setDraft] = useState<Draft | null>(() => openDraft(id));
  const [saved, setSaved] = useState<Draft | null>(null);
  const [status, setStatus] = useState("");
  const [error, setError] = useState("");
  const [conflict, setConflict] = useState<{ current: Lesson | null } | null>(null);
  const [deleting, setDeleting] = useState(false);
  const [letGo, setLetGo] = useState<Draft | null>(null);
  const field = useRef<EditorView | null>(null);
  const saving = useRef(false);

  const unsaved =
    draft !== null &&
    (saved === null || draft.markdown !== saved.markdown || draft.title !== saved.title);

  useEffect(() => void open(), []);
  useEffect(() => whenTaken(id, () => unsaved && keepDraft(id, draft)), [id, draft, unsaved]);

  async function open(): Promise<void> {
    const stored = await fetchLesson(api, id, setError);
    // A colleague's is read and copied, not changed.
    if (stored?.mine === false) return go({ page: "read", lesson: id });
    if (stored) setSaved(asDraft(stored));
    setDraft((typed) => typed ?? (stored ? asDraft(stored) : NEW_LESSON));
  }

  function edit(change: Partial<Draft>): void {
    if (!draft) return;
    const next = { ...draft, ...change };
    setDraft(next);
    setStatus("");
    if (!keepDraft(id, next)) setError(words.editor.noRoom);
  }

  async function store(to: string, text: Draft): Promise<void> {
    if (saving.current) return;
    saving.current = true;
    setError("");
    setStatus(words.editor.saving);
    if (to === id && unsaved) keepDraft(id, text);
    try {
      const lesson = await saveKnowingly(api, to, text);
      void cacheLesson("teacher", lesson);
      accept(to, text, lesson);
    } catch (problem) {
      setStatus("");
      // Which version was tried is known to the draft only.
      setDraft((now) => (now && to === id ? { ...now, ...pickTried(loadDraft(id)) } : now));
      refused(problem);
    } finally {
      saving.current = false;
    }
  }

  /** What was typed while the save was under way stays a draft, now based on what was saved. */
  function accept(to: string, text: Draft, lesson: Lesson): void {
    setConflict(null);
    if (to !== id) {
      dropDraft(id);
      return go({ page: "edit", lesson: to });
    }
    setSaved(asDraft(lesson));
    dropSaved(id, text);
    setDraft((now) => {
      const same = now?.markdown === text.markdown && now.title === text.title;
      if (!now || same) {
        dropDraft(id);
        return { title: text.title, markdown: text.markdown, base_version: lesson.version };
      }
      const rebased = { title: now.title, markdown: now.markdown, base_version: lesson.version };
      keepDraft(id, rebased);
      return rebased;
    });
    setStatus(savedWords(lesson));
  }

  function refused(problem: unknown): void {
    if (problem instanceof ApiError && problem.status === 412) {
      setConflict({ current: (problem.body["current"] ?? null) as Lesson | null });
    } else if (problem instanceof ApiError && problem.status === 401) {
      setUser(null);
    } else {
      setError(messageFor(problem));
    }
  }

  function takeTheirs(current: Lesson): void {
    dropDraft(id);
    setLetGo(draft);
    void cacheLesson("teacher", current);
    setSaved(asDraft(current));
    setDraft(asDraft(current));
    if (field.current) replaceAll(field.current, current.markdown);
    setConflict(null);
    setStatus(words.editor.isTheirs);
  }

  async function remove(): Promise<void> {
    setDeleting(false);
    try {
      await api.deleteLesson(id);
      dropDraft(id);
      go({ page: "lessons" });
    } catch (problem) {
      refused(problem);
    }
  }

  return (
    <div
      class="shell shell-fill"
      onKeyDown={(event) => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
          event.preventDefault();
          if (draft) void store(id, draft);
        }
      }}
    >
      <header class="bar">
        <ToLessons />
        <span class="grow" />
        <span class="soft small" role="status" data-testid="editor-status">
          {status || (unsaved ? words.editor.unsaved : "")}
        </span>
        {letGo && (
          <button
            class="button button-quiet"
            data-testid="conflict-undo"
            onClick={() => {
              edit({ title: letGo.title, markdown: letGo.markdown });
              if (field.current) replaceAll(field.current, letGo.markdown);
              setLetGo(null);
            }}
          >
            {words.editor.bringBack}
          </button>
        )}
        {saved && (
          <button
            class="button button-quiet"
            data-testid="lesson-delete"
            onClick={() => setDeleting(true)}
          >
            {words.editor.delete}
          </button>
        )}
        {saved && (
          <button
            class="button"
            data-testid="editor-teach"
            onClick={() => go({ page: "teach", lesson: id })}
          >
            {words.editor.teach}
          </button>
        )}
        <button
          class="button button-main"
          data-testid="editor-save"
          disabled={!draft}
          onClick={() => draft && void store(id, draft)}
        >
          {words.editor.save}
        </button>
      </header>
      <main class="editor">
        <ErrorNote message={error} />
        {draft ? (
          <>
            <label>
              {words.editor.title}
              <input
                data-testid="editor-title"
                maxLength={200}
                value={draft.title}
                onInput={(event) => edit({ title: event.currentTarget.value })}
              />
            </label>
            <Writing
              api={api}
              text={draft.markdown}
              onView={(made) => (field.current = made)}
              onChange={(markdown) => edit({ markdown })}
            />
          </>
        ) : (
          <p class="waiting">{words.editor.fetching}</p>
        )}
      </main>
      {conflict && draft && (
        <Conflict
          mine={draft}
          current={conflict.current}
          onCopy={() =>
            void store(newId(), {
              ...draft,
              title: words.editor.copyOf(draft.title).slice(0, 200),
              base_version: null,
            })
          }
          onTheirs={takeTheirs}
          onOverwrite={() =>
            void store(id, { ...draft, base_version: conflict.current?.version ?? null })
          }
          onLater={() => setConflict(null)}
        />
      )}
      {deleting && (
        <Dialog
          title={words.editor.deleteTitle}
          testid="delete-dialog"
          onClose={() => setDeleting(false)}
        >
          <p>{words.editor.deleteMeans(draft?.title ?? "")}</p>
          <div class="row row-end">
            <button class="button" onClick={() => setDeleting(false)}>
              {words.editor.keep}
            </button>
            <button
              class="button button-bad"
              data-testid="delete-confirm"
              onClick={() => void remove()}
            >
              {words.editor.delete}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

function pickTried(draft: Draft | null): Pick<Draft, "tried"> {
  return draft?.tried ? { tried: draft.tried } : {};
}

function savedWords(lesson: Lesson): string {
  const count = lesson.warnings.length;
  if (count === 0) return words.editor.saved;
  return count === 1
    ? words.editor.savedBut(lesson.warnings[0]?.message ?? "")
    : words.editor.savedWith(count);
}
