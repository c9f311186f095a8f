/**
 * The text field of the editor: CodeMirror with what writing Markdown needs, and nothing for programmers.
 *
 * Tab leaves the field, as everywhere else on the page. It holds the marks of figures that are on their
 * way, which move with the text around them; it knows nothing of hosts or lessons.
 */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { markdown } from "@codemirror/lang-markdown";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { Annotation, EditorState, StateEffect, StateField, type Extension } from "@codemirror/state";
import {
  Decoration,
  dropCursor,
  EditorView,
  keymap,
  WidgetType,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { words } from "./words";

export interface FieldEvents {
  onChange: (text: string) => void;
  /** The line of the cursor, from 0. */
  onLine: (line: number) => void;
  /** Files that were dropped at a place or pasted. */
  onFiles: (files: File[], at: number) => void;
}

export function makeField(parent: HTMLElement, text: string, events: FieldEvents): EditorView {
  return new EditorView({
    parent,
    state: EditorState.create({ doc: text, extensions: [writing, listening(events)] }),
  });
}

/** On changes that whoever makes them knows of already. */
const known = Annotation.define<true>();

/** Puts another text in the place of all, without telling `onChange`; undo brings the old one back. */
export function replaceAll(view: EditorView, text: string): void {
  if (view.state.doc.toString() === text) return;
  view.dispatch({
    changes: { from: 0, to: view.state.doc.length, insert: text },
    annotations: known.of(true),
  });
}

/** Inserts a block below the line, with empty lines around it. `follow`: the cursor goes to its end. */
export function insertBlock(view: EditorView, at: number, block: string, follow: boolean): void {
  const { doc } = view.state;
  const here = doc.lineAt(Math.min(at, doc.length)).to;
  const before = doc.sliceString(0, here).replace(/[ \t]+$/, "");
  const after = doc.sliceString(here);
  const lead = before === "" ? "" : "\n".repeat(2 - Math.min(2, trailingBreaks(before)));
  const tail = "\n".repeat(2 - Math.min(2, after.length - after.replace(/^\n+/, "").length));
  const insert = `${lead}${block}${tail}`;
  const cursor = { selection: { anchor: here + lead.length + block.length }, scrollIntoView: true };
  view.dispatch({ changes: { from: here, insert }, userEvent: "input", ...(follow ? cursor : {}) });
}

/** Whether the cursor is on the line of this place. */
export function cursorIsAt({ state }: EditorView, at: number): boolean {
  return state.doc.lineAt(state.selection.main.head).number === state.doc.lineAt(at).number;
}

function trailingBreaks(text: string): number {
  return text.length - text.replace(/\n+$/, "").length;
}

// ---- figures on their way

interface Coming {
  id: string;
  name: string;
  at: number;
}

const begin = StateEffect.define<Coming>({
  map: (value, changes) => ({ ...value, at: changes.mapPos(value.at, 1) }),
});
const end = StateEffect.define<string>();

class Sign extends WidgetType {
  constructor(
    readonly id: string,
    private readonly name: string,
  ) {
    super();
  }

  override eq(other: Sign): boolean {
    return other.id === this.id;
  }

  override toDOM(): HTMLElement {
    const sign = document.createElement("span");
    sign.className = "figure-coming";
    sign.textContent = this.name;
    // The list of files below the field says it aloud.
    sign.setAttribute("aria-hidden", "true");
    return sign;
  }
}

/** Places, not decorations: those vanish with the text around them, and the figure would be lost. */
const coming = StateField.define<readonly Coming[]>({
  create: () => [],
  update(places, transaction) {
    let next = places;
    if (transaction.docChanged) {
      next = next.map((one) => ({ ...one, at: transaction.changes.mapPos(one.at, 1) }));
    }
    for (const effect of transaction.effects) {
      if (effect.is(begin)) next = [...next, effect.value];
      else if (effect.is(end)) next = next.filter((one) => one.id !== effect.value);
    }
    return next;
  },
  provide: (field) =>
    EditorView.decorations.from(field, (places) =>
      Decoration.set(
        places.map(({ id, name, at }) =>
          Decoration.widget({ widget: new Sign(id, name), side: 1 }).range(at),
        ),
        true,
      ),
    ),
});

export function markComing(view: EditorView, id: string, at: number, name: string): void {
  // At the line's end, where it will stand: so several that come one by one keep their order.
  const { doc } = view.state;
  const place = doc.lineAt(Math.min(at, doc.length)).to;
  view.dispatch({ effects: begin.of({ id, at: place, name }) });
}

/** Where the mark is by now; null if there is none. */
export function placeOf(view: EditorView, id: string): number | null {
  return view.state.field(coming).find((one) => one.id === id)?.at ?? null;
}

export function dropComing(view: EditorView, id: string): void {
  view.dispatch({ effects: end.of(id) });
}

// ---- looks and behaviour

const style = HighlightStyle.define([
  { tag: tags.heading, fontWeight: "700" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: [tags.contentSeparator, tags.processingInstruction, tags.meta], color: "var(--accent)" },
  { tag: [tags.url, tags.link], color: "var(--accent)" },
  { tag: [tags.monospace, tags.comment], color: "var(--ink-soft)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "0" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { padding: "var(--space-3)", caretColor: "var(--ink)" },
  ".cm-dropCursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-panels": { color: "var(--ink)", backgroundColor: "var(--sunken)" },
  ".cm-button, .cm-textfield": {
    minHeight: "1.75rem",
    color: "var(--ink)",
    background: "var(--surface)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-search button[name=close]": { minWidth: "1.5rem", minHeight: "1.5rem" },
});

const writing: Extension = [
  EditorState.phrases.of(words.codeMirror),
  history(),
  dropCursor(),
  EditorView.lineWrapping,
  search({ top: true }),
  markdown(),
  syntaxHighlighting(style),
  theme,
  coming,
  keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
  EditorView.contentAttributes.of({
    "aria-label": words.writing.field,
    tabindex: "0",
    "aria-describedby": "editor-hint",
    "data-testid": "editor-markdown",
    spellcheck: "true",
    autocorrect: "on",
    autocapitalize: "sentences",
  }),
];

function listening({ onChange, onLine, onFiles }: FieldEvents): Extension {
  return [
    EditorView.updateListener.of((update) => {
      const told = update.transactions.some((one) => one.annotation(known));
      if (update.docChanged && !told) onChange(update.state.doc.toString());
      if (update.docChanged || update.selectionSet) {
        onLine(update.state.doc.lineAt(update.state.selection.main.head).number - 1);
      }
    }),
    // What no keyboard makes (a PDF's form feeds, say) would be refused when the lesson is saved.
    EditorView.clipboardInputFilter.of((text) => text.replace(CONTROL, "")),
    EditorView.domEventHandlers({
      drop: (event, view) => {
        const files = [...(event.dataTransfer?.files ?? [])];
        if (files.length === 0) return false;
        event.preventDefault();
        const at = view.posAtCoords({ x: event.clientX, y: event.clientY });
        onFiles(files, at ?? view.state.selection.main.head);
        return true;
      },
      paste: (event, view) => {
        const files = [...(event.clipboardData?.files ?? [])];
        // Office programs put a picture of the text beside the text.
        if (files.length === 0 || event.clipboardData?.getData("text/plain")) return false;
        event.preventDefault();
        onFiles(files, view.state.selection.main.head);
        return true;
      },
    }),
  ];
}

/** Not a line's end, a tab or a letter: it would be refused when the lesson is saved. */
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff]/g;
