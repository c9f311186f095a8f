/**
 * Under which name a session's document is kept on this device, and forgetting it.
 *
 * Apart from keep.ts: who only forgets need not fetch Yjs.
 */
import type { Role } from "./protocol";

/** `who`: teacher and board may share a browser, but not the record of what each has seen. */
export function documentName(session: string, who: Role): string {
  return `firstbell.doc.${who}.${session}`;
}

/** Pages that have it open stop keeping it. */
export function forgetDocument(session: string, who: Role): void {
  if (hasStorage()) indexedDB.deleteDatabase(documentName(session, who));
}

export function hasStorage(): boolean {
  return typeof indexedDB !== "undefined";
}
