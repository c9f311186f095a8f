/** Pages for who is not signed in: a forgotten password, a new one, an invitation. Links of mails lead here. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { newId, type Api } from "../core/api";
import { ApiError, messageFor } from "../core/errors";
import { go, setUser } from "../teacher/state";
import { Brand } from "../ui/Brand";
import { ErrorNote } from "../ui/ErrorNote";
import { LanguageChoice } from "../ui/LanguageChoice";
import { fields, useAction } from "./action";
import { accept, askReset, offer, reset, type Offer } from "./calls";
import { Email, NewPassword } from "./Fields";
import { words } from "./words";

function Frame({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="sign-in">
      <div class="card sign-in-card account-form">
        <Brand />
        <h1>{title}</h1>
        {children}
        <p class="small">
          <a href="#/" data-testid="to-sign-in">
            {words.toSignIn}
          </a>
        </p>
        <LanguageChoice />
      </div>
    </main>
  );
}

/** Signs in, and leaves the page of the link, whose address holds a secret. */
async function enter(api: Api, username: string, password: string): Promise<void> {
  const answer = await api.signIn(username, password);
  history.replaceState(null, "", location.pathname);
  setUser(answer.user);
  go({ page: "lessons" });
}

export function Forgot({ api }: { api: Api }) {
  const [id, setId] = useState(newId);
  const [sent, setSent] = useState("");
  const { busy, error, run } = useAction();

  function submit(event: SubmitEvent): void {
    const { email = "" } = fields(event);
    void run(async () => {
      await askReset(api, id, email);
      setSent(email);
    });
  }

  if (sent) {
    return (
      <Frame title={words.forgot.doneTitle}>
        <p role="status" data-testid="forgot-done">
          {words.forgot.done(sent)}
        </p>
        <button
          class="button"
          onClick={() => {
            setId(newId());
            setSent("");
          }}
        >
          {words.forgot.again}
        </button>
      </Frame>
    );
  }
  return (
    <Frame title={words.forgot.title}>
      <p class="soft">{words.forgot.lead}</p>
      <form class="account-form" onSubmit={submit} onInput={() => setId(newId())}>
        <Email label={words.forgot.email} testid="forgot-email" />
        <ErrorNote message={error} />
        <button class="button button-main" data-testid="forgot-submit" disabled={busy}>
          {busy ? words.forgot.busy : words.forgot.submit}
        </button>
      </form>
    </Frame>
  );
}

export function Reset({ api, user, token }: { api: Api; user: string; token: string }) {
  const { busy, error, code, run } = useAction();

  function submit(event: SubmitEvent): void {
    const { password = "" } = fields(event);
    void run(async () => {
      const { username } = await reset(api, user, token, password);
      await enter(api, username, password);
    });
  }

  return (
    <Frame title={words.reset.title}>
      <p class="soft">{words.reset.lead}</p>
      <form class="account-form" onSubmit={submit}>
        <NewPassword label={words.reset.fresh} testid="reset-password" />
        <ErrorNote message={error} />
        {code === "link_used_up" && (
          <p class="small">
            <a href="#/forgot" data-testid="reset-again">
              {words.reset.again}
            </a>
          </p>
        )}
        <button class="button button-main" data-testid="reset-submit" disabled={busy}>
          {busy ? words.reset.busy : words.reset.submit}
        </button>
      </form>
    </Frame>
  );
}

export function Join({
  api,
  invitation,
  secret,
}: {
  api: Api;
  invitation: string;
  secret: string;
}) {
  const [offered, setOffered] = useState<Offer | null>(null);
  const [trouble, setTrouble] = useState("");
  const { busy, error, run } = useAction();

  useEffect(() => {
    offer(api, invitation, secret).then(setOffered, (problem: unknown) => {
      const unknown = problem instanceof ApiError && [400, 404].includes(problem.status);
      setTrouble(unknown ? words.join.unknown : messageFor(problem));
    });
  }, [api, invitation, secret]);

  function submit(event: SubmitEvent): void {
    const { username = "", first_name = "", last_name = "", password = "" } = fields(event);
    void run(async () => {
      const made = await accept(api, invitation, secret, {
        username,
        first_name,
        last_name,
        password,
      });
      await enter(api, made.username, password);
    });
  }

  if (trouble) {
    return (
      <Frame title="Firstbell">
        <ErrorNote message={trouble} />
      </Frame>
    );
  }
  if (!offered) return <p class="waiting">{words.fetching}</p>;
  if (offered.state !== "open") {
    return (
      <Frame title={offered.school}>
        <p class="note" data-testid="join-gone">
          {words.join.gone[offered.state]}
        </p>
      </Frame>
    );
  }
  return (
    <Frame title={words.join.title(offered.school)}>
      <p class="soft">{words.join.lead(offered.invited_by, offered.email)}</p>
      <form class="account-form" onSubmit={submit}>
        <div class="account-pair">
          <label>
            {words.join.first}
            <input
              name="first_name"
              data-testid="join-first"
              autocomplete="given-name"
              maxlength={150}
              required
            />
          </label>
          <label>
            {words.join.last}
            <input
              name="last_name"
              data-testid="join-last"
              autocomplete="family-name"
              maxlength={150}
              required
            />
          </label>
        </div>
        <div class="field">
          <label>
            {words.join.userName}
            <input
              name="username"
              data-testid="join-username"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              maxlength={150}
              aria-describedby="join-username-hint"
              required
            />
          </label>
          <p class="soft small" id="join-username-hint">
            {words.join.userNameHint}
          </p>
        </div>
        <NewPassword label={words.join.password} testid="join-password" />
        <ErrorNote message={error} />
        <button class="button button-main" data-testid="join-submit" disabled={busy}>
          {busy ? words.join.busy : words.join.submit}
        </button>
      </form>
    </Frame>
  );
}
