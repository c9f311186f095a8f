/** Says quietly whether this page is in touch with a host. Never an alarm: steering goes on. */
import type { Connection } from "../live/session";

const WORDS: Record<Connection, string> = {
  online: "Online",
  reconnecting: "Reconnecting…",
  offline: "Offline – goes on here",
};

export function ConnectionState({
  state,
  dotOnly = false,
}: {
  state: Connection;
  dotOnly?: boolean;
}) {
  return (
    <span
      class={`connection ${dotOnly ? "connection-dot-only" : ""}`}
      data-testid="connection-state"
      data-state={state}
      role="status"
    >
      <span class="connection-dot" aria-hidden="true" />
      <span class={dotOnly ? "visually-hidden" : ""}>{WORDS[state]}</span>
    </span>
  );
}
