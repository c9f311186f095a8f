/**
 * After how long a read is slow: learned from this page's own answers.
 *
 * A fixed delay would hedge every read of a school on a slow line, and none on a fast one.
 */

/** Before enough answers were seen, a read is slow after this long. */
const UNLEARNED_MS = 600;
/** Never hedge sooner: ordinary jitter would double the load. */
const LEAST_MS = 150;
/** Never wait longer: a teacher who clicked expects an answer within about a second. */
const MOST_MS = 900;
const SAMPLES_KEPT = 32;
const SAMPLES_NEEDED = 5;

export class Latency {
  private readonly samples: number[] = [];

  add(milliseconds: number): void {
    this.samples.push(milliseconds);
    if (this.samples.length > SAMPLES_KEPT) this.samples.shift();
  }

  /** Twice what nearly all recent answers took. */
  get hedgeAfterMs(): number {
    if (this.samples.length < SAMPLES_NEEDED) return UNLEARNED_MS;
    const sorted = [...this.samples].sort((a, b) => a - b);
    const high = sorted[Math.floor(sorted.length * 0.9)] ?? UNLEARNED_MS;
    return Math.min(MOST_MS, Math.max(LEAST_MS, 2 * high));
  }
}
