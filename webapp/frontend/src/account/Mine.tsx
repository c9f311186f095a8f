/** The signed-in teacher's account. */
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import type { User } from "../core/types";
import { go } from "../teacher/state";
import { Brand } from "../ui/Brand";
import { LanguageChoice } from "../ui/LanguageChoice";
import { Devices } from "./Devices";
import { Invitations } from "./Invitations";
import { Password } from "./Password";
import { Passkeys } from "./Passkeys";
import { words } from "./words";

export function Mine({ api, user }: { api: Api; user: User }) {
  const [changed, setChanged] = useState(0);
  return (
    <div class="shell">
      <header class="bar">
        <Brand name={user.school?.name ?? "Firstbell"} />
        <span class="grow" />
        <button
          class="button button-quiet"
          data-testid="to-lessons"
          onClick={() => go({ page: "lessons" })}
        >
          {words.back}
        </button>
      </header>
      <main class="page account-page">
        <h1>{words.account.title}</h1>
        <dl class="account-facts">
          <dt>{words.account.userName}</dt>
          <dd>{user.username}</dd>
          <dt>{words.account.email}</dt>
          <dd>{user.email || words.account.noEmail}</dd>
          {user.school && (
            <>
              <dt>{words.account.school}</dt>
              <dd>{user.school.name}</dd>
            </>
          )}
          <dt>{words.account.language}</dt>
          <dd>
            <LanguageChoice />
          </dd>
        </dl>
        <Devices api={api} changed={changed} />
        <Password api={api} username={user.username} onChanged={() => setChanged(changed + 1)} />
        <Passkeys api={api} />
        {user.is_school_admin && user.school && <Invitations api={api} school={user.school.name} />}
      </main>
    </div>
  );
}
