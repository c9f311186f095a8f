/** Opens a lesson and the classroom to teach it in; Teaching.tsx is what is then seen. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import type { Lesson, User } from "../core/types";
import { cachedLesson, cacheLesson } from "../lesson/cache";
import { ErrorNote } from "../ui/ErrorNote";
import { Classroom, forgetToken } from "./classroom";
import { go, setUser, whenSignedOut } from "./state";
import { Teaching } from "./Teaching";
import { words } from "./words/lessons";

/** One for the page's life: boards stay in touch while the teacher looks for another lesson. */
let entered: Promise<Classroom> | null = null;
let enteredBy = "";

function classroomOf(api: Api, user: User): Promise<Classroom> {
  if (!entered || enteredBy !== String(user.id)) {
    void entered?.then((classroom) => classroom.leave());
    enteredBy = String(user.id);
    entered = Classroom.enter(api, user);
  }
  return entered;
}

whenSignedOut.add((user) => {
  void entered?.then((classroom) => classroom.leave());
  entered = null;
  forgetToken(user);
});

interface Props {
  api: Api;
  lesson: string;
  user: User;
}

export default function Presenter({ api, lesson: id, user }: Props) {
  const [lesson, setLesson] = useState<Lesson | null>(null);
  const [classroom, setClassroom] = useState<Classroom | null>(null);
  const [error, setError] = useState("");

  useEffect(() => void classroomOf(api, user).then(setClassroom), [api, user]);
  useEffect(() => {
    let left = false;
    void openLesson(api, id, (opened) => {
      if (!left) setLesson(opened);
    }).catch((problem: unknown) => {
      if (problem instanceof ApiError && problem.status === 401) setUser(null);
      else if (!left) setError(messageFor(problem));
    });
    return () => {
      left = true;
    };
  }, [api, id]);

  if (error) {
    return (
      <main class="page">
        <ErrorNote message={error} />
        <button class="button" data-testid="to-lessons" onClick={() => go({ page: "lessons" })}>
          ← {words.lessons.title}
        </button>
      </main>
    );
  }
  if (!lesson || !classroom) return <p class="waiting">{words.waiting.lesson}</p>;
  return <Teaching lesson={lesson} classroom={classroom} api={api} />;
}

/** The copy on this device at once, then the newest from a host. Throws if there is neither. */
async function openLesson(api: Api, id: string, show: (lesson: Lesson) => void): Promise<void> {
  const kept = await cachedLesson("teacher", id);
  if (kept) show(kept);
  try {
    const fresh = await api.lesson(id);
    if (fresh.version !== kept?.version) show(fresh);
    void cacheLesson("teacher", fresh);
  } catch (problem) {
    if (!kept || problem instanceof ApiError) throw problem;
  }
}
