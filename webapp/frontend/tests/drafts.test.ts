import { EditorView } from "@codemirror/view";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Api } from "../src/core/api";
import type { ApiError } from "../src/core/errors";
import type { Lesson, LessonDraft } from "../src/core/types";
import { letEditorsMeasure, MemoryStorage } from "./helpers";

const ID = "0190c5c0-0000-7000-8000-000000000001";
let stored: Lesson;
let open: Tab[];

/** One host's word on one lesson. The error is of the asking tab's own modules. */
function apiWith(Refusal: typeof ApiError): Api {
  return {
    lesson: async () => stored,
    saveLesson: async (_id: string, { base_version, ...draft }: LessonDraft) => {
      if (base_version !== stored.version) {
        throw new Refusal(412, "conflict", "Changed.", {}, { current: stored });
      }
      return (stored = { ...stored, ...draft });
    },
  } as unknown as Api;
}

/** The editor as one tab of a browser has it: own modules, own sessionStorage, shared localStorage. */
class Tab {
  private root = document.createElement("div");
  private unmount = (): void => undefined;

  constructor(readonly session = new MemoryStorage()) {}

  async load(): Promise<this> {
    this.close();
    vi.resetModules();
    vi.stubGlobal("sessionStorage", this.session);
    const [{ h, render }, { default: Editor }, errors, drafts] = await Promise.all([
      import("preact"),
      import("../src/editor/Editor"),
      import("../src/core/errors"),
      import("../src/teacher/drafts"),
    ]);
    await drafts.readyDrafts();
    this.root = document.body.appendChild(document.createElement("div"));
    render(h(Editor, { api: apiWith(errors.ApiError), lesson: ID }), this.root);
    this.unmount = () => render(null, this.root);
    open.push(this);
    await vi.waitFor(() => this.by("lesson-delete") && this.by("editor-markdown"));
    return this;
  }

  close(): void {
    this.unmount();
    this.root.remove();
  }

  by<T extends HTMLElement>(id: string): T {
    const found = this.root.querySelector<T>(`[data-testid="${id}"]`);
    if (!found) throw new Error(`no ${id}`);
    return found;
  }

  get text(): string {
    return this.field.state.doc.toString();
  }

  private get field(): EditorView {
    const found = EditorView.findFromDOM(this.by("editor-markdown"));
    if (!found) throw new Error("no text field");
    return found;
  }

  get status(): string {
    return this.by("editor-status").textContent ?? "";
  }

  async type(text: string): Promise<void> {
    const { state } = this.field;
    this.field.dispatch({ changes: { from: 0, to: state.doc.length, insert: text } });
    await vi.waitFor(() => expect(this.status).toContain("Not saved yet"));
  }

  async save(): Promise<void> {
    this.by("editor-save").click();
    await vi.waitFor(() => expect(this.status).toBe("Saved"));
  }
}

/** What a browser tells the other tabs when one removes a key. */
function tellOfRemovals(before: string[]): void {
  for (const key of before.filter((key) => localStorage.getItem(key) === null)) {
    dispatchEvent(new StorageEvent("storage", { key, newValue: null }));
  }
}

beforeEach(() => {
  localStorage.clear();
  letEditorsMeasure();
  // Dialogs are not among what jsdom can do.
  HTMLDialogElement.prototype.showModal = HTMLDialogElement.prototype.close = () => undefined;
  open = [];
  stored = {
    id: ID,
    title: "Tides",
    markdown: "# Tides",
    version: "v1",
    slides: [],
    warnings: [],
    updated_at: "2026-01-01T00:00:00Z",
  } as unknown as Lesson;
});

afterEach(() => {
  for (const tab of open) tab.close();
  vi.unstubAllGlobals();
});

test("a save in one tab leaves the unsaved text of another", async () => {
  const a = await new Tab().load();
  const b = await new Tab().load();
  await a.type("# Mine");
  await b.type("# Theirs");
  await b.save();
  a.by("editor-save").click();
  await vi.waitFor(() => a.by("conflict-later").click());
  await a.load();
  expect(a.text).toBe("# Mine");
  expect(a.status).toContain("Not saved yet");
});

test("typing in one tab leaves the unsaved text of another", async () => {
  const a = await new Tab().load();
  const b = await new Tab().load();
  await a.type("# Mine");
  await b.type("# Theirs");
  await a.load();
  expect(a.text).toBe("# Mine");
  await b.load();
  expect(b.text).toBe("# Theirs");
});

test("a tab that opens another's draft and goes on from it does not take it away", async () => {
  const a = await new Tab().load();
  await a.type("# Mine");
  const before = Object.keys(localStorage);
  const b = await new Tab().load();
  expect(b.text).toBe("# Mine");
  tellOfRemovals(before);
  await b.type("# Mine, but shorter");
  await b.save();
  await a.load();
  expect(a.text).toBe("# Mine");
});

test("the draft of a tab that is gone is offered again, until it is saved", async () => {
  const a = await new Tab().load();
  await a.type("# Mine");
  a.close();
  const b = await new Tab().load();
  expect(b.text).toBe("# Mine");
  await b.type("# Mine and more");
  await b.save();
  expect(stored.markdown).toBe("# Mine and more");
  expect(Object.keys(localStorage).filter((key) => key.includes("draft."))).toEqual([]);
});

test("a draft kept by an older release is found", async () => {
  const old = { title: "Tides", markdown: "# Before", base_version: "v1" };
  localStorage.setItem(`firstbell.draft.${ID}`, JSON.stringify(old));
  const a = await new Tab().load();
  expect(a.text).toBe("# Before");
  await a.save();
  expect(Object.keys(localStorage).filter((key) => key.includes("draft."))).toEqual([]);
});

test("the other version that was taken is no draft, and one's own can be brought back", async () => {
  const a = await new Tab().load();
  await a.type("# Mine");
  stored = { ...stored, title: "Theirs", markdown: "# Theirs", version: "v2" };
  a.by("editor-save").click();
  await vi.waitFor(() => a.by("conflict-theirs").click());
  await vi.waitFor(() => expect(a.text).toBe("# Theirs"));
  expect(a.by<HTMLInputElement>("editor-title").value).toBe("Theirs");
  expect(Object.keys(localStorage).filter((key) => key.includes("draft."))).toEqual([]);
  a.by("conflict-undo").click();
  await vi.waitFor(() => expect(a.text).toBe("# Mine"));
  await a.save();
  expect(stored.markdown).toBe("# Mine");
});
