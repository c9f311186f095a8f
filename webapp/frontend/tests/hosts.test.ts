import { beforeEach, describe, expect, test } from "vitest";
import { Hosts, SET_ASIDE_MS, type HostsDependencies } from "../src/core/hosts";
import { FakeTime, makeHosts, MemoryStorage, settle } from "./helpers";

const all = makeHosts(3);
let time: FakeTime;
let storage: MemoryStorage;
let ready: Set<string>;
let probed: string[];

function dependencies(random = 0): HostsDependencies {
  return {
    storage,
    random: () => random,
    now: () => time.now,
    later: time.later,
    probe: async (host) => {
      probed.push(host.name);
      return ready.has(host.name);
    },
  };
}

const names = (hosts: Hosts): string[] => hosts.order().map((host) => host.name);

beforeEach(() => {
  time = new FakeTime();
  storage = new MemoryStorage();
  ready = new Set(all.map((host) => host.name));
  probed = [];
});

describe("the choice of a host", () => {
  test("is random and then kept", () => {
    expect(new Hosts(all, dependencies(0.7)).choice.name).toBe("host3");
    expect(new Hosts(all, dependencies(0.1)).choice.name).toBe("host3");
  });

  test("is made anew when that host is no longer configured", () => {
    new Hosts(all, dependencies(0.7)).order();
    expect(new Hosts(all.slice(0, 2), dependencies(0.6)).choice.name).toBe("host2");
  });

  test("survives rubbish in the storage", () => {
    storage.setItem("firstbell.hosts.choice", "{not json");
    storage.setItem("firstbell.hosts.aside", "[1, null]");
    expect(names(new Hosts(all, dependencies(0)))).toEqual(["host1", "host2", "host3"]);
  });

  test("puts every host into the order exactly once", () => {
    expect(names(new Hosts(all, dependencies(0.4)))).toEqual(["host2", "host3", "host1"]);
  });
});

describe("a host that failed", () => {
  test("is tried last, also after a reload", () => {
    const hosts = new Hosts(all, dependencies());
    hosts.setAside(all[0]!);
    expect(names(hosts)).toEqual(["host2", "host3", "host1"]);
    expect(names(new Hosts(all, dependencies()))).toEqual(["host2", "host3", "host1"]);
  });

  test("is probed after half a minute and comes back when it is ready", async () => {
    const hosts = new Hosts(all, dependencies());
    hosts.setAside(all[0]!);
    time.pass(SET_ASIDE_MS - 1);
    expect(probed).toEqual([]);
    time.pass(1);
    await settle();
    expect(probed).toEqual(["host1"]);
    expect(names(hosts)).toEqual(["host1", "host2", "host3"]);
  });

  test("stays aside while its readiness says no", async () => {
    ready.delete("host1");
    const hosts = new Hosts(all, dependencies());
    hosts.setAside(all[0]!);
    time.pass(SET_ASIDE_MS);
    await settle();
    expect(hosts.isAside(all[0]!)).toBe(true);
    ready.add("host1");
    time.pass(SET_ASIDE_MS);
    await settle();
    expect(hosts.isAside(all[0]!)).toBe(false);
  });

  test("is restored at once when it answers", () => {
    const hosts = new Hosts(all, dependencies());
    hosts.setAside(all[0]!);
    hosts.restore(all[0]!);
    expect(names(hosts)).toEqual(["host1", "host2", "host3"]);
  });

  test("is not banished for years by a clock that was set back", () => {
    storage.setItem("firstbell.hosts.aside", JSON.stringify({ host1: time.now + 1e12 }));
    const hosts = new Hosts(all, dependencies());
    time.pass(SET_ASIDE_MS);
    return settle().then(() => expect(hosts.isAside(all[0]!)).toBe(false));
  });
});

describe("a host in doubt", () => {
  test("is set aside if it is not ready", async () => {
    ready.delete("host2");
    const hosts = new Hosts(all, dependencies());
    expect(await hosts.check(all[1]!)).toBe(false);
    expect(hosts.isAside(all[1]!)).toBe(true);
  });

  test("comes after the others while it is asked, and is asked once however many want to know", async () => {
    const hosts = new Hosts(all, dependencies());
    const asking = [hosts.check(all[0]!), hosts.check(all[0]!)];
    expect(names(hosts)).toEqual(["host2", "host3", "host1"]);
    expect(await Promise.all(asking)).toEqual([true, true]);
    expect(probed).toEqual(["host1"]);
    expect(names(hosts)).toEqual(["host1", "host2", "host3"]);
  });
});
