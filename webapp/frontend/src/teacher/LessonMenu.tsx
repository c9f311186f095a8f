/** What else can be done with a lesson of one's own: copy, share, keep, print. */
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import { messageFor } from "../core/errors";
import type { LessonSummary, Program } from "../core/types";
import { Dialog } from "../ui/Dialog";
import { ErrorNote } from "../ui/ErrorNote";
import { copyLesson, downloadLesson } from "./lessonActions";
import { go } from "./state";
import { words } from "./words/lessons";

const PROGRAMS: [Program, string][] = [
  ["marp", "Marp"],
  ["reveal", "reveal.js"],
];

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
    <Dialog title={lesson.title || words.untitled} testid="lesson-menu" onClose={onClose}>
      <ErrorNote message={error} />
      <div class="choices">
        <button
          class="button"
          data-testid="lesson-copy"
          disabled={busy}
          onClick={() => void does(copy)}
        >
          {words.menu.copy}
          <small>{words.menu.copyHint}</small>
        </button>
        {school && (
          <button
            class="button"
            data-testid="lesson-share"
            disabled={busy}
            onClick={() => void does(share)}
          >
            {lesson.shared ? words.menu.unshare(school) : words.menu.share(school)}
            <small>{lesson.shared ? words.menu.unshareHint : words.menu.shareHint}</small>
          </button>
        )}
        <button
          class="button"
          data-testid="lesson-read"
          disabled={busy}
          onClick={() => go({ page: "read", lesson: lesson.id })}
        >
          {words.menu.read}
          <small>{words.menu.readHint}</small>
        </button>
        <button
          class="button"
          data-testid="lesson-download"
          disabled={busy}
          onClick={() => void does(() => downloadLesson(api, lesson))}
        >
          {words.menu.download}
          <small>{words.menu.downloadHint}</small>
        </button>
        {PROGRAMS.map(([program, name]) => (
          <button
            key={program}
            class="button"
            data-testid={`lesson-download-${program}`}
            disabled={busy}
            onClick={() => void does(() => downloadLesson(api, lesson, program))}
          >
            {words.menu.downloadFor(name)}
            <small>{words.menu.downloadForHint[program]}</small>
          </button>
        ))}
      </div>
      <div class="row row-end">
        <button class="button button-quiet" data-testid="lesson-menu-close" onClick={onClose}>
          {words.menu.close}
        </button>
      </div>
    </Dialog>
  );
}
