/**
 * Keeps a session's document on this device: a reload begins where it ended, servers or none.
 *
 * The document is small (a few kB); a school without storage loses nothing but that comfort.
 */
import { fromBase64, toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import { forget, load, save } from "../core/storage";
import type { Role } from "./protocol";

/** Changes come in bursts; they are written this much after the last. */
const SAVE_AFTER_MS = 300;

/** `who`: teacher and board may share a browser, but not the record of what each has seen. */
export function keepDocument(doc: Y.Doc, session: string, who: Role): () => void {
  const key = `doc.${who}.${session}`;
  const kept = load<string>(key, "");
  if (kept) {
    try {
      Y.applyUpdate(doc, fromBase64(kept), "kept");
    } catch {
      forget(key);
    }
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    save(key, toBase64(Y.encodeStateAsUpdate(doc)));
  };
  const soon = (): void => {
    timer ??= setTimeout(write, SAVE_AFTER_MS);
  };
  const now = (): void => {
    if (timer !== undefined) write();
  };
  doc.on("update", soon);
  window.addEventListener("pagehide", now);
  return () => {
    now();
    doc.off("update", soon);
    window.removeEventListener("pagehide", now);
  };
}

export function forgetDocument(session: string, who: Role): void {
  forget(`doc.${who}.${session}`);
}
