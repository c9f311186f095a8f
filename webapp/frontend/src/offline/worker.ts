/**
 * Brings the service worker to this browser, and lets a new one in at the right moment.
 *
 * A worker of a new release waits until a page of that release is loaded; pages that run go on with
 * what they were loaded with, so no lesson is reloaded, and no page is robbed of its own files.
 */
import type { TakeOver } from "./names";

/** `script`: path of the page's own script. Never throws: without a worker only the comfort is gone. */
export async function bringWorker(script: string): Promise<void> {
  if (import.meta.env.DEV || !("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register("/sw.js", {
      updateViaCache: "none",
    });
    const offer = (worker: ServiceWorker | null): void =>
      worker?.postMessage({ type: "take-over", script } satisfies TakeOver);
    const watch = (worker: ServiceWorker | null): void =>
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed") offer(worker);
      });
    offer(registration.waiting);
    watch(registration.installing);
    registration.addEventListener("updatefound", () => watch(registration.installing));
  } catch {
    // Switched off, plain HTTP, or no server just now.
  }
}

/** What must not hold up the page's own first requests. */
export function whenIdle(action: () => void): void {
  const later = (): void => void setTimeout(action, 0);
  const idle = (): void => void (window.requestIdleCallback?.(action, { timeout: 5_000 }) ?? later());
  if (document.readyState === "complete") idle();
  else window.addEventListener("load", idle, { once: true });
}
