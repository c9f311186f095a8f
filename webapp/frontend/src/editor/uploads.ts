/** Files on their way into a lesson: each is read, sent, and its Markdown put where it was dropped. */
import type { EditorView } from "@codemirror/view";
import { useRef, useState } from "preact/hooks";
import { newId, type Api } from "../core/api";
import { messageFor } from "../core/errors";
import { cursorIsAt, dropComing, insertBlock, markComing, placeOf } from "./field";
import { BadFigure, figureMarkdown, kindOf, uploadFigure } from "./figures";
import { words } from "./words";

export interface Upload {
  id: string;
  name: string;
  /** 0 to 1. */
  share: number;
  error: string;
}

export interface Uploads {
  list: readonly Upload[];
  /** What was last put into the text, in words. */
  done: string;
  start: (view: EditorView, files: File[], at: number) => void;
  dismiss: (id: string) => void;
}

export function useUploads(api: Api): Uploads {
  const [list, setList] = useState<readonly Upload[]>([]);
  const [done, setDone] = useState("");
  // One after the other: a phone has neither the memory nor the line for all at once.
  const queue = useRef<Promise<void>>(Promise.resolve());

  function change(id: string, values: Partial<Upload>): void {
    setList((before) => before.map((one) => (one.id === id ? { ...one, ...values } : one)));
  }

  async function bring(view: EditorView, id: string, file: File): Promise<void> {
    try {
      const markdown = await stored(api, file, (share) => change(id, { share }));
      const at = placeOf(view, id);
      if (at === null) return;
      dropComing(view, id);
      // Who waits for it goes on below it; who writes elsewhere by now is left there.
      insertBlock(view, at, markdown, cursorIsAt(view, at));
      setList((before) => before.filter((one) => one.id !== id));
      setDone(words.uploads.done(file.name));
    } catch (problem) {
      dropComing(view, id);
      const message = messageFor(problem);
      change(id, { error: problem instanceof BadFigure ? message : `${file.name}: ${message}` });
    }
  }

  return {
    list,
    done,
    start: (view, files, at) => {
      setDone("");
      for (const file of files) {
        const id = newId();
        markComing(view, id, at, file.name);
        setList((before) => [...before, { id, name: file.name, share: 0, error: "" }]);
        queue.current = queue.current.then(() => bring(view, id, file));
      }
    },
    dismiss: (id) => setList((before) => before.filter((one) => one.id !== id)),
  };
}

/** The Markdown of a file that is stored: one figure, or a slide for each page of a PDF. */
async function stored(
  api: Api,
  file: File,
  onProgress: (share: number) => void,
): Promise<string> {
  const kind = await kindOf(file);
  if ("extension" in kind) {
    return figureMarkdown(file.name, await uploadFigure(api, file, kind.extension, onProgress));
  }
  // Large, and few lessons need it.
  const { pagesOf } = await import("./pdf");
  const figures: string[] = [];
  for await (const { page, pages, picture } of pagesOf(file)) {
    const url = await uploadFigure(api, picture, "png", (share) =>
      onProgress((page - 1 + share) / pages),
    );
    figures.push(figureMarkdown(file.name, url, page));
  }
  return figures.join("\n\n---\n\n");
}
