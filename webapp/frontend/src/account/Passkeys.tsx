/** The passkeys of the signed-in teacher: which there are, one more, one less. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { moment } from "../core/dates";
import { knowsPasskeys, makePasskey } from "../core/passkey";
import { ErrorNote } from "../ui/ErrorNote";
import { fields, useAction } from "./action";
import { addPasskey, passkeyOptions, passkeys, removePasskey, type Passkey } from "./calls";
import { words } from "./words";

export function Passkeys({ api }: { api: Api }) {
  const [list, setList] = useState<Passkey[] | null>(null);
  const [said, setSaid] = useState("");
  const { busy, error, run } = useAction();
  const refresh = async (): Promise<void> => setList(await passkeys(api));
  useEffect(() => void run(refresh), []);

  function add(event: SubmitEvent): void {
    const form = event.currentTarget as HTMLFormElement;
    const { password = "" } = fields(event);
    setSaid("");
    void run(async () => {
      const made = await makePasskey(await passkeyOptions(api, password));
      if (!made) return;
      await addPasskey(api, made);
      form.reset();
      setSaid(words.passkeys.done);
      await refresh();
    });
  }

  function remove({ id, device }: Passkey): void {
    void run(async () => {
      await removePasskey(api, id);
      setSaid(words.passkeys.removed(device));
      await refresh();
    });
  }

  return (
    <section class="card account-card" aria-labelledby="account-passkeys">
      <h2 id="account-passkeys">{words.passkeys.title}</h2>
      <p class="soft">{knowsPasskeys() ? words.passkeys.lead : words.passkeys.unknown}</p>
      <ul class="account-list" data-testid="passkeys" aria-busy={list === null}>
        {list?.map((passkey) => (
          <li key={passkey.id} data-testid="passkey">
            <span class="account-what">
              <span>{passkey.device}</span>
              <span class="soft small">
                {passkey.seen_at
                  ? words.passkeys.used(moment(passkey.seen_at))
                  : words.passkeys.made(moment(passkey.created_at))}
              </span>
            </span>
            <button
              class="button button-small"
              data-testid="passkey-remove"
              aria-label={words.passkeys.removeOf(passkey.device, moment(passkey.created_at))}
              disabled={busy}
              onClick={() => remove(passkey)}
            >
              {words.passkeys.remove}
            </button>
          </li>
        ))}
      </ul>
      <ErrorNote message={error} />
      <p class={said ? "note note-good" : "visually-hidden"} role="status" data-testid="passkeys-said">
        {said}
      </p>
      {knowsPasskeys() && (
        <form class="account-form" onSubmit={add}>
          <label>
            {words.passkeys.password}
            <input
              name="password"
              type="password"
              data-testid="passkey-password"
              autocomplete="current-password"
              required
            />
          </label>
          <div class="row">
            <button class="button" data-testid="passkey-add" disabled={busy}>
              {busy ? words.passkeys.busy : words.passkeys.submit}
            </button>
          </div>
        </form>
      )}
    </section>
  );
}
