import { beforeEach, describe, expect, test } from "vitest";
import { SILENCE_MS, WELCOME_MS } from "../src/live/line";
import { Links } from "../src/live/links";
import { plan, SETTLED_MS, type Candidate } from "../src/live/plan";
import { backoffMs } from "../src/live/backoff";
import { FakeNet, makeHosts, type FakeSocket } from "./helpers";

const hosts = makeHosts(3);
const [host1, host2, host3] = hosts as [
  (typeof hosts)[0] & object,
  (typeof hosts)[0] & object,
  (typeof hosts)[0] & object,
];
let net: FakeNet;
let links: Links;
let refused: number[];

function makeLinks(breadth = 2): Links {
  refused = [];
  return new Links(
    hosts,
    (standby) => ({ type: "hello", protocol: 1, token: "t", ...(standby ? { standby } : {}) }),
    { refused: (code) => refused.push(code) },
    net.dependencies,
    breadth,
  );
}

/** Passes time in which the given sockets answer their pings and the others are silent. */
function live(milliseconds: number, ...answering: FakeSocket[]): void {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    net.time.pass(250);
    for (const socket of answering)
      if (socket.readyState === 1) socket.say({ type: "pong", t: 0, load: 0 });
  }
}

beforeEach(() => {
  net = new FakeNet();
  links = makeLinks();
  links.start();
});

describe("primary and standby", () => {
  test("the first two in rank get a socket each, the second as standby", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    expect(net.to(host3)).toHaveLength(0);
    expect(net.last(host1).sentText[0]).toEqual({ type: "hello", protocol: 1, token: "t" });
    expect(net.last(host2).sentText[0]).toMatchObject({ standby: true });
    expect(links.primary?.host).toBe(host1);
  });

  test("when the primary's socket closes, the standby is primary at once and without reconnect", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    net.last(host1).die();
    expect(links.primary?.host).toBe(host2);
    expect(net.to(host2)).toHaveLength(1);
  });

  test("the next host is come to at random: later while a standby serves or hosts are loaded", () => {
    const cameAfter = (standby: boolean, load: number, random: number): number => {
      net = new FakeNet();
      net.dependencies.random = () => random;
      links = makeLinks();
      links.start();
      net.last(host1).welcome(load);
      if (standby) net.last(host2).welcome(load);
      else net.last(host2).die();
      net.last(host1).die();
      const from = net.time.now;
      while (net.to(host3).length === 0 && net.time.now < from + 20_000) {
        net.time.pass(10);
        if (standby) net.last(host2).say({ type: "pong", t: 0, load });
      }
      return net.time.now - from;
    };
    expect(cameAfter(true, 0, 0.01)).toBeLessThan(100);
    expect(cameAfter(true, 0, 0.9)).toBeGreaterThan(4_000);
    expect(cameAfter(true, 1, 0.9)).toBeGreaterThan(16_000);
    expect(cameAfter(false, 0, 0.9)).toBeLessThan(500);
  });

  test("a page that loses its last host does not sit out the time it had while one was left", () => {
    net.dependencies.random = () => 0.99;
    net.last(host1).welcome();
    net.last(host2).welcome();
    net.last(host1).die();
    net.last(host2).die();
    net.time.pass(500);
    expect(net.to(host3)).toHaveLength(1);
  });

  test("silence for 2.5 s is death, although the socket stays open", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    live(SILENCE_MS + 1_000, net.last(host2));
    expect(net.to(host1)[0]?.closedWith).not.toBeNull();
    expect(links.primary?.host).toBe(host2);
  });

  test("a page that slept gives its hosts a chance to answer first", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    const [one, two] = [net.last(host1), net.last(host2)];
    net.time.now += 60_000;
    live(1_000, one, two);
    expect(one.closedWith).toBeNull();
    live(3_000, one, two);
    expect(links.primary?.host).toBe(host1);
  });

  test("pings go out each second on every open socket", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    live(3_000, net.last(host1), net.last(host2));
    for (const host of [host1, host2]) {
      const pings = net.last(host).sentText.filter((message) => message["type"] === "ping");
      expect(pings.length).toBeGreaterThanOrEqual(3);
    }
  });

  test("frames go out on all open sockets, so that one death loses none", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    links.broadcast(new Uint8Array([0, 2, 0]));
    expect(net.last(host1).sentBinary).toHaveLength(1);
    expect(net.last(host2).sentBinary).toHaveLength(1);
  });

  test("a host that never welcomes is given up", () => {
    net.last(host1).open();
    net.last(host2).welcome();
    live(WELCOME_MS + 6_000, net.last(host2));
    expect(net.to(host1)[0]?.closedWith).not.toBeNull();
    expect(net.to(host3)).toHaveLength(1);
  });
});

