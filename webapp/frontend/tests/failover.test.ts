import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Host } from "../src/core/config";
import { UnreachableError } from "../src/core/errors";
import { HostFailed, tryHosts, type Attempt } from "../src/core/failover";
import { Latency } from "../src/core/latency";
import { makeHosts } from "./helpers";

const hosts = makeHosts(3);
type Behaviour = "answers" | "fails" | "hangs" | "slow" | "refuses";

function attempting(behaviour: Record<string, Behaviour>) {
  const asked: string[] = [];
  const aborted: string[] = [];
  const attempt: Attempt<string> = (host: Host, signal) => {
    asked.push(host.name);
    signal.addEventListener("abort", () => aborted.push(host.name));
    switch (behaviour[host.name]) {
      case "fails":
        return Promise.reject(new HostFailed("connection refused"));
      case "refuses":
        return Promise.reject(new Error("a mistake in the page"));
      case "hangs":
        return new Promise(() => undefined);
      case "slow":
        return new Promise((resolve) => setTimeout(() => resolve(host.name), 5_000));
      default:
        return Promise.resolve(host.name);
    }
  };
  return { asked, aborted, attempt };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a request", () => {
  test("goes to the next host when one fails, at once", async () => {
    const { asked, attempt } = attempting({ host1: "fails", host2: "answers" });
    const failed: string[] = [];
    const answer = tryHosts(hosts, attempt, {
      hedgeAfterMs: null,
      onFailed: (host) => failed.push(host.name),
    });
    expect(await answer).toBe("host2");
    expect(asked).toEqual(["host1", "host2"]);
    expect(failed).toEqual(["host1"]);
  });

  test("tries each host at most once, then says that none can be reached", async () => {
    const { asked, attempt } = attempting({ host1: "fails", host2: "fails", host3: "fails" });
    await expect(tryHosts(hosts, attempt, { hedgeAfterMs: 100 })).rejects.toThrow(UnreachableError);
    expect(asked).toEqual(["host1", "host2", "host3"]);
  });

  test("ends with an error that is no host's fault", async () => {
    const { asked, attempt } = attempting({ host1: "refuses" });
    await expect(tryHosts(hosts, attempt, { hedgeAfterMs: 100 })).rejects.toThrow("mistake");
    expect(asked).toEqual(["host1"]);
  });

  test("without any host fails as unreachable", async () => {
    const { attempt } = attempting({});
    await expect(tryHosts([], attempt, { hedgeAfterMs: 100 })).rejects.toThrow(UnreachableError);
  });
});

describe("a slow read", () => {
  test("is asked of another host too; the first answer wins and the other is let go", async () => {
    const { asked, aborted, attempt } = attempting({ host1: "hangs", host2: "answers" });
    const overtaken: string[] = [];
    const answer = tryHosts(hosts, attempt, {
      hedgeAfterMs: 300,
      onOvertaken: (host) => overtaken.push(host.name),
    });
    await vi.advanceTimersByTimeAsync(299);
    expect(asked).toEqual(["host1"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toBe("host2");
    expect(asked).toEqual(["host1", "host2"]);
    expect(aborted).toEqual(["host1"]);
    expect(overtaken).toEqual(["host1"]);
  });

  test("is not cut: the slow host's answer still counts when the others fail", async () => {
    const { asked, attempt } = attempting({ host1: "slow", host2: "fails", host3: "fails" });
    const answer = tryHosts(hosts, attempt, { hedgeAfterMs: 300 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await answer).toBe("host1");
    expect(asked).toEqual(["host1", "host2", "host3"]);
  });

  test("that must not be hedged waits for its host", async () => {
    const { asked, attempt } = attempting({ host1: "slow" });
    const answer = tryHosts(hosts, attempt, { hedgeAfterMs: null });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await answer).toBe("host1");
    expect(asked).toEqual(["host1"]);
  });
});

describe("the hedging delay", () => {
  test("is fixed until enough answers were seen, then learned within bounds", () => {
    const latency = new Latency();
    expect(latency.hedgeAfterMs).toBe(600);
    for (let i = 0; i < 10; i++) latency.add(200);
    expect(latency.hedgeAfterMs).toBe(400);
    for (let i = 0; i < 40; i++) latency.add(3);
    expect(latency.hedgeAfterMs).toBe(150);
    for (let i = 0; i < 40; i++) latency.add(9_000);
    expect(latency.hedgeAfterMs).toBe(900);
  });
});
