/** The lesson was changed on another laptop: the author decides, and nothing is lost meanwhile. */
import { locale } from "../core/language";
import type { Lesson } from "../core/types";
import { Dialog } from "../ui/Dialog";
import type { Draft } from "../teacher/drafts";
import { Difference } from "./Difference";
import { words } from "./words";

interface Props {
  mine: Draft;
  /** null: it was deleted on the other laptop. */
  current: Lesson | null;
  onCopy: () => void;
  onTheirs: (current: Lesson) => void;
  onOverwrite: () => void;
  onLater: () => void;
}

export function Conflict({ mine, current, onCopy, onTheirs, onOverwrite, onLater }: Props) {
  const title = current ? words.conflict.changed : words.conflict.deleted;
  return (
    <Dialog title={title} testid="conflict-dialog" onClose={onLater} wide={current !== null}>
      <p>{words.conflict.ask}</p>
      {current && (
        <dl class="versions">
          <dt>{words.conflict.mine}</dt>
          <dd>
            {mine.title} · {lengthOf(mine.markdown)}
          </dd>
          <dt>{words.conflict.theirs}</dt>
          <dd>
            {current.title} · {lengthOf(current.markdown)} · {when(current.updated_at)}
          </dd>
        </dl>
      )}
      {current && current.markdown !== mine.markdown && (
        <Difference mine={mine.markdown} theirs={current.markdown} />
      )}
      <div class="choices">
        <button class="button button-main" data-testid="conflict-copy" onClick={onCopy}>
          {current ? words.conflict.copy : words.conflict.newLesson}
          <small>{current ? words.conflict.copyMeans : words.conflict.newLessonMeans}</small>
        </button>
        {current && (
          <button class="button" data-testid="conflict-theirs" onClick={() => onTheirs(current)}>
            {words.conflict.takeTheirs}
            <small>{words.conflict.takeTheirsMeans}</small>
          </button>
        )}
        {current && (
          <button class="button" data-testid="conflict-overwrite" onClick={onOverwrite}>
            {words.conflict.overwrite}
            <small>{words.conflict.overwriteMeans}</small>
          </button>
        )}
      </div>
      <div class="row row-end">
        <button class="button button-quiet" data-testid="conflict-later" onClick={onLater}>
          {words.conflict.later}
        </button>
      </div>
    </Dialog>
  );
}

function lengthOf(markdown: string): string {
  return words.conflict.length(markdown.split(/\s+/).filter(Boolean).length);
}

function when(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? ""
    : date.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}
