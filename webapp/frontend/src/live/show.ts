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

/** Where a teacher points: told while it happens, never kept. */
export interface Pointer {
  kind: "laser" | "spotlight";
  slide: number;
  /** Ink units from the slide's upper left. */
  x: number;
  y: number;
}

/** Counts down from `length`, or up if there is none. Times in ms, instants by the shared clock. */
export interface Timer {
  length: number | null;
  /** Running since then; null while it is paused. */
  since: number | null;
  /** What had passed before that. */
  passed: number;
}

/** A figure of the slide that fills the screen; figures are counted from 0 in reading order. */
export interface Zoom {
  slide: number;
  figure: number;
}

export interface PairedBoard {
  pairing: string;
  pairedAt: string;
  revoked: boolean;
  /** What the teacher called it; may be empty. */
  name: string;
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

export function readTimer(doc: Y.Doc): Timer | null {
  const timer = doc.getMap("show").get("timer") as Partial<Timer> | null | undefined;
  if (typeof timer !== "object" || timer === null) return null;
  const number = (value: unknown): number | null => (isNumber(value) ? value : null);
  return {
    length: number(timer.length),
    since: number(timer.since),
    passed: number(timer.passed) ?? 0,
  };
}

export function readZoom(doc: Y.Doc): Zoom | null {
  const zoom = doc.getMap("show").get("zoom") as Partial<Zoom> | null | undefined;
  if (typeof zoom !== "object" || zoom === null) return null;
  const { slide, figure } = { slide: natural(zoom.slide), figure: natural(zoom.figure) };
  // Another page may have turned the slide while this one was zooming.
  return slide === readPlace(doc).slide ? { slide, figure } : null;
}

/** Whether teachers' pages write what boards draw. */
export function readBoardsDraw(doc: Y.Doc): boolean {
  return doc.getMap("show").get("boards_draw") === true;
}

export function writeBoardsDraw(doc: Y.Doc, allowed: boolean): void {
  doc.getMap("show").set("boards_draw", allowed);
}

export function readPointer(value: unknown): Pointer | null {
  const { kind, slide, x, y } = (value ?? {}) as Partial<Pointer>;
  if ((kind !== "laser" && kind !== "spotlight") || !isNumber(x) || !isNumber(y)) return null;
  return { kind, slide: natural(slide), x, y };
}

export function readBoards(doc: Y.Doc): PairedBoard[] {
  const boards: PairedBoard[] = [];
  doc.getMap("boards").forEach((value, pairing) => {
    const entry = (value ?? {}) as { paired_at?: unknown; revoked?: unknown; name?: unknown };
    boards.push({
      pairing,
      pairedAt: String(entry.paired_at ?? ""),
      revoked: Boolean(entry.revoked),
      name: typeof entry.name === "string" ? entry.name : "",
    });
  });
  return boards.sort((a, b) => (a.pairedAt < b.pairedAt ? -1 : 1));
}

/** Another slide is shown whole, whatever was enlarged on the one before. */
export function writePlace(doc: Y.Doc, at: Place): void {
  doc.transact(() => {
    if (at.slide !== readPlace(doc).slide && doc.getMap("show").get("zoom")) writeZoom(doc, null);
    doc.getMap("show").set("at", { slide: at.slide, step: at.step });
  });
}

export function writeZoom(doc: Y.Doc, zoom: Zoom | null): void {
  doc.getMap("show").set("zoom", zoom && { ...zoom });
}

export function writeTimer(doc: Y.Doc, timer: Timer | null): void {
  doc.getMap("show").set("timer", timer && { ...timer });
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
    if (doc.getMap("show").get("zoom")) writeZoom(doc, null);
  });
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function natural(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : 0;
}
