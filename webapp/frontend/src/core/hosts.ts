/**
 * Which host to ask first, and which to leave alone for a while.
 *
 * A browser picks one host at random and stays with it. A host that failed is set aside and asked
 * again only when its readiness says it is well, or when all others failed too. This module keeps
 * that knowledge; it does not send the requests themselves (failover.ts does).
 */
import type { Host } from "./config";
import { load, save } from "./storage";

/** How long a host that failed is left alone before it is probed. */
export const SET_ASIDE_MS = 30_000;
/** A host that takes longer to say that it is ready is not ready. */
export const PROBE_TIMEOUT_MS = 1_500;

const CHOICE_KEY = "hosts.choice";
const ASIDE_KEY = "hosts.aside";

export interface HostsDependencies {
  storage: Storage;
  random: () => number;
  now: () => number;
  /** Resolves with whether the host says it is ready. Never rejects. */
  probe: (host: Host) => Promise<boolean>;
  later: (action: () => void, delayMs: number) => unknown;
}

export class Hosts {
  private readonly aside: Record<string, number>;
  /** Probes under way: one for each host at a time, however many ask. */
  private readonly probing = new Map<string, Promise<boolean>>();

  constructor(
    readonly all: readonly Host[],
    private readonly with_: HostsDependencies = browserDependencies(),
  ) {
    const kept = load<Record<string, number>>(ASIDE_KEY, {}, with_.storage);
    this.aside = {};
    for (const host of all) {
      const until = Number(kept?.[host.name]);
      // A clock that was set back must not banish a host for years.
      if (until > 0) this.setAside(host, Math.min(until, with_.now() + SET_ASIDE_MS));
    }
  }

  /** The host this browser stays with. It is chosen anew only when it is no longer configured. */
  get choice(): Host {
    const kept = load<string>(CHOICE_KEY, "", this.with_.storage);
    const known = this.all.find((host) => host.name === kept);
    if (known) return known;
    const chosen = this.all[Math.floor(this.with_.random() * this.all.length)] ?? this.all[0];
    if (!chosen) throw new Error("no hosts are configured");
    save(CHOICE_KEY, chosen.name, this.with_.storage);
    return chosen;
  }

  /** Every host once: the choice, the others in a fixed order from it, those in doubt last. */
  order(): Host[] {
    const start = this.all.indexOf(this.choice);
    const round = [...this.all.slice(start), ...this.all.slice(0, start)];
    const doubts = (host: Host): number =>
      this.isAside(host) ? 2 : this.probing.has(host.name) ? 1 : 0;
    return round.sort((a, b) => doubts(a) - doubts(b));
  }

  isAside(host: Host): boolean {
    return host.name in this.aside;
  }

  setAside(host: Host, until = this.with_.now() + SET_ASIDE_MS): void {
    this.aside[host.name] = until;
    this.keep();
    this.with_.later(
      () => {
        if (this.isAside(host)) void this.check(host);
      },
      Math.max(0, until - this.with_.now()),
    );
  }

  /** A host that answered is well, whatever was thought of it. */
  restore(host: Host): void {
    if (!this.isAside(host)) return;
    delete this.aside[host.name];
    this.keep();
  }

  /** Asks a host that was slow or set aside whether it is ready, and draws the conclusion. */
  check(host: Host): Promise<boolean> {
    const asked = this.probing.get(host.name);
    if (asked) return asked;
    const asking = this.with_.probe(host).then((ready) => {
      this.probing.delete(host.name);
      if (ready) this.restore(host);
      else this.setAside(host);
      return ready;
    });
    this.probing.set(host.name, asking);
    return asking;
  }

  private keep(): void {
    save(ASIDE_KEY, this.aside, this.with_.storage);
  }
}

function browserDependencies(): HostsDependencies {
  return {
    storage: localStorage,
    random: Math.random,
    now: Date.now,
    probe: probeReadiness,
    later: (action, delayMs) => setTimeout(action, delayMs),
  };
}

async function probeReadiness(host: Host): Promise<boolean> {
  try {
    const answer = await fetch(`${host.api}/readyz`, {
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
