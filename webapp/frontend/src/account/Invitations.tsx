/** A school's admin teacher invites colleagues, and sees what became of it. */
import { useEffect, useState } from "preact/hooks";
import { newId, type Api } from "../core/api";
import { day } from "../core/dates";
import { ErrorNote } from "../ui/ErrorNote";
import { fields, useAction } from "./action";
import { invitations, invite, withdraw, type Invitation } from "./calls";
import { Email } from "./Fields";
import { words } from "./words";
/** While a mail is on its way, the list is asked for again. */
const LOOK_AGAIN_MS = 4_000;

export function Invitations({ api, school }: { api: Api; school: string }) {
  const [list, setList] = useState<Invitation[]>([]);
  const [said, setSaid] = useState("");
  // Sent again after a failure, it is the same invitation; after a success, the next one.
  const [id, setId] = useState(newId);
  const { busy, error, run } = useAction();
  const refresh = async (): Promise<void> => setList(await invitations(api));
  useEffect(() => void run(refresh), []);

  const waits = list.some((one) => one.state === "open" && one.mail === "waiting");
  useEffect(() => {
    if (!waits) return;
    const timer = setInterval(() => void refresh().catch(() => undefined), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [waits]);

  function submit(event: SubmitEvent): void {
    const form = event.currentTarget as HTMLFormElement;
    const { email = "" } = fields(event);
    setSaid("");
    void run(async () => {
      await invite(api, id, email);
      setId(newId());
      form.reset();
      setSaid(words.invitations.done(email));
      await refresh();
    });
  }

  function take(one: Invitation): void {
    void run(async () => {
      await withdraw(api, one.id);
      setSaid(words.invitations.withdrawn(one.email));
      await refresh();
    });
  }

  return (
    <section class="card account-card" aria-labelledby="account-invite">
      <h2 id="account-invite">{words.invitations.title}</h2>
      <p class="soft">{words.invitations.lead(school)}</p>
      {/* Another address is another invitation, also after a failure: the first may have been made. */}
      <form class="account-form" onSubmit={submit} onInput={() => setId(newId())}>
        <Email label={words.invitations.email} testid="invite-email" />
        <ErrorNote message={error} />
        <div class="row">
          <button class="button button-main" data-testid="invite-submit" disabled={busy}>
            {busy ? words.invitations.busy : words.invitations.submit}
          </button>
        </div>
      </form>
      <p
        class={said ? "note note-good" : "visually-hidden"}
        role="status"
        data-testid="invite-said"
      >
        {said}
      </p>
      {list.length > 0 && (
        <ul class="account-list" aria-label={words.invitations.list} data-testid="invitations">
          {list.map((one) => (
            <li key={one.id} data-testid="invitation" data-state={one.state} data-mail={one.mail}>
              <span class="account-what">
                <span>{one.email}</span>
                <span class="soft small">{stateOf(one)}</span>
              </span>
              {one.state === "open" && (
                <button
                  class="button button-small"
                  data-testid="invitation-withdraw"
                  aria-label={words.invitations.withdrawOf(one.email)}
                  disabled={busy}
                  onClick={() => take(one)}
                >
                  {words.invitations.withdraw}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function stateOf(one: Invitation): string {
  if (one.state !== "open") return words.invitations.states[one.state];
  return `${words.invitations.states.open[one.mail]}, ${words.invitations.until(day(one.expires_at))}`;
}
