/** Which part of the teacher's page is shown. */
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { ApiError } from "../core/errors";
import { OlderNote } from "../ui/OlderNote";
import { Lessons } from "./Lessons";
import { SignIn } from "./SignIn";
import { route, setUser, user } from "./state";
import { words } from "./words/lessons";

// The deck renderer and the realtime part are fetched when somebody teaches.
const Presenter = lazy(() => import("./Presenter"));

// The editor's component and the slides it previews.
const Editor = lazy(() => import("../editor/Editor"));
const Reading = lazy(() => import("../reading"));

// Few open them, and not every day.
const Account = lazy(() => import("../account"));

export function App({ api, school }: { api: Api; school: string }) {
  const [older, setOlder] = useState(false);
  useEffect(() => {
    api.onOlder = () => setOlder(true);
    void checkSession(api);
  }, [api]);
  return (
    <>
      {older && <OlderNote onClose={() => setOlder(false)} />}
      <Page api={api} school={school} />
    </>
  );
}

function Page({ api, school }: { api: Api; school: string }) {
  const at = route.value;
  const forStrangers = at.page === "forgot" || at.page === "reset" || at.page === "join";
  if (forStrangers || (at.page === "account" && user.value)) {
    return (
      <Suspense fallback={<p class="waiting">{words.waiting.account}</p>}>
        <Account api={api} at={at} user={user.value} />
      </Suspense>
    );
  }
  if (!user.value) return <SignIn api={api} school={school} />;
  if (at.page === "edit" || at.page === "read") {
    const Part = at.page === "edit" ? Editor : Reading;
    return (
      <Suspense fallback={<p class="waiting">{words.waiting.lesson}</p>}>
        <Part key={at.lesson} api={api} lesson={at.lesson} />
      </Suspense>
    );
  }
  if (at.page === "teach") {
    return (
      <Suspense fallback={<p class="waiting">{words.waiting.lesson}</p>}>
        <Presenter key={at.lesson} api={api} lesson={at.lesson} user={user.value} />
      </Suspense>
    );
  }
  return <Lessons api={api} user={user.value} />;
}

/** Only a clear "not signed in" signs out: a page without servers goes on with what it knows. */
async function checkSession(api: Api): Promise<void> {
  if (!user.peek()) return;
  try {
    setUser((await api.me()).user);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) setUser(null);
  }
}
