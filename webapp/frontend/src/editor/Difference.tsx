/** Two texts, line by line: what the other has (struck through) and what mine has in its place. */
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "preact/hooks";

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
          EditorView.contentAttributes.of({
            tabindex: "0",
            "aria-readonly": "true",
            "aria-label": "Differences: removed from the other, added by yours",
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
        <del>Only in the other</del> <ins>Only in yours</ins>
      </p>
      <div class="difference" ref={holder} />
    </>
  );
}