describe("a host that was dead", () => {
  test("is retried and becomes primary again, and its stand-in goes only after that has settled", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    net.last(host1).die();
    live(2_750, net.last(host2));
    net.last(host3).welcome();
    const [two, three] = [net.last(host2), net.last(host3)];
    live(3_000, two, three);
    const again = net.last(host1);
    expect(net.to(host1)).toHaveLength(2);
    again.welcome();
    expect(links.primary?.host).toBe(host1);
    expect(three.closedWith).toBeNull();
    live(SETTLED_MS + 1_000, again, two, three);
    expect(three.closedWith).not.toBeNull();
    expect(two.closedWith).toBeNull();
  });

  test("is retried at growing intervals, never faster than its own failures allow", () => {
    net.last(host2).welcome();
    net.onSocket = (socket) => {
      if (socket.url === host1.realtime) queueMicrotask(() => socket.die());
    };
    net.last(host1).die();
    for (let second = 0; second < 60; second++)
      live(1_000, net.last(host2), ...net.to(host3).slice(-1));
    expect(net.to(host1).length).toBeGreaterThan(1);
    expect(net.to(host1).length).toBeLessThan(20);
  });

  test("is tried soon when the network is said to be back", () => {
    for (const host of [host1, host2]) net.last(host).die();
    net.time.pass(500);
    net.last(host3).die();
    const before = net.sockets.length;
    links.hurry();
    net.time.pass(300);
    expect(net.sockets.length).toBeGreaterThan(before);
  });
});

