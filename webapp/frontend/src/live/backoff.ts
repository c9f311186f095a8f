/**
 * How long to wait before a host is tried again, or another one in its place.
 *
 * Full jitter: thousands of boards lose a host in the same instant, and must not come back to it in
 * the same instant. A host that says it is loaded gets more time.
 */

/** The first retry comes within this. */
const BASE_MS = 500;
/** No retry is later than this, times the load factor. */
const MOST_MS = 8_000;
/** A fully loaded host (load 1) stretches the waits by this much. */
const LOAD_STRETCH = 3;

/** A page that another host still serves looks for a second one within this. */
const CALM_MS = 5_000;
/** A page that no host serves looks for one within this. */
const PROMPT_MS = 500;

/** `failures`: how often in a row it failed, from 1. `load`: the host's own hint, 0 to 1. */
export function backoffMs(failures: number, load: number, random: () => number): number {
  const ceiling = Math.min(MOST_MS, BASE_MS * 2 ** Math.min(failures, 10));
  return random() * ceiling * stretch(load);
}

/** Before a host takes another one's place. `served`: whether an open line is left. */
export function standInMs(served: boolean, load: number, random: () => number): number {
  return random() * (served ? CALM_MS : PROMPT_MS) * stretch(load);
}

function stretch(load: number): number {
  return 1 + LOAD_STRETCH * Math.min(Math.max(load, 0), 1);
}
