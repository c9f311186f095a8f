/** Changing the password. */
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import { ErrorNote } from "../ui/ErrorNote";
import { fields, useAction } from "./action";
import { changePassword } from "./calls";
import { NewPassword } from "./Fields";
import { words } from "./words";

export function Password({
  api,
  username,
  onChanged,
}: {
  api: Api;
  username: string;
  onChanged: () => void;
}) {
  const [done, setDone] = useState(false);
  const { busy, error, run } = useAction();

  function submit(event: SubmitEvent): void {
    const form = event.currentTarget as HTMLFormElement;
    const { old = "", password = "" } = fields(event);
    setDone(false);
    void run(async () => {
      await changePassword(api, old, password);
      form.reset();
      setDone(true);
      onChanged();
    });
  }

  return (
    <section class="card account-card" aria-labelledby="account-password">
      <h2 id="account-password">{words.password.title}</h2>
      <form class="account-form" onSubmit={submit}>
        {/* For password managers: whose password this is. */}
        <input
          class="visually-hidden"
          name="username"
          autocomplete="username"
          value={username}
          tabIndex={-1}
          aria-hidden="true"
          readOnly
        />
        <label>
          {words.password.old}
          <input
            name="old"
            type="password"
            data-testid="password-old"
            autocomplete="current-password"
            required
          />
        </label>
        <NewPassword label={words.password.fresh} testid="password-new" />
        <ErrorNote message={error} />
        {done && (
          <p class="note note-good" role="status" data-testid="password-done">
            {words.password.done}
          </p>
        )}
        <div class="row">
          <button class="button button-main" data-testid="password-submit" disabled={busy}>
            {busy ? words.password.busy : words.password.submit}
          </button>
        </div>
      </form>
    </section>
  );
}
