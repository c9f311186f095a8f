/**
 * Lessons that were opened on this device, so that they show at once and without any server.
 *
 * IndexedDB, since a lesson may be larger than all of localStorage. Where there is none (private
 * windows of some browsers) pages still work, they only start empty.
 */
import { createStore, delMany, get, keys, set, type UseStore } from "idb-keyval";
import type { Lesson, LessonSummary } from "../core/types";

let store: UseStore | undefined;

function lessons(): UseStore {
  store ??= createStore("firstbell", "lessons");
  return store;
}

/** A board's copy has no notes and no Markdown source: it must never pass for the teacher's. */
export type Reader = "teacher" | "board";

export async function cachedLesson(reader: Reader, id: string): Promise<Lesson | null> {
  return (await read<Lesson>(`${reader}:${id}`)) ?? null;
}

export function cacheLesson(reader: Reader, lesson: Lesson): Promise<void> {
  return write(`${reader}:${lesson.id}`, lesson);
}

export async function cachedList(userId: string): Promise<LessonSummary[] | null> {
  return (await read<LessonSummary[]>(`list:${userId}`)) ?? null;
}

export function cacheList(userId: string, list: LessonSummary[]): Promise<void> {
  return write(`list:${userId}`, list);
}

/** After signing out on a shared computer; what a board in this browser shows stays. */
export async function forgetTeachersLessons(): Promise<void> {
  try {
    const all = (await keys<string>(lessons())).filter((key) => !key.startsWith("board:"));
    await delMany(all, lessons());
  } catch {
    // Nothing was kept.
  }
}

async function read<T>(key: string): Promise<T | undefined> {
  try {
    return await get<T>(key, lessons());
  } catch {
    return undefined;
  }
}

async function write(key: string, value: unknown): Promise<void> {
  try {
    await set(key, value, lessons());
  } catch {
    // A full disk or a private window: the lesson is simply fetched again next time.
  }
}
