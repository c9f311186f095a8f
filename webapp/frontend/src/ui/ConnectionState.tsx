/** Says quietly with whom this page is in touch: a host, or only pages near by. Never an alarm: steering goes on. */
import type { Connection } from "../live/session";
import { words } from "./words";

export function ConnectionState({
  state,
  direct,
  dotOnly = false,
}: {
  state: Connection;
  /** How many pages would be in touch without any server. */
  direct: number;
  dotOnly?: boolean;
}) {
  return (
    <span
      class={`connection ${dotOnly ? "connection-dot-only" : ""}`}
      data-testid="connection-state"
      data-state={state}
      data-direct={direct}
      role="status"
    >
      <span class="connection-dot" aria-hidden="true" />
      <span class={dotOnly ? "visually-hidden" : ""}>{words.connection[state]}</span>
    </span>
  );
}
