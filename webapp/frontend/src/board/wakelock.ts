/** Keeps a classroom screen from going to sleep in the middle of a lesson, where browsers can. */
import { useEffect } from "preact/hooks";

export function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        lock = await navigator.wakeLock?.request("screen");
      } catch {
        // A low battery or an old browser: the screen's own settings decide then.
      }
    };
    void ask();
    // The browser takes the lock away whenever the page is hidden.
    const again = (): void => void ask();
    document.addEventListener("visibilitychange", again);
    return () => {
      document.removeEventListener("visibilitychange", again);
      lock?.release().catch(() => undefined);
    };
  }, []);
}
