import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keptPairing, keepPairing, Waiting, type BoardPairing } from "../src/board/pairing";
import { Links } from "../src/live/links";
import type { Line } from "../src/live/line";
import { TeacherPairing } from "../src/teacher/pairing";
import { FakeNet, makeHosts } from "./helpers";

const hosts = makeHosts(2);
const [host1, host2] = hosts as [(typeof hosts)[0] & object, (typeof hosts)[0] & object];
let net: FakeNet;

beforeEach(() => {
  localStorage.clear();
  net = new FakeNet();
  vi.useFakeTimers();
});

afterEach(() => void vi.useRealTimers());

describe("the teacher's side", () => {
  let pairing: TeacherPairing;
  let links: Links;

  beforeEach(() => {
    links = new Links(
      hosts,
      () => ({ type: "hello", protocol: 1, token: "t" }),
      { control: (message, line: Line) => pairing.received(message, line) },
      net.dependencies,
    );
    pairing = new TeacherPairing(links, () => "1:5");
    links.start();
    net.last(host1).welcome();
    net.last(host2).welcome();
  });

  const said = (host: typeof host1): string[] =>
    net.last(host).sentText.map((message) => String(message["type"]));
  const claimed = {
    type: "pair.claimed",
    pairing: "p",
    symbol: "🐢",
    symbol_name: "turtle",
    expires_in_seconds: 60,
  };

  test("code, symbol, yes", () => {
    pairing.claim("042917");
    expect(net.last(host1).sentText.at(-1)).toEqual({
      type: "pair.claim",
      code: "042917",
      position: "1:5",
    });
    net.last(host1).say(claimed);
    expect(pairing.state.value).toMatchObject({ kind: "compare", symbolName: "turtle" });
    pairing.confirm();
    expect(net.last(host1).sentText.at(-1)).toEqual({ type: "pair.confirm", pairing: "p" });
    net.last(host1).say({ type: "pair.done", pairing: "p" });
    expect(pairing.state.value.kind).toBe("paired");
    vi.advanceTimersByTime(5_000);
    expect(pairing.state.value).toEqual({ kind: "idle", message: "" });
  });

  test("a wrong code is said in words, and the next try works", () => {
    pairing.claim("000000");
    net.last(host1).say({ type: "error", code: "pair.wrong_code", message: "No.", retry: false });
    expect(pairing.state.value).toMatchObject({
      kind: "idle",
      message: expect.stringContaining("No board shows this code"),
    });
    pairing.claim("042917");
    net.last(host1).say(claimed);
    expect(pairing.state.value.kind).toBe("compare");
  });

  test("no: the board is told", () => {
    pairing.claim("042917");
    net.last(host1).say(claimed);
    pairing.reject();
    expect(said(host1)).toContain("pair.reject");
    expect(pairing.state.value.kind).toBe("idle");
  });

  test("a claim without an answer is sent once more through the other host", () => {
    pairing.claim("042917");
    vi.advanceTimersByTime(2_000);
    expect(said(host2)).toContain("pair.claim");
    net.last(host2).say(claimed);
    pairing.confirm();
    expect(said(host2)).toContain("pair.confirm");
  });

  test("a confirmation goes on through the other host when the first died meanwhile", () => {
    pairing.claim("042917");
    net.last(host1).say(claimed);
    net.last(host1).die();
    pairing.confirm();
    expect(said(host2)).toContain("pair.confirm");
  });

  test("a late no from one host does not spoil the yes of another", () => {
    pairing.claim("042917");
    vi.advanceTimersByTime(2_000);
    net.last(host2).say(claimed);
    net.last(host1).say({ type: "error", code: "pair.expired_code", message: "No.", retry: false });
    expect(pairing.state.value.kind).toBe("compare");
  });

  test("without any answer it ends with a sentence", () => {
    pairing.claim("042917");
    vi.advanceTimersByTime(10_000);
    expect(pairing.state.value).toMatchObject({
      kind: "idle",
      message: expect.stringContaining("try again"),
    });
  });

  test("symbols that nobody compared in time expire", () => {
    pairing.claim("042917");
    net.last(host1).say(claimed);
    vi.advanceTimersByTime(60_000);
    expect(pairing.state.value).toMatchObject({
      kind: "idle",
      message: expect.stringContaining("time"),
    });
  });

  test("answers that come too late change nothing", () => {
    net.last(host1).say(claimed);
    net.last(host1).say({ type: "pair.done", pairing: "p" });
    expect(pairing.state.value).toEqual({ kind: "idle", message: "" });
  });
});

describe("the board's side", () => {
  let paired: BoardPairing[];
  let waiting: Waiting;

  beforeEach(() => {
    paired = [];
    waiting = new Waiting(hosts, (pairing) => paired.push(pairing), net.dependencies);
    waiting.start();
  });

  test("asks one host for a code and shows the newest", () => {
    expect(net.sockets).toHaveLength(1);
    net.last(host1).open();
    expect(net.last(host1).sentText).toEqual([{ type: "pair.open" }]);
    net.last(host1).say({ type: "pair.code", code: "042917", expires_in_seconds: 180 });
    net.last(host1).say({ type: "pair.code", code: "555555", expires_in_seconds: 180 });
    expect(waiting.state.value).toMatchObject({ kind: "code", code: "555555" });
  });

  test("shows name and symbol, then hands over what pairing gave", () => {
    net.last(host1).open();
    net.last(host1).say({ type: "pair.code", code: "042917", expires_in_seconds: 180 });
    net
      .last(host1)
      .say({
        type: "pair.offer",
        teacher_name: "Ada",
        symbol: "🐢",
        symbol_name: "turtle",
        expires_in_seconds: 60,
      });
    expect(waiting.state.value).toMatchObject({
      kind: "offer",
      teacher: "Ada",
      symbolName: "turtle",
    });
    net
      .last(host1)
      .say({ type: "pair.done", pairing: "p", session: "s", token: "jwt", position: "1:5" });
    expect(paired).toEqual([
      { session: "s", token: "jwt", pairing: "p", position: "1:5", teacher: "Ada" },
    ]);
    expect(net.last(host1).closedWith).not.toBeNull();
  });

  test("a rejected offer gives way to the new code", () => {
    net.last(host1).open();
    net
      .last(host1)
      .say({
        type: "pair.offer",
        teacher_name: "Ada",
        symbol: "🐢",
        symbol_name: "turtle",
        expires_in_seconds: 60,
      });
    net.last(host1).say({ type: "pair.rejected", pairing: "p", reason: "rejected" });
    net.last(host1).say({ type: "pair.code", code: "111111", expires_in_seconds: 180 });
    expect(waiting.state.value).toMatchObject({ kind: "code", code: "111111" });
  });

  test("a dead host's code is taken down at once and another host asked", () => {
    net.last(host1).open();
    net.last(host1).say({ type: "pair.code", code: "042917", expires_in_seconds: 180 });
    net.last(host1).die();
    expect(waiting.state.value.kind).toBe("connecting");
    net.time.pass(500);
    net.last(host2).open();
    net.last(host2).say({ type: "pair.code", code: "222222", expires_in_seconds: 180 });
    expect(waiting.state.value).toMatchObject({ kind: "code", code: "222222" });
  });

  test("what was kept survives a reload, and rubbish does not count", () => {
    const pairing = { session: "s", token: "t", pairing: "p", position: "", teacher: "Ada" };
    keepPairing(pairing);
    expect(keptPairing()).toEqual(pairing);
    localStorage.setItem("firstbell.board", '{"session": 1}');
    expect(keptPairing()).toBeNull();
  });
});
