/**
 * One request, tried on each host at most once.
 *
 * Every request of Firstbell may be repeated on any host, so failing over needs no care about what
 * the dead host had done. Slow is not dead: a slow read is asked of another host as well, and the
 * first answer wins.
 */
import type { Host } from "./config";
import { BehindError, UnreachableError } from "./errors";

/** This host could not answer; another may. Anything else an attempt throws ends the request. */
export class HostFailed extends Error {}

/** It answered, but lacks what another host told us. */
export class HostBehind extends HostFailed {}

export type Attempt<T> = (host: Host, signal: AbortSignal) => Promise<T>;

export interface FailoverOptions {
  /** null: never ask two hosts at once (uploads would travel twice over a school's line). */
  hedgeAfterMs: number | null;
  onAnswered?: (host: Host) => void;
  onFailed?: (host: Host) => void;
  /** Another host answered first while this one had been asked earlier. */
  onOvertaken?: (host: Host) => void;
}

export function tryHosts<T>(
  order: readonly Host[],
  attempt: Attempt<T>,
  options: FailoverOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const running = new Map<Host, AbortController>();
    let next = 0;
    let hedge: ReturnType<typeof setTimeout> | undefined;
    let settled = false;
    let behind = false;

    const settle = (finish: () => void): void => {
      settled = true;
      clearTimeout(hedge);
      for (const controller of running.values()) controller.abort();
      finish();
    };

    const succeeded = (host: Host, value: T): void => {
      if (settled) return;
      running.delete(host);
      for (const [other] of running) {
        if (order.indexOf(other) < order.indexOf(host)) options.onOvertaken?.(other);
      }
      options.onAnswered?.(host);
      settle(() => resolve(value));
    };

    const failed = (host: Host, error: unknown): void => {
      if (settled) return;
      running.get(host)?.abort();
      running.delete(host);
      if (!(error instanceof HostFailed)) return settle(() => reject(error));
      behind ||= error instanceof HostBehind;
      options.onFailed?.(host);
      launch();
      if (running.size === 0) {
        settle(() => reject(behind ? new BehindError() : new UnreachableError()));
      }
    };

    const launch = (): void => {
      clearTimeout(hedge);
      const host = order[next++];
      if (!host) return;
      const controller = new AbortController();
      running.set(host, controller);
      attempt(host, controller.signal).then(
        (value) => succeeded(host, value),
        (error: unknown) => failed(host, error),
      );
      if (options.hedgeAfterMs !== null) hedge = setTimeout(launch, options.hedgeAfterMs);
    };

    launch();
    if (running.size === 0) settle(() => reject(new UnreachableError()));
  });
}
