/**
 * One time for all pages of a session: the hosts' own.
 *
 * Clocks of laptops and boards are off by seconds, sometimes by minutes; a timer must end on both at
 * once. Each `pong` tells a host's time. Without any host, the last known difference counts.
 */
import { load, save } from "../core/storage";

const KEY = "clock.skew";
/** An answer that took longer than the best known one says less; but not for ever, as clocks drift. */
const BEST_FOR_MS = 30_000;
/** Further off than the answer's own uncertainty by this: somebody has set a clock. */
const SET_MS = 500;

export class SharedClock {
  /** Host's time less this device's, in ms. */
  private skew: number;
  private best: { doubt: number; heardAt: number } | null = null;

  constructor(private readonly wall: () => number = Date.now) {
    this.skew = load<number>(KEY, 0);
  }

  /** ms since 1970, alike on all pages to some hundredths of a second. */
  now(): number {
    return this.wall() + this.skew;
  }

  /** A host said its time; the answer took `tookMs` there and back. */
  told(hostTime: number, tookMs: number): void {
    const doubt = Math.max(0, tookMs) / 2;
    const skew = hostTime + doubt - this.wall();
    const wasSet = Math.abs(skew - this.skew) > doubt + (this.best?.doubt ?? 0) + SET_MS;
    const stale = !this.best || this.wall() - this.best.heardAt > BEST_FOR_MS;
    if (!wasSet && !stale && this.best && doubt > this.best.doubt) return;
    this.best = { doubt, heardAt: this.wall() };
    this.skew = skew;
    save(KEY, Math.round(skew));
  }
}
