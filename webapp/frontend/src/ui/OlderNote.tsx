/** Said once when what the page shows may be older than what it had shown: never silently. */
import { words } from "./words";

export function OlderNote({ onClose }: { onClose: () => void }) {
  return (
    <p class="note note-bad older-note" data-testid="older" role="status">
      {words.older.said}{" "}
      <button type="button" class="button button-quiet" onClick={onClose}>
        {words.older.close}
      </button>
    </p>
  );
}
