/**
 * One tick a second, also while the page is hidden behind another tab.
 *
 * A teacher who looks something up in another tab must not fall silent to the boards.
 */

export const TICK_MS = 1_000;

/** Returns a function that stops the ticking. */
export function startTicking(tick: () => void): () => void {
  try {
    const worker = new Worker(new URL("./ticker.worker.ts", import.meta.url), { type: "module" });
    let fallback: ReturnType<typeof setInterval> | undefined;
    worker.onmessage = tick;
    worker.onerror = () => (fallback ??= setInterval(tick, TICK_MS));
    return () => {
      worker.terminate();
      clearInterval(fallback);
    };
  } catch {
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }
}
