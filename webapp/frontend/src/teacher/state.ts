/**
 * What the teacher's page knows as a whole: who is signed in and where on the page they are.
 *
 * The address after # names the place, so that a reload and the back button do what is expected.
 */
import { signal } from "@preact/signals";
import type { Api } from "../core/api";
import { cleanCode, isCode } from "../core/codes";
import { forget, load, save } from "../core/storage";
import type { User } from "../core/types";

/** Places of the account pages; what links of mails lead to holds a secret, which the # keeps from servers. */
export type AccountRoute =
  | { page: "account" }
  | { page: "forgot" }
  | { page: "reset"; user: string; token: string }
  | { page: "join"; invitation: string; secret: string };

export type Route =
  | { page: "lessons" }
  | { page: "edit"; lesson: string }
  | { page: "teach"; lesson: string }
  | { page: "read"; lesson: string }
  | AccountRoute;

export interface App {
  api: Api;
}

const USER_KEY = "user";
const CODE_KEY = "pair-code";

/** Where the teacher's session and role token are kept on this device. */
export const teachingKey = (whose: User): string => `teaching.${whose.id}`;

export const user = signal<User | null>(load<User | null>(USER_KEY, null));
export const route = signal<Route>(parseRoute(location.hash));

window.addEventListener("hashchange", () => {
  takeCodeFromAddress();
  route.value = parseRoute(location.hash);
});

export function parseRoute(hash: string): Route {
  const [, page, lesson, secret] = hash.replace(/^#/, "").split("/");
  if ((page === "edit" || page === "teach" || page === "read") && lesson) return { page, lesson };
  if (page === "account" || page === "forgot") return { page };
  if (page === "reset" && lesson && secret) return { page, user: lesson, token: secret };
  if (page === "join" && lesson && secret) return { page, invitation: lesson, secret };
  return { page: "lessons" };
}

export function go(to: Route): void {
  const hash = addressOf(to);
  if (location.hash === hash) route.value = to;
  else location.hash = hash;
}

function addressOf(to: Route): string {
  if (to.page === "lessons") return "#/";
  if (to.page === "reset") return `#/reset/${to.user}/${to.token}`;
  if (to.page === "join") return `#/join/${to.invitation}/${to.secret}`;
  return "lesson" in to ? `#/${to.page}/${to.lesson}` : `#/${to.page}`;
}

/** What has to end when nobody is signed in any more. */
export const whenSignedOut = new Set<(user: User) => void>();

export function setUser(value: User | null): void {
  const before = user.peek();
  if (!value && before) whenSignedOut.forEach((action) => action(before));
  user.value = value;
  if (value) save(USER_KEY, value);
  else forget(USER_KEY);
}

/** The code from a board's QR picture: kept over signing in, then typed in for the teacher. */
export function takeCodeFromAddress(): void {
  // After #, which no server sees: the long code is a secret.
  const [, typed] = /^#code=(.*)$/.exec(location.hash) ?? [];
  if (typed === undefined) return;
  const code = cleanCode(typed);
  if (isCode(code)) save(CODE_KEY, code, sessionStorage);
  history.replaceState(null, "", location.pathname);
}

export function scannedCode(): string {
  return load<string>(CODE_KEY, "", sessionStorage);
}

export function dropScannedCode(): void {
  forget(CODE_KEY, sessionStorage);
}
