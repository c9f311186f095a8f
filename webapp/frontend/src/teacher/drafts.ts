/**
 * What was typed but not yet saved to a host. It outlives reloads, crashes and empty batteries.
 *
 * Each tab keeps its drafts in slots of its own, so tabs that edit one lesson leave each other's
 * text alone. A draft is removed only when exactly this text was saved, or its author let it go.
 *
 * The slots of a tab are found again after its reload, and by any other tab that opens the lesson:
 * the tab that wrote them may be gone for good. If it is not, it hears of it and keeps its text again.
 * A copy of each on the disk is kept up to the last key (draftDisk.ts).
 */
import { newId } from "../core/api";
import { forget, keysWith, load, save } from "../core/storage";
import { mirror, recoverDrafts } from "./draftDisk";

export interface Draft {
  title: string;
  markdown: string;
  /** The version that was edited; null for a lesson that no host has yet. */
  base_version: string | null;
  /** The version of a save whose answer never came: if a host has it, it is ours, no conflict. */
  tried?: string;
}

interface Slot extends Draft {
  /** When it was kept; drafts of older releases do not say. */
  at?: number;
}

const TAB = "tab";
/** New with each load of the page: a duplicated tab begins with a copy of sessionStorage. */
const tab = newId();
const before = load(TAB, "", sessionStorage);
save(TAB, tab, sessionStorage);

/** To be awaited once, before any draft is looked for. */
export async function readyDrafts(): Promise<void> {
  // An older text of localStorage must not take the place of the disk's: that is brought back first.
  if (await recoverDrafts()) takeOver(before);
}

/** This tab's draft, or else the newest that any tab left; from then on it is this tab's. */
export function openDraft(lesson: string): Draft | null {
  const own = loadDraft(lesson);
  if (own) return own;
  const newest = slotsOf(lesson).sort((a, b) => keptAt(b) - keptAt(a))[0];
  if (!newest) return null;
  move(newest, slot(lesson));
  return load<Draft | null>(slot(lesson), null) ?? load<Draft | null>(newest, null);
}

export function loadDraft(lesson: string): Draft | null {
  return load<Draft | null>(slot(lesson), null);
}

/** Returns false if this device has no room: then the author must be told. */
export function keepDraft(lesson: string, draft: Draft): boolean {
  const kept: Slot = { ...draft, at: Date.now() };
  mirror(slot(lesson), kept);
  return save(slot(lesson), kept);
}

/** Its author let it go. */
export function dropDraft(lesson: string): void {
  drop(slot(lesson));
}

/** This text was saved: wherever exactly this is kept, it need not be. */
export function dropSaved(lesson: string, text: Draft): void {
  for (const key of slotsOf(lesson)) {
    const kept = load<Slot | null>(key, null);
    if (kept?.title === text.title && kept.markdown === text.markdown) drop(key);
  }
}

export function hasDraft(lesson: string): boolean {
  return slotsOf(lesson).length > 0;
}

/** Calls back when another tab took this tab's draft for a lost one. Returns how to stop. */
export function whenTaken(lesson: string, action: () => void): () => void {
  const heard = (event: StorageEvent): void => {
    if (event.newValue === null && event.key?.endsWith(slot(lesson))) action();
  };
  addEventListener("storage", heard);
  return () => removeEventListener("storage", heard);
}

function slot(lesson: string): string {
  return `draft.${lesson}.${tab}`;
}

function slotsOf(lesson: string): string[] {
  return keysWith(`draft.${lesson}`);
}

function keptAt(key: string): number {
  return load<Slot | null>(key, null)?.at ?? 0;
}

/** After a reload the slots of the page before are this page's. */
function takeOver(before: string): void {
  if (!before) return;
  for (const key of keysWith("draft.")) {
    if (key.endsWith(`.${before}`)) move(key, key.replace(before, tab));
  }
}

function drop(key: string): void {
  forget(key);
  mirror(key, undefined);
}

function move(from: string, to: string): void {
  const kept = load<Slot | null>(from, null);
  if (!save(to, kept)) return;
  mirror(to, kept);
  drop(from);
}
