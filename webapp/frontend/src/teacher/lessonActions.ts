/** What is done with a whole lesson: a copy of one's own, a file of it. */
import { newId, type Api } from "../core/api";
import type { Lesson, LessonSummary, Program } from "../core/types";
import { words } from "./words/lessons";

const TITLE_LENGTH = 200;
/** Long after the browser has begun to write the file. */
const FILE_KEPT_MS = 60_000;

/** A copy is a new lesson with the same text; figures are shared by their content. Returns its id. */
export async function copyLesson(api: Api, lesson: Lesson): Promise<string> {
  const id = newId();
  const end = lesson.mine === false ? "" : words.copyEnd;
  const title = lesson.title.slice(0, TITLE_LENGTH - end.length) + end;
  const { markdown } = lesson;
  await api.saveLesson(id, { title, markdown, version: newId(), base_version: null });
  return id;
}

/** Lets the browser keep the lesson as a zip: ours, or a deck of another program. */
export async function downloadLesson(
  api: Api,
  lesson: LessonSummary,
  program?: Program,
): Promise<void> {
  const url = URL.createObjectURL(await api.lessonArchive(lesson.id, program));
  const link = document.createElement("a");
  link.href = url;
  const name = lesson.title.replace(/[\\/:*?"<>|\s]+/g, " ").trim() || words.fileName;
  link.download = program ? `${name} (${program}).zip` : `${name}.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), FILE_KEPT_MS);
}
