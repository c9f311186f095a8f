/**
 * A second copy of each draft, in IndexedDB and on the disk.
 *
 * Browsers write localStorage to the disk some seconds late: what was typed last is gone when one
 * crashes or a battery ends. "strict" transactions are on the disk when they are done. Where there is
 * no IndexedDB, localStorage has to do.
 */
import { del, entries, promisifyRequest, set, type UseStore } from "idb-keyval";
import { load, save } from "../core/storage";

/** A page must come up whatever the disk does. */
const RECOVER_MS = 1_000;
const STORE = "drafts";

interface Kept {
  at?: number;
}

let database: Promise<IDBDatabase> | undefined;

const strict: UseStore = async (mode, callback) => {
  const opened = await (database ??= open());
  return callback(opened.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE));
};

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open("firstbell-drafts");
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return promisifyRequest(request);
}

/** What is still to be written: of each draft only the newest. */
const waiting = new Map<string, unknown>();
let writing: Promise<void> | null = null;

/** `value` undefined removes it. Returns at once; the disk follows. */
export function mirror(key: string, value: unknown): void {
  if (typeof indexedDB === "undefined") return;
  waiting.set(key, value);
  writing ??= writeAll().finally(() => (writing = null));
}

async function writeAll(): Promise<void> {
  for (const [key, value] of waiting) {
    waiting.delete(key);
    try {
      await (value === undefined ? del(key, strict) : set(key, value, strict));
    } catch {
      // A full disk or a private window: localStorage has it.
    }
  }
}

/** Brings back what localStorage lacks, or has in an older state. False if the disk takes too long. */
export async function recoverDrafts(): Promise<boolean> {
  if (typeof indexedDB === "undefined") return true;
  const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), RECOVER_MS));
  return Promise.race([bringBack(), late]);
}

async function bringBack(): Promise<true> {
  try {
    for (const [key, kept] of await entries<string, Kept>(strict)) {
      const known = load<Kept | null>(key, null);
      if (!known || (known.at ?? 0) < (kept.at ?? 0)) save(key, kept);
    }
  } catch {
    // Then there is what localStorage has.
  }
  return true;
}
