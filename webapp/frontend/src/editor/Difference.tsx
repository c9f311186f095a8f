/** Two texts, line by line: what the other has (struck through) and what mine has in its place. */
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "preact/hooks";
import { words } from "./words";

/** Past this a comparison is an estimate, so that the page never stands still. */
const SCAN_LIMIT = 2_000;
const TIMEOUT_MS = 500;

export function Difference({ mine, theirs }: { mine: string; theirs: string }) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!holder.current) return;
    const view = new EditorView({
      parent: holder.current,
      state: EditorState.create({
        doc: mine,
        extensions: [
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.lineWrapping,
          EditorState.phrases.of(words.codeMirror),
          EditorView.contentAttributes.of({
            tabindex: "0",
            "aria-readonly": "true",
            "aria-label": words.conflict.difference,
            "data-testid": "conflict-difference",
          }),
          unifiedMergeView({
            original: theirs,
            mergeControls: false,
            gutter: true,
            collapseUnchanged: { margin: 2, minSize: 4 },
            diffConfig: { scanLimit: SCAN_LIMIT, timeout: TIMEOUT_MS },
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, [mine, theirs]);
  return (
    <>
      <p class="small soft difference-key">
        <del>{words.conflict.onlyTheirs}</del> <ins>{words.conflict.onlyMine}</ins>
      </p>
      <div class="difference" ref={holder} />
    </>
  );
}
