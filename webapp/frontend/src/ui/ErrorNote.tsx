/** An error in words, in the place it belongs to. It exists only while there is one. */
export function ErrorNote({ message }: { message: string }) {
  if (!message) return null;
  return (
    <p class="note note-bad" data-testid="error" role="alert">
      {message}
    </p>
  );
}
