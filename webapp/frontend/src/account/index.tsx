/** The account pages, fetched when somebody opens one. */
import "./account.css";
import type { Api } from "../core/api";
import type { User } from "../core/types";
import type { AccountRoute } from "../teacher/state";
import { Mine } from "./Mine";
import { Forgot, Join, Reset } from "./Strangers";

export default function Account({
  api,
  at,
  user,
}: {
  api: Api;
  at: AccountRoute;
  user: User | null;
}) {
  if (at.page === "forgot") return <Forgot api={api} />;
  if (at.page === "reset")
    return <Reset key={at.token} api={api} user={at.user} token={at.token} />;
  if (at.page === "join") {
    return <Join key={at.invitation} api={api} invitation={at.invitation} secret={at.secret} />;
  }
  return user && <Mine api={api} user={user} />;
}
