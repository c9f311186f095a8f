/**
 * What the class is shown, as it stands in the shared document: the only truth for both pages.
 *
 * Reads are forgiving (another version may have written), writes are single keys, so that a place
 * is never half old and half new.
 */
import type * as Y from "yjs";
import type { Place } from "../lesson/steps";

export type Blank = "" | "black" | "white";

export interface ShownLesson {
  id: string;
  version: string;
  /** Firstbell-Position from which on hosts have this lesson in this session. */
  position?: string;
}

export interface PairedBoard {
  pairing: string;
  pairedAt: string;
  revoked: boolean;
}

export function readPlace(doc: Y.Doc): Place {
  const at = doc.getMap("show").get("at") as Partial<Place> | undefined;
  return { slide: natural(at?.slide), step: natural(at?.step) };
}

export function readBlank(doc: Y.Doc): Blank {
  const blank = doc.getMap("show").get("blank");
  return blank === "black" || blank === "white" ? blank : "";
}

export function readLesson(doc: Y.Doc): ShownLesson | null {
  const lesson = doc.getMap("show").get("lesson") as Partial<ShownLesson> | undefined;
  if (typeof lesson?.id !== "string") return null;
  return {
    id: lesson.id,
    version: String(lesson.version ?? ""),
    position: String(lesson.position ?? ""),
  };
}

export function readBoards(doc: Y.Doc): PairedBoard[] {
  const boards: PairedBoard[] = [];
  doc.getMap("boards").forEach((value, pairing) => {
    const entry = (value ?? {}) as { paired_at?: unknown; revoked?: unknown };
    boards.push({
      pairing,
      pairedAt: String(entry.paired_at ?? ""),
      revoked: Boolean(entry.revoked),
    });
  });
  return boards.sort((a, b) => (a.pairedAt < b.pairedAt ? -1 : 1));
}

export function writePlace(doc: Y.Doc, at: Place): void {
  doc.getMap("show").set("at", { slide: at.slide, step: at.step });
}

export function writeBlank(doc: Y.Doc, blank: Blank): void {
  doc.getMap("show").set("blank", blank);
}

/** Another lesson, or another version of this one, and where it begins: one transaction. */
export function writeLesson(doc: Y.Doc, lesson: ShownLesson, at: Place): void {
  doc.transact(() => {
    doc.getMap("show").set("lesson", { ...lesson });
    writePlace(doc, at);
    writeBlank(doc, "");
  });
}

function natural(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : 0;
}
