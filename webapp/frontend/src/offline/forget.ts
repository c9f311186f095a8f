/** What a teacher leaves on a shared computer, taken away at signing out. Drafts stay: they may be all there is. */
import { load } from "../core/storage";
import type { User } from "../core/types";
import { forgetTeachersLessons } from "../lesson/cache";
import { forgetDocument } from "../live/kept";
import { teachingKey } from "../teacher/state";
import { FIGURES_CACHE } from "./names";

/** Lessons, the live document (the hosts have it) and figures. A board in this browser fetches its figures anew. */
export async function forgetTeacher(user: User): Promise<void> {
  await forgetTeachersLessons();
  const session = load<{ id?: string } | null>(teachingKey(user), null)?.id;
  if (session) forgetDocument(session, "teacher");
  try {
    await caches.delete(FIGURES_CACHE);
  } catch {
    // No cache storage: nothing was kept.
  }
}
