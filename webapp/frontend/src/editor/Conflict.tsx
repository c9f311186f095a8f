/** The lesson was changed on another laptop: the author decides, and nothing is lost meanwhile. */
import type { Lesson } from "../core/types";
import { Dialog } from "../ui/Dialog";
import type { Draft } from "../teacher/drafts";
import { Difference } from "./Difference";

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
  const title = current
    ? "This lesson was changed on another laptop"
    : "This lesson was deleted on another laptop";
  return (
    <Dialog title={title} testid="conflict-dialog" onClose={onLater} wide={current !== null}>
      <p>Your text is safe on this device. What should happen to it?</p>
      {current && (
        <dl class="versions">
          <dt>Yours</dt>
          <dd>
            {mine.title} · {words(mine.markdown)}
          </dd>
          <dt>The other</dt>
          <dd>
            {current.title} · {words(current.markdown)} · {when(current.updated_at)}
          </dd>
        </dl>
      )}
      {current && current.markdown !== mine.markdown && (
        <Difference mine={mine.markdown} theirs={current.markdown} />
      )}
      <div class="choices">
        <button class="button button-main" data-testid="conflict-copy" onClick={onCopy}>
          {current ? "Keep mine as a copy" : "Keep my text as a new lesson"}
          <small>
            {current ? "Both lessons stay, side by side." : "The deleted lesson stays deleted."}
          </small>
        </button>
        {current && (
          <button class="button" data-testid="conflict-theirs" onClick={() => onTheirs(current)}>
            Take the other
            <small>What you changed here is let go.</small>
          </button>
        )}
        {current && (
          <button class="button" data-testid="conflict-overwrite" onClick={onOverwrite}>
            Replace the other with mine
            <small>The other change is no longer shown.</small>
          </button>
        )}
      </div>
      <div class="row row-end">
        <button class="button button-quiet" data-testid="conflict-later" onClick={onLater}>
          Decide later
        </button>
      </div>
    </Dialog>
  );
}

function words(markdown: string): string {
  const count = markdown.split(/\s+/).filter(Boolean).length;
  return count === 1 ? "1 word" : `${count} words`;
}

function when(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? ""
    : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
