/**
 * All that can be done while teaching: one definition, from which toolbar, keyboard and help sheet
 * are made. What a command does stands in Teaching.tsx.
 */
import { words } from "./words/teaching";

export interface Command {
  id: string;
  label: string;
  /** As chordOf() names them; the first is shown on the button. Clickers send page keys, b, F5, Esc. */
  keys: readonly string[];
  group: "move" | "draw" | "point" | "board";
  /** It stays on until it is pressed again. */
  toggles?: true;
  /** Keys only: the toolbar does without it. */
  hidden?: true;
}

export const COMMANDS = [
  {
    id: "next",
    label: words.commands.next,
    keys: ["ArrowRight", "ArrowDown", "PageDown", "Space", "n"],
    group: "move",
  },
  {
    id: "back",
    label: words.commands.back,
    keys: ["ArrowLeft", "ArrowUp", "PageUp", "Shift+Space", "p"],
    group: "move",
  },
  { id: "first", label: words.commands.first, keys: ["Home"], group: "move", hidden: true },
  { id: "last", label: words.commands.last, keys: ["End"], group: "move", hidden: true },
  { id: "overview", label: words.commands.overview, keys: ["o"], group: "move" },
  { id: "pen", label: words.commands.pen, keys: ["d"], group: "draw", toggles: true },
  { id: "highlighter", label: words.commands.highlighter, keys: ["h"], group: "draw", toggles: true },
  { id: "eraser", label: words.commands.eraser, keys: ["e"], group: "draw", toggles: true },
  { id: "undo", label: words.commands.undo, keys: ["u", "Ctrl+z"], group: "draw" },
  { id: "redo", label: words.commands.redo, keys: ["Ctrl+y", "Ctrl+Shift+z"], group: "draw" },
  { id: "clear", label: words.commands.clear, keys: ["Delete"], group: "draw" },
  { id: "laser", label: words.commands.laser, keys: ["l"], group: "point", toggles: true },
  { id: "spotlight", label: words.commands.spotlight, keys: ["s"], group: "point", toggles: true },
  { id: "zoom", label: words.commands.zoom, keys: ["z"], group: "point", toggles: true },
  { id: "blank-black", label: words.commands.black, keys: ["b", "."], group: "board", toggles: true },
  { id: "blank-white", label: words.commands.white, keys: ["w", ","], group: "board", toggles: true },
  { id: "timer", label: words.commands.timer, keys: ["t"], group: "board", toggles: true },
  {
    id: "fullscreen",
    label: words.commands.fullscreen,
    keys: ["f", "F5", "Shift+F5"],
    group: "board",
    toggles: true,
  },
  { id: "help", label: words.commands.help, keys: ["?", "F1"], group: "board" },
  {
    id: "put-away",
    label: words.commands.putAway,
    keys: ["Escape"],
    group: "board",
    hidden: true,
  },
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];

export function commandOf(id: CommandId): Command {
  return COMMANDS.find((command) => command.id === id) as Command;
}

/** Single letters can be switched off (WCAG 2.1.4): who steers by voice types them by accident. */
export function isLetter(chord: string): boolean {
  return chord.length === 1;
}

/** Here keys are text, or belong to the dialog. A ticked box takes no text. */
const TYPED_INTO =
  'input:not([type="checkbox"]), textarea, select, dialog, [contenteditable]';

/** null: not ours, the browser shall do as usual. */
export function commandFor(event: KeyboardEvent, letters = true): CommandId | null {
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest(TYPED_INTO)) return null;
  const chord = chordOf(event);
  if (chord === null || (isLetter(chord) && !letters)) return null;
  // On a button the space bar presses that button, as everywhere.
  if (chord.endsWith("Space") && target?.closest("button, a, summary, video, input")) return null;
  return COMMANDS.find(({ keys }) => (keys as readonly string[]).includes(chord))?.id ?? null;
}

/** A key with what is held down beside it; letters as they are, whether shifted or not. */
export function chordOf(event: KeyboardEvent): string | null {
  if (event.altKey || event.isComposing) return null;
  const key = event.key === " " ? "Space" : event.key;
  const name = key.length === 1 ? key.toLowerCase() : key;
  const control = event.ctrlKey || event.metaKey;
  const shift = event.shiftKey && (control || name.length > 1);
  return `${control ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${name}`;
}

const KEY_NAMES: Record<string, string> = {
  ArrowRight: "→",
  ArrowLeft: "←",
  ArrowDown: "↓",
  ArrowUp: "↑",
  PageDown: "Page Down",
  PageUp: "Page Up",
  Space: words.spaceKey,
  Escape: "Esc",
};

/** A chord as it stands on keyboards. */
export function keyName(chord: string): string {
  return chord
    .split("+")
    .map((part) => KEY_NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(" + ");
}

/** The same for screen readers (aria-keyshortcuts). */
export function ariaKeys(command: Command): string {
  return command.keys.map((chord) => chord.replace("Ctrl", "Control")).join(" ");
}
