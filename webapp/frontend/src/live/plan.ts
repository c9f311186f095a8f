/**
 * Which hosts should have a socket now: a pure decision, taken anew whenever anything changes.
 *
 * The first hosts in rank order that are not resting get one each. A better host that comes back is
 * connected while the worse one goes on, and the worse one is let go only after the better ones
 * have proved themselves: nobody is disturbed by a host's return. A host that asked us to leave is let
 * go as soon as all that stand in for it are open.
 */
import type { LineState } from "./line";

/** A host that came back must stay for this long before the one that stood in for it is let go. */
export const SETTLED_MS = 5_000;

export interface Candidate {
  /** "none": no socket. */
  state: LineState | "none";
  openedAt: number;
  /** Not to be connected before this time. */
  restUntil: number;
  leaving: boolean;
}

export interface Plan {
  connect: number[];
  close: number[];
  /** The best-ranked open line, or null. */
  primary: number | null;
}

/** `stay`: an open line is as good as the first in rank, for what lives on that host alone. */
export function plan(
  ranked: readonly Candidate[],
  breadth: number,
  now: number,
  stay = false,
): Plan {
  const usable = ranked
    .map((candidate, index) => ({ ...candidate, index }))
    .filter(
      (c) => !c.leaving && (c.state === "open" || c.state === "connecting" || c.restUntil <= now),
    );
  if (stay) usable.sort((a, b) => Number(b.state === "open") - Number(a.state === "open"));
  const wanted = usable.slice(0, breadth);
  const settled = wanted.filter((c) => c.state === "open" && now - c.openedAt >= SETTLED_MS);
  const surplus = usable
    .slice(breadth)
    .filter((c) => c.state === "open" || c.state === "connecting");
  const replaced = wanted.length > 0 && wanted.every((c) => c.state === "open");
  const leaving = ranked.flatMap((c, index) => (c.leaving && c.state === "open" ? [index] : []));
  return {
    connect: wanted.filter((c) => c.state === "none" || c.state === "dead").map((c) => c.index),
    close: [
      ...(settled.length >= breadth ? surplus.map((c) => c.index) : []),
      ...(replaced ? leaving : []),
    ],
    primary: firstOpen(ranked),
  };
}

function firstOpen(ranked: readonly Candidate[]): number | null {
  const staying = ranked.findIndex((c) => c.state === "open" && !c.leaving);
  const index = staying >= 0 ? staying : ranked.findIndex((c) => c.state === "open");
  return index >= 0 ? index : null;
}
