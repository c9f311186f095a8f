/** The way back, first in the bar of every page of one lesson. */
import { go } from "./state";

export function ToLessons({ word = "My lessons" }: { word?: string }) {
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
