/**
 * Keeps a session's document on this device: a reload begins where it ended, servers or none.
 *
 * y-indexeddb writes each update as it comes, and now and then sums them up. Where there is no IndexedDB
 * (private windows of some browsers) the page works all the same, it only starts empty.
 */
import { IndexeddbPersistence } from "y-indexeddb";
import type * as Y from "yjs";
import { documentName, hasStorage } from "./kept";
import type { Role } from "./protocol";

/** Longer than this nobody waits for what is kept: should it come later, it is merged then. */
const LOAD_WAIT_MS = 1_500;

/** Resolves when what was kept is in the document. It is kept until the document is destroyed. */
export function keepDocument(doc: Y.Doc, session: string, who: Role): Promise<void> {
  if (!hasStorage()) return Promise.resolve();
  const kept = new IndexeddbPersistence(documentName(session, who), doc);
  // Another tab signs out, and what is kept goes: this one must not write to what is closed.
  kept._db
    .then((db) => db.addEventListener("versionchange", () => void kept.destroy()))
    .catch(() => undefined);
  const late = new Promise<void>((resolve) => setTimeout(resolve, LOAD_WAIT_MS));
  return Promise.race([kept.whenSynced.then(() => undefined), late]);
}
