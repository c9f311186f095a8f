/** Signing in. */
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import { Brand } from "../ui/Brand";
import { ErrorNote } from "../ui/ErrorNote";
import { scannedCode, setUser } from "./state";

export function SignIn({ api, school }: { api: Api; school: string }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError("");
    try {
      const answer = await api.signIn(String(form.get("username")), String(form.get("password")));
      setUser(answer.user);
    } catch (problem) {
      setError(signInMessage(problem));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main class="sign-in">
      <form class="card sign-in-card" onSubmit={(event) => void submit(event)}>
        <Brand />
        <h1>{school ? `Welcome to ${school}` : "Welcome back"}</h1>
        <p class="soft">
          {scannedCode()
            ? "Sign in, then the board’s code is filled in for you."
            : "Sign in to open your lessons."}
        </p>
        <label>
          User name
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
          Password
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
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p class="small">
          <a href="#/forgot" data-testid="forgot">
            Forgot your password?
          </a>
        </p>
        <p class="soft small">
          Setting up a classroom screen? <a href="/board">Open the board page</a> on it.
        </p>
      </form>
    </main>
  );
}

function signInMessage(problem: unknown): string {
  if (problem instanceof ApiError && problem.code === "wrong_credentials") {
    return "User name and password do not match. Please check both and try again.";
  }
  return messageFor(problem);
}
