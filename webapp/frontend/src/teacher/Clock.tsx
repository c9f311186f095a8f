/** How long this lesson has been taught. A click starts it again. */
import { useEffect, useState } from "preact/hooks";
import { load, save } from "../core/storage";
import { words } from "./words/teaching";

const TICK_MS = 1_000;
/** A lesson opened again after this is a new one. */
const FORGET_AFTER_MS = 3 * 3600 * 1_000;

export function Clock({ lesson }: { lesson: string }) {
  const key = `started.${lesson}`;
  const [started, setStarted] = useState(() => begin(key));
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => redraw((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <button
      class="button button-quiet clock"
      data-testid="elapsed"
      title={words.clock.hint}
      onClick={() => setStarted(begin(key, true))}
    >
      <span class="visually-hidden">{words.clock.label} </span>
      {duration(Date.now() - started)}
    </button>
  );
}

function begin(key: string, anew = false): number {
  const kept = load<number>(key, 0);
  if (!anew && kept > 0 && Date.now() - kept < FORGET_AFTER_MS) return kept;
  const now = Date.now();
  save(key, now);
  return now;
}

function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`;
}