describe("what servers ask for", () => {
  test("a draining host is left at a random moment for the next one, which is connected first", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    const [one, two] = [net.last(host1), net.last(host2)];
    one.say({ type: "move", within_seconds: 4 });
    expect(net.to(host3)).toHaveLength(0);
    expect(links.primary?.host).toBe(host1);
    live(2_000, one, two);
    expect(net.to(host3)).toHaveLength(1);
    expect(one.closedWith).toBeNull();
    expect(links.primary?.host).toBe(host2);
    net.last(host3).welcome();
    expect(one.closedWith).not.toBeNull();
    expect(links.open).toHaveLength(2);
  });

  test("with two hosts a draining one is left as soon as it is time to", () => {
    links = new Links(hosts.slice(0, 2), () => ({ type: "pair.open" }), {}, net.dependencies);
    links.start();
    net.last(host1).welcome();
    net.last(host2).welcome();
    net.last(host1).say({ type: "move", within_seconds: 4 });
    live(2_000, net.last(host1), net.last(host2));
    expect(net.last(host1).closedWith).not.toBeNull();
    expect(links.primary?.host).toBe(host2);
  });

  test("a host that drains names who takes sockets, and the others are left alone for a while", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    net.last(host1).say({ type: "move", within_seconds: 0, hosts: ["host2"] });
    live(3_000, net.last(host1), net.last(host2));
    expect(net.to(host3)).toHaveLength(0);
    net.onSocket = (socket) => queueMicrotask(() => socket.die());
    live(8_000, net.last(host1), net.last(host2));
    expect(net.to(host1).length + net.to(host3).length).toBeGreaterThan(1);
  });

  test("a page that nobody else serves asks a host that sent it away again soon: it may be back", () => {
    net.last(host1).welcome();
    net.last(host2).welcome();
    net.last(host1).say({ type: "move", within_seconds: 1 });
    live(1_000, net.last(host1), net.last(host2));
    net.last(host3).welcome();
    net.last(host2).say({ type: "move", within_seconds: 0 });
    net.last(host3).say({ type: "move", within_seconds: 0 });
    live(100, net.last(host2), net.last(host3));
    net.last(host2).die(1012);
    net.last(host3).die(1012);
    net.time.pass(1_000);
    expect(net.to(host1)).toHaveLength(2);
  });

  test("a host that turns a page away is not asked again for some seconds, and the next one is first", () => {
    net.last(host1).open();
    net.last(host1).say({ type: "move", within_seconds: 0 });
    net.last(host1).die(1012);
    net.last(host2).welcome();
    live(3_000, net.last(host2));
    expect(net.to(host3)).toHaveLength(1);
    expect(net.to(host1)).toHaveLength(1);
    live(10_000, net.last(host2));
    expect(net.to(host1).length).toBeGreaterThan(1);
  });

  test.each([4401, 4403])(
    "after close code %i nothing is tried until somebody restarts",
    (code) => {
      net.last(host1).welcome();
      net.last(host2).welcome();
      net.last(host2).die(code);
      const before = net.sockets.length;
      net.time.pass(60_000);
      expect(refused).toEqual([code]);
      expect(net.sockets).toHaveLength(before);
      expect(links.primary).toBeNull();
      links.restart();
      expect(net.sockets).toHaveLength(before + 2);
    },
  );

  test("sockets that speak rubbish do no harm", () => {
    const socket = net.last(host1);
    socket.open();
    socket.onmessage?.(new MessageEvent("message", { data: "{" }));
    socket.onmessage?.(new MessageEvent("message", { data: 7 }));
    socket.sayBinary(new Uint8Array([0, 0, 9, 9]));
    socket.welcome();
    expect(links.primary?.host).toBe(host1);
    socket.send = () => {
      throw new Error("broken pipe");
    };
    links.broadcast(new Uint8Array([0]));
    expect(links.primary).toBeNull();
  });

  test("stop closes everything and stays stopped", () => {
    net.last(host1).welcome();
    links.stop();
    net.time.pass(30_000);
    expect(net.sockets).toHaveLength(2);
    expect(net.sockets.every((socket) => socket.closedWith !== null)).toBe(true);
  });
});

describe("the plan", () => {
  const none: Candidate = { state: "none", openedAt: 0, restUntil: 0, leaving: false };
  const open: Candidate = { ...none, state: "open", openedAt: 1 };
  const resting: Candidate = { ...none, restUntil: 1e9 };

  test.each([
    ["nothing yet", [none, none, none], { connect: [0, 1], close: [], primary: null }],
    ["the first rests", [resting, open, none], { connect: [2], close: [], primary: 1 }],
    ["all rest", [resting, resting, resting], { connect: [], close: [], primary: null }],
    ["the first is back", [open, open, open], { connect: [], close: [2], primary: 0 }],
    [
      "the first leaves",
      [{ ...open, leaving: true }, open, none],
      { connect: [2], close: [], primary: 1 },
    ],
    [
      "only a leaving one",
      [{ ...open, leaving: true }, resting, resting],
      { connect: [], close: [], primary: 0 },
    ],
  ])("%s", (_, candidates, expected) => {
    expect(plan(candidates, 2, 1 + SETTLED_MS)).toEqual(expected);
  });

  test("who must stay does not go back to a better host", () => {
    expect(plan([none, open, none], 1, 1 + SETTLED_MS, true)).toEqual({
      connect: [],
      close: [],
      primary: 1,
    });
    expect(plan([none, open, none], 1, 1 + SETTLED_MS)).toMatchObject({ connect: [0] });
  });

  test("one host is enough", () => {
    expect(plan([open], 2, SETTLED_MS)).toEqual({ connect: [], close: [], primary: 0 });
  });
});

test("backoff is full jitter, bounded, and longer for loaded hosts", () => {
  expect(backoffMs(1, 0, () => 0)).toBe(0);
  expect(backoffMs(1, 0, () => 1)).toBe(1_000);
  expect(backoffMs(50, 0, () => 1)).toBe(8_000);
  expect(backoffMs(50, 1, () => 1)).toBe(32_000);
});
