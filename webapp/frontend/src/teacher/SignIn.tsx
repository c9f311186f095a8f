/** Signing in. */
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import { knowsPasskeys } from "../core/passkey";
import type { SessionAnswer } from "../core/types";
import { Brand } from "../ui/Brand";
import { ErrorNote } from "../ui/ErrorNote";
import { LanguageChoice } from "../ui/LanguageChoice";
import { scannedCode, setUser } from "./state";
import { words } from "./words/lessons";

export function SignIn({ api, school }: { api: Api; school: string }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void enter(() => api.signIn(String(form.get("username")), String(form.get("password"))));
  }

  async function enter(signIn: () => Promise<SessionAnswer | null>): Promise<void> {
    setBusy(true);
    setError("");
    try {
      const answer = await signIn();
      if (answer) setUser(answer.user);
    } catch (problem) {
      setError(signInMessage(problem));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main class="sign-in">
      <form class="card sign-in-card" onSubmit={submit}>
        <Brand />
        <h1>{school ? words.signIn.titleOf(school) : words.signIn.title}</h1>
        <p class="soft">{scannedCode() ? words.signIn.leadWithCode : words.signIn.lead}</p>
        <label>
          {words.signIn.userName}
          <input
            name="username"
            data-testid="sign-in-username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            autofocus
          />
        </label>
        <label>
          {words.signIn.password}
          <input
            name="password"
            type="password"
            data-testid="sign-in-password"
            autocomplete="current-password"
            required
          />
        </label>
        <ErrorNote message={error} />
        <button class="button button-main" data-testid="sign-in-submit" disabled={busy}>
          {busy ? words.signIn.busy : words.signIn.submit}
        </button>
        {knowsPasskeys() && (
          <button
            class="button"
            type="button"
            data-testid="sign-in-passkey"
            disabled={busy}
            onClick={() => void enter(() => api.signInByPasskey())}
          >
            {words.signIn.passkey}
          </button>
        )}
        <p class="small">
          <a href="#/forgot" data-testid="forgot">
            {words.signIn.forgot}
          </a>
        </p>
        <p class="soft small">
          {words.signIn.screen.question} <a href="/board">{words.signIn.screen.link}</a>
          {words.signIn.screen.end}
        </p>
        <LanguageChoice />
      </form>
    </main>
  );
}

function signInMessage(problem: unknown): string {
  if (problem instanceof ApiError && problem.code === "wrong_credentials") {
    return words.signIn.wrong;
  }
  return messageFor(problem);
}
