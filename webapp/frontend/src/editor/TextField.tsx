/** The text field as a part of the page: one CodeMirror for as long as the lesson is open. */
import type { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "preact/hooks";
import { makeField, type FieldEvents } from "./field";

interface Props extends FieldEvents {
  /** At first; from then on the field has the text. */
  text: string;
  /** Told the view when it is there. */
  onView: (view: EditorView | null) => void;
}

export function TextField({ text, onView, ...events }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const latest = useRef(events);
  latest.current = events;

  useEffect(() => {
    if (!holder.current) return;
    const made = makeField(holder.current, text, {
      onChange: (value) => latest.current.onChange(value),
      onLine: (line) => latest.current.onLine(line),
      onFiles: (files, at) => latest.current.onFiles(files, at),
    });
    onView(made);
    return () => {
      onView(null);
      made.destroy();
    };
  }, []);
  return <div class="editor-field" ref={holder} />;
}
