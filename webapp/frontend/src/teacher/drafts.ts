/**
 * What was typed but not yet saved to a host. It outlives reloads, crashes and empty batteries.
 *
 * A draft is removed only when exactly this text was saved, or its author let it go.
 */
import { forget, load, save } from "../core/storage";

export interface Draft {
  title: string;
  markdown: string;
  /** The version that was edited; null for a lesson that no host has yet. */
  base_version: string | null;
  /** The version of a save whose answer never came: if a host has it, it is ours, no conflict. */
  tried?: string;
}

export function loadDraft(lesson: string): Draft | null {
  return load<Draft | null>(`draft.${lesson}`, null);
}

/** Returns false if this device has no room: then the author must be told. */
export function keepDraft(lesson: string, draft: Draft): boolean {
  return save(`draft.${lesson}`, draft);
}

export function dropDraft(lesson: string): void {
  forget(`draft.${lesson}`);
}

export function hasDraft(lesson: string): boolean {
  return loadDraft(lesson) !== null;
}
