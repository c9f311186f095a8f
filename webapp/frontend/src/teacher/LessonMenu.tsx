/** What else can be done with a lesson of one's own: copy, share, keep, print. */
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import { messageFor } from "../core/errors";
import type { LessonSummary } from "../core/types";
import { Dialog } from "../ui/Dialog";
import { ErrorNote } from "../ui/ErrorNote";
import { copyLesson, downloadLesson } from "./lessonActions";
import { go } from "./state";

interface Props {
  api: Api;
  lesson: LessonSummary;
  /** The teacher's school; null for somebody without one. */
  school: string | null;
  onChanged: () => void;
  onClose: () => void;
}

export function LessonMenu({ api, lesson, school, onChanged, onClose }: Props) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  async function does(action: () => Promise<void>): Promise<void> {
    setBusy(true);
    setError("");
    try {
      await action();
      onClose();
    } catch (problem) {
      setError(messageFor(problem));
      setBusy(false);
    }
  }

  async function copy(): Promise<void> {
    await copyLesson(api, await api.lesson(lesson.id));
    onChanged();
  }

  async function share(): Promise<void> {
    await api.shareLesson(lesson.id, !lesson.shared);
    onChanged();
  }

  return (
    <Dialog title={lesson.title || "Untitled lesson"} testid="lesson-menu" onClose={onClose}>
      <ErrorNote message={error} />
      <div class="choices">
        <button
          class="button"
          data-testid="lesson-copy"
          disabled={busy}
          onClick={() => void does(copy)}
        >
          Make a copy
          <small>A second lesson with the same slides.</small>
        </button>
        {school && (
          <button
            class="button"
            data-testid="lesson-share"
            disabled={busy}
            onClick={() => void does(share)}
          >
            {lesson.shared ? `Stop sharing with ${school}` : `Share with ${school}`}
            <small>
              {lesson.shared
                ? "Nobody else can read it any more. Copies that colleagues made stay theirs."
                : "All teachers of your school can read it, notes included, and make copies. Only you can change it."}
            </small>
          </button>
        )}
        <button
          class="button"
          data-testid="lesson-download"
          disabled={busy}
          onClick={() => void does(() => downloadLesson(api, lesson.id, lesson.title))}
        >
          Download as a zip
          <small>Markdown and figures; it can be imported again, here or elsewhere.</small>
        </button>
        <button
          class="button"
          data-testid="lesson-read"
          disabled={busy}
          onClick={() => go({ page: "read", lesson: lesson.id })}
        >
          Read or print
          <small>All slides under each other; one a page on paper or as PDF.</small>
        </button>
      </div>
      <div class="row row-end">
        <button class="button button-quiet" data-testid="lesson-menu-close" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
