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
import { Writing } from "./Writing";
import "../lesson/slide.css";
import "./editor.css";

const NEW_LESSON: Draft = {
  title: "New lesson",
  markdown: "# New lesson\n\n---\n\n## First slide\n\n* Appears first\n* Appears second\n",
  base_version: null,
};

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
    if (!keepDraft(id, next)) {
      setError(
        "This device has no room left to keep a draft. Please save, or copy your text elsewhere.",
      );
    }
  }

  async function store(to: string, text: Draft): Promise<void> {
    if (saving.current) return;
    saving.current = true;
    setError("");
    setStatus("Saving…");
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
    setStatus("This is now the other version.");
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
          {status || (unsaved ? "Not saved yet – kept on this device" : "")}
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
            Bring my text back
          </button>
        )}
        {saved && (
          <button
            class="button button-quiet"
            data-testid="lesson-delete"
            onClick={() => setDeleting(true)}
          >
            Delete
          </button>
        )}
        {saved && (
          <button
            class="button"
            data-testid="editor-teach"
            onClick={() => go({ page: "teach", lesson: id })}
          >
            Open
          </button>
        )}
        <button
          class="button button-main"
          data-testid="editor-save"
          disabled={!draft}
          onClick={() => draft && void store(id, draft)}
        >
          Save
        </button>
      </header>
      <main class="editor">
        <ErrorNote message={error} />
        {draft ? (
          <>
            <label>
              Title
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
          <p class="waiting">Fetching the lesson…</p>
        )}
      </main>
      {conflict && draft && (
        <Conflict
          mine={draft}
          current={conflict.current}
          onCopy={() =>
            void store(newId(), {
              ...draft,
              title: `${draft.title} (my copy)`.slice(0, 200),
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
          title="Delete this lesson?"
          testid="delete-dialog"
          onClose={() => setDeleting(false)}
        >
          <p>“{draft?.title}” will be gone from all your devices.</p>
          <div class="row row-end">
            <button class="button" onClick={() => setDeleting(false)}>
              Keep it
            </button>
            <button
              class="button button-bad"
              data-testid="delete-confirm"
              onClick={() => void remove()}
            >
              Delete
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
  if (count === 0) return "Saved";
  return count === 1
    ? `Saved. ${lesson.warnings[0]?.message ?? ""}`
    : `Saved, with ${count} things to look at`;
}
