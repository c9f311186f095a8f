/** Which key means what while teaching. Clickers send the page keys, and b or a full stop. */

export type Command = "next" | "back" | "first" | "last" | "black" | "white";

const KEYS: Record<string, Command> = {
  ArrowRight: "next",
  ArrowDown: "next",
  PageDown: "next",
  n: "next",
  ArrowLeft: "back",
  ArrowUp: "back",
  PageUp: "back",
  p: "back",
  Home: "first",
  End: "last",
  b: "black",
  ".": "black",
  w: "white",
  ",": "white",
};

/** null: not ours, the browser shall do as usual. */
export function commandFor(event: KeyboardEvent): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest("input, textarea, select, dialog, [contenteditable]")) return null;
  if (event.key === " ") {
    // On a button the space bar presses that button, as everywhere.
    if (target?.closest("button, a, summary")) return null;
    return event.shiftKey ? "back" : "next";
  }
  return KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null;
}
