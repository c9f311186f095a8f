/** The way back, first in the bar of every page of one lesson. */
import { go } from "./state";
import { words } from "./words/lessons";

export function ToLessons({ word = words.lessons.title }: { word?: string }) {
  return (
    <button
      class="button button-quiet"
      data-testid="to-lessons"
      onClick={() => go({ page: "lessons" })}
    >
      ← <span class="wide-only">{word}</span>
    </button>
  );
}
