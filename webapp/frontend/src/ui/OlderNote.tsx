/** Said once when what the page shows may be older than what it had shown: never silently. */
export function OlderNote({ onClose }: { onClose: () => void }) {
  return (
    <p class="note note-bad older-note" data-testid="older" role="status">
      A server has failed. What was changed in its last moment may be missing here until it is back.{" "}
      <button type="button" class="button button-quiet" onClick={onClose}>
        Close
      </button>
    </p>
  );
}
