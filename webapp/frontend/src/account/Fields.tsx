/** The fields that several account forms share. */
import { useId, useState } from "preact/hooks";
import { words } from "./words";

/** A password to be chosen, with what makes a good one; it can be shown while it is typed. */
export function NewPassword({ label, testid }: { label: string; testid: string }) {
  const [shown, setShown] = useState(false);
  const hint = useId();
  return (
    <div class="field">
      <label>
        {label}
        <input
          name="password"
          type={shown ? "text" : "password"}
          data-testid={testid}
          autocomplete="new-password"
          autocapitalize="none"
          spellcheck={false}
          minlength={8}
          aria-describedby={hint}
          required
        />
      </label>
      <p class="soft small" id={hint}>
        {words.passwordHint}
      </p>
      <label class="check">
        <input type="checkbox" checked={shown} onChange={() => setShown(!shown)} />
        {words.show}
      </label>
    </div>
  );
}

export function Email({ label, testid }: { label: string; testid: string }) {
  return (
    <label>
      {label}
      <input name="email" type="email" data-testid={testid} autocomplete="email" required />
    </label>
  );
}
