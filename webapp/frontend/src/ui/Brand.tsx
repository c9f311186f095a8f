/** The bell and the name. */
export function Brand({ name = "Firstbell" }: { name?: string }) {
  return (
    <span class="brand">
      <img src="/favicon.svg" alt="" width="28" height="28" />
      <span>{name}</span>
    </span>
  );
}
