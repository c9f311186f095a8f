/**
 * Fetches all figures of an opened lesson once, so that the service worker keeps them: also those of
 * slides that were not shown yet when the servers went.
 */
import type { Hosts } from "../core/hosts";
import type { Slide } from "../core/types";
import { FIGURE_PATH } from "./names";

/** Longer films are fetched when they are played, and are not kept. */
const LARGEST_BYTES = 50 * 1024 * 1024;

/** The paths of all figures that slides name, in their order. */
export function figurePaths(slides: readonly Slide[]): string[] {
  const words = slides.flatMap(({ markdown }) => markdown.match(/\/media\/[\w./]+/g) ?? []);
  return [...new Set(words)].filter((word) => FIGURE_PATH.test(word));
}

/** One after the other, until `isWanted` says no. What fails is tried when the lesson is opened again. */
export async function keepFigures(
  slides: readonly Slide[],
  hosts: Hosts,
  isWanted: () => boolean,
): Promise<void> {
  await workerToBeThere();
  for (const path of figurePaths(slides)) {
    if (!isWanted()) return;
    await keepOne(path, hosts);
  }
}

/** Never resolves where there is none: then there is nothing to keep figures in. */
function workerToBeThere(): Promise<void> {
  const workers = navigator.serviceWorker;
  return new Promise((resolve) => {
    if (workers?.controller) resolve();
    else workers?.addEventListener("controllerchange", () => resolve(), { once: true });
  });
}

async function keepOne(path: string, hosts: Hosts): Promise<void> {
  for (const host of hosts.order()) {
    const giveUp = new AbortController();
    try {
      const answer = await fetch(host.api + path, { credentials: "omit", signal: giveUp.signal });
      if (!answer.ok) continue;
      if (Number(answer.headers.get("Content-Length")) > LARGEST_BYTES) giveUp.abort();
      else await answer.blob();
      return;
    } catch {
      // That host is away; another one has it too.
    }
  }
}
