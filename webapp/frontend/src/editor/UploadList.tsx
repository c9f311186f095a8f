/** What is on its way into the text, how far, and what could not be taken. */
import type { Uploads } from "./uploads";
import { words } from "./words";

export function UploadList({ uploads }: { uploads: Uploads }) {
  return (
    <div class="uploads">
      {uploads.list.map(({ id, name, share, error }) =>
        error ? (
          <p class="note note-bad" role="alert" data-testid="upload-error" key={id}>
            {error}{" "}
            <button
              type="button"
              class="button button-quiet button-small"
              aria-label={words.uploads.closeOf(name)}
              onClick={() => uploads.dismiss(id)}
            >
              {words.uploads.close}
            </button>
          </p>
        ) : (
          <div class="progress" data-testid="upload-progress" key={id}>
            <span>{share >= 1 ? words.uploads.storing(name) : words.uploads.sending(name)}</span>
            <progress max={1} value={share} aria-label={words.uploads.progress(name)} />
          </div>
        ),
      )}
      <p class="visually-hidden" role="status" data-testid="upload-done">
        {uploads.done}
      </p>
    </div>
  );
}
