/** What is put into a text that somebody is writing: where it belongs, in order, and not under the cursor. */
import { beforeEach, expect, test } from "vitest";
import type { EditorView } from "@codemirror/view";
import { cursorIsAt, dropComing, insertBlock, makeField, markComing, placeOf } from "../src/editor/field";
import { letEditorsMeasure } from "./helpers";

const nothing = { onChange: () => undefined, onLine: () => undefined, onFiles: () => undefined };
const text = (view: EditorView): string => view.state.doc.toString();

beforeEach(letEditorsMeasure);

function arrive(view: EditorView, id: string, block: string): void {
  const at = placeOf(view, id);
  dropComing(view, id);
  if (at !== null) insertBlock(view, at, block, cursorIsAt(view, at));
}

test("figures come in the order of their files, below the line they were dropped on", () => {
  const view = makeField(document.body, "# Sea and more\nnext line", nothing);
  markComing(view, "1", 3, "a.png");
  markComing(view, "2", 3, "b.png");
  arrive(view, "1", "![a]");
  arrive(view, "2", "![b]");
  expect(text(view)).toBe("# Sea and more\n\n![a]\n\n![b]\n\nnext line");
});

test("one after the other, each goes below the one before", () => {
  const view = makeField(document.body, "# Sea\n", nothing);
  for (const name of ["a", "b"]) {
    markComing(view, name, view.state.selection.main.head, name);
    arrive(view, name, `![${name}]`);
  }
  expect(text(view)).toMatch(/^# Sea\n\n!\[a\]\n\n!\[b\]\n*$/);
});

test("what is typed meanwhile stays, and so does the cursor", () => {
  const view = makeField(document.body, "one\n\ntwo", nothing);
  markComing(view, "1", 0, "a.png");
  view.dispatch({ changes: { from: 0, insert: "zero\n\n" }, selection: { anchor: 2 } });
  arrive(view, "1", "![a]");
  expect(text(view)).toBe("zero\n\none\n\n![a]\n\ntwo");
  expect(view.state.selection.main.head).toBe(2);
});

test("a place that was deleted meanwhile is where the text around it closed", () => {
  const view = makeField(document.body, "one\n\ntwo\n\nthree", nothing);
  markComing(view, "1", 6, "a.png");
  view.dispatch({ changes: { from: 3, to: 10 } });
  expect(placeOf(view, "1")).toBe(3);
  expect(placeOf(view, "2")).toBeNull();
});
