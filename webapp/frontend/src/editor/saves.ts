/** Fetching a lesson to write on it, and saving it: each with the device's copy for the time without servers. */
import { newId, type Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import type { Lesson } from "../core/types";
import { cachedLesson, cacheLesson } from "../lesson/cache";
import { keepDraft, loadDraft, type Draft } from "../teacher/drafts";
import { setUser } from "../teacher/state";

export function asDraft(lesson: Lesson): Draft {
  return { title: lesson.title, markdown: lesson.markdown, base_version: lesson.version };
}

/** Saves; if an earlier save of ours did arrive, though its answer did not, this goes on from it. */
export async function saveKnowingly(api: Api, id: string, text: Draft): Promise<Lesson> {
  const { title, markdown, base_version, tried } = text;
  const version = newId();
  if (loadDraft(id)) keepDraft(id, { title, markdown, base_version, tried: version });
  try {
    return await api.saveLesson(id, { title, markdown, version, base_version });
  } catch (problem) {
    const current =
      problem instanceof ApiError && problem.status === 412 ? problem.body["current"] : null;
    const stored = (current as Lesson | null)?.version;
    if (!tried || stored !== tried) throw problem;
    return api.saveLesson(id, { title, markdown, version, base_version: tried });
  }
}

/** null: no host has it (a new lesson), or none can be reached and this device has no copy. */
export async function fetchLesson(
  api: Api,
  id: string,
  onError: (message: string) => void,
): Promise<Lesson | null> {
  try {
    const lesson = await api.lesson(id);
    void cacheLesson("teacher", lesson);
    return lesson;
  } catch (problem) {
    if (problem instanceof ApiError && problem.status === 401) setUser(null);
    if (problem instanceof ApiError && problem.status === 404) return null;
    const kept = await cachedLesson("teacher", id);
    if (!kept) onError(messageFor(problem));
    return kept;
  }
}
