/** Something a person sets off: whether it is under way, what went wrong. */
import { useState } from "preact/hooks";
import { ApiError, FirstbellError, messageFor } from "../core/errors";
import { setUser } from "../teacher/state";

export interface Action {
  busy: boolean;
  error: string;
  /** The error's word for programs; "" when there is none. */
  code: string;
  /** Runs it unless it runs already; a device that was signed out meanwhile goes to the sign-in. */
  run: (work: () => Promise<void>) => Promise<void>;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [code, setCode] = useState("");

  async function run(work: () => Promise<void>): Promise<void> {
    if (busy) return;
    setBusy(true);
    setError("");
    setCode("");
    try {
      await work();
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 401) return setUser(null);
      setError(messageFor(problem));
      if (problem instanceof FirstbellError) setCode(problem.code);
    } finally {
      setBusy(false);
    }
  }

  return { busy, error, code, run };
}

/** The fields of a submitted form, by name. */
export function fields(event: SubmitEvent): Record<string, string> {
  event.preventDefault();
  const form = new FormData(event.currentTarget as HTMLFormElement);
  return Object.fromEntries([...form].map(([name, value]) => [name, String(value)]));
}
