import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keptPairing, keepPairing, Waiting, type BoardPairing } from "../src/board/pairing";
import { BoardRooms, keepDevice, keptDevice } from "../src/board/rooms";
import { cleanCode, isCode, spacedCode } from "../src/core/codes";
import { Links } from "../src/live/links";
import type { Line } from "../src/live/line";
import { ApiError, UnreachableError } from "../src/core/errors";
import { TeacherPairing } from "../src/teacher/pairing";
import { Rooms } from "../src/teacher/rooms";
import { FakeNet, makeHosts } from "./helpers";

const pairCode = (code: string) => ({
  type: "pair.code",
  code,
  long_code: "K7QM2XPD9RTV",
  expires_in_seconds: 180,
});
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
  let named: string[][];

  beforeEach(() => {
    links = new Links(
      hosts,
      () => ({ type: "hello", protocol: 1, token: "t" }),
      { control: (message, line: Line) => pairing.received(message, line) },
      net.dependencies,
    );
    named = [];
    pairing = new TeacherPairing(
      links,
      () => "1:5",
      (...made) => named.push(made),
    );
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

  test("code, number, name: the board is remembered with the proof", () => {
    pairing.claim("042917");
    net.last(host1).say({ ...claimed, digits: 4 });
    expect(pairing.state.value).toMatchObject({ kind: "compare", digits: 4 });
    pairing.confirm("0731", " Room 12 ");
    expect(net.last(host1).sentText.at(-1)).toEqual({
      type: "pair.confirm",
      pairing: "p",
      number: "0731",
      name: "Room 12",
    });
    net.last(host1).say({ type: "pair.done", pairing: "p", board: "b", proof: "jwt" });
    expect(named).toEqual([["b", "Room 12", "jwt"]]);
  });

  test("a wrong number is said in words", () => {
    pairing.claim("042917");
    net.last(host1).say({ ...claimed, digits: 4 });
    pairing.confirm("9999");
    net.last(host1).say({ type: "error", code: "pair.wrong_number", message: "", retry: false });
    expect(pairing.state.value).toMatchObject({
      kind: "idle",
      message: expect.stringContaining("not the number"),
    });
  });

  test("a remembered board is confirmed once it can't refuse any more", () => {
    pairing.start("b", "Room 12");
    expect(net.last(host1).sentText.at(-1)).toMatchObject({ type: "pair.start", board: "b" });
    net.last(host1).say({ ...claimed, refuse_seconds: 5 });
    expect(pairing.state.value).toMatchObject({ kind: "starting", name: "Room 12" });
    vi.advanceTimersByTime(4_900);
    expect(said(host1)).not.toContain("pair.confirm");
    vi.advanceTimersByTime(400);
    expect(net.last(host1).sentText.at(-1)).toMatchObject({ type: "pair.confirm", name: "Room 12" });
    net.last(host1).say({ type: "pair.done", pairing: "p", board: "b", proof: "jwt" });
    expect(pairing.state.value.kind).toBe("paired");
    expect(named).toEqual([]);
  });

  test("a board that refused is said to have refused", () => {
    pairing.start("b", "Room 12");
    net.last(host1).say({ ...claimed, refuse_seconds: 5 });
    vi.advanceTimersByTime(5_300);
    net.last(host1).say({ type: "error", code: "pair.gone", message: "", retry: false });
    expect(pairing.state.value).toMatchObject({
      kind: "idle",
      message: expect.stringContaining("refused"),
    });
  });

  test("a second no to the last try is none to this one", () => {
    pairing.start("b", "Room 12");
    net.last(host1).say({ ...claimed, refuse_seconds: 5 });
    vi.advanceTimersByTime(7_800);
    expect(said(host2)).toContain("pair.confirm");
    const gone = { type: "error", code: "pair.gone", message: "", retry: false, pairing: "p" };
    net.last(host1).say(gone);
    expect(pairing.state.value.kind).toBe("idle");
    pairing.start("b", "Room 12");
    net.last(host1).say({ ...claimed, pairing: "q", refuse_seconds: 5 });
    net.last(host2).say(gone);
    expect(pairing.state.value.kind).toBe("starting");
    vi.advanceTimersByTime(5_300);
    net.last(host1).say({ type: "pair.done", pairing: "p" });
    expect(pairing.state.value.kind).toBe("confirming");
    net.last(host1).say({ ...gone, pairing: "q" });
    expect(pairing.state.value.kind).toBe("idle");
  });

  test("with all tries spent it says that the picture still works", () => {
    pairing.claim("042917");
    net.last(host1).say({ type: "error", code: "pair.too_many_tries", message: "", retry: true });
    expect(pairing.state.value).toMatchObject({ message: expect.stringContaining("picture") });
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
    vi.advanceTimersByTime(2_500);
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
    vi.advanceTimersByTime(2_500);
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
    net.last(host1).say(pairCode("042917"));
    net.last(host1).say(pairCode("555555"));
    expect(waiting.state.value).toMatchObject({ kind: "code", code: "555555" });
  });

  test("shows name and symbol, then hands over what pairing gave", () => {
    net.last(host1).open();
    net.last(host1).say(pairCode("042917"));
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
    net.last(host1).say(pairCode("111111"));
    expect(waiting.state.value).toMatchObject({ kind: "code", code: "111111" });
  });

  test("a dead host's code is taken down at once and another host asked", () => {
    net.last(host1).open();
    net.last(host1).say(pairCode("042917"));
    net.last(host1).die();
    expect(waiting.state.value.kind).toBe("connecting");
    net.time.pass(500);
    net.last(host2).open();
    net.last(host2).say(pairCode("222222"));
    expect(waiting.state.value).toMatchObject({ kind: "code", code: "222222" });
  });

  test("it is known again by its device token, and refuses by asking for a code", () => {
    net.last(host1).open();
    net.last(host1).say({ type: "pair.done", pairing: "p", session: "s", token: "t", device: "d" });
    const again = new Waiting(hosts, () => undefined, net.dependencies);
    again.start();
    net.last(host1).open();
    expect(net.last(host1).sentText).toEqual([{ type: "pair.open", device: "d" }]);
    net.last(host1).say({
      type: "pair.offer",
      teacher_name: "Ada",
      symbol: "🐢",
      symbol_name: "turtle",
      room: "Room 12",
      refuse_seconds: 5,
      expires_in_seconds: 60,
    });
    expect(again.state.value).toMatchObject({ kind: "offer", room: "Room 12", number: "" });
    again.refuse();
    expect(net.last(host1).sentText.at(-1)).toEqual({ type: "pair.open", device: "d" });
    again.stop();
  });

  test("a device token that is not believed is forgotten, and the board goes on as a new one", () => {
    keepDevice("old");
    waiting.stop();
    const again = new Waiting(hosts, () => undefined, net.dependencies);
    again.start();
    net.last(host1).open();
    net.last(host1).say({ type: "error", code: "bad_device", message: "", retry: false });
    expect(net.last(host1).sentText.at(-1)).toEqual({ type: "pair.open" });
    expect(keptDevice()).toBe("");
    again.stop();
  });

  test("what was kept survives a reload, and rubbish does not count", () => {
    const pairing = { session: "s", token: "t", pairing: "p", position: "", teacher: "Ada" };
    keepPairing(pairing);
    expect(keptPairing()).toEqual(pairing);
    localStorage.setItem("firstbell.board", '{"session": 1}');
    expect(keptPairing()).toBeNull();
  });
});

describe("codes as they are typed", () => {
  test.each([
    ["042917", "042917", "042 917"],
    ["042 917", "042917", "042 917"],
    ["k7qm2xpd9rtv", "K7QM2XPD9RTV", "K7QM 2XPD 9RTV"],
    ["il0o-il0o-il0o", "110011001100", "1100 1100 1100"],
  ])("%s is understood", (typed, code, spaced) => {
    expect(cleanCode(typed)).toBe(code);
    expect(isCode(code)).toBe(true);
    expect(spacedCode(code)).toBe(spaced);
  });

  test.each(["", "12345", "1234567", "K7QM2XPD9RT", "K7QM2XPD9RTU"])("%s is no code", (typed) =>
    expect(isCode(cleanCode(typed))).toBe(false),
  );
});

describe("remembered rooms", () => {
  const user = { id: "u", username: "ada", name: "Ada", school: null };

  test("what could not be told to forget is told later", async () => {
    const asked: string[] = [];
    let reachable = false;
    const ask = async <T>(method: string, path: string): Promise<T> => {
      asked.push(`${method} ${path}`);
      if (!reachable) throw new UnreachableError();
      return { results: [] } as T;
    };
    const links = { primary: null } as unknown as Links;
    const rooms = new Rooms({ ask }, links, user);
    await rooms.endPairing("s", "p");
    expect(rooms.error.value).toContain("can’t be reached");
    reachable = true;
    asked.length = 0;
    const later = new Rooms({ ask }, links, user);
    later.start();
    await vi.waitFor(() => expect(asked).toContain("DELETE /api/v1/teachings/s/boards/p"));
    later.stop();
    asked.length = 0;
    new Rooms({ ask }, links, user).start();
    await vi.advanceTimersByTimeAsync(10);
    expect(asked).toEqual(["GET /api/v1/boards"]);
  });

  test("a board that left its lesson without servers ends the pairing when they are back", async () => {
    const asked: string[] = [];
    let status = 0;
    const ask = async <T>(method: string, path: string, _: unknown, token?: string): Promise<T> => {
      asked.push(`${method} ${path} ${token}`);
      if (status === 0) throw new UnreachableError();
      if (status === 401) throw new ApiError(401, "bad_token", "Worth nothing.", {}, {});
      return { results: [] } as T;
    };
    new BoardRooms({ ask }).endPairing("copied");
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    status = 401; // another host was told by somebody else
    await new BoardRooms({ ask }).refresh();
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(new Set(asked)).toEqual(new Set(["DELETE /api/v1/board/pairing copied"]));
    await new BoardRooms({ ask }).refresh();
    await vi.advanceTimersByTimeAsync(10);
    expect(asked).toHaveLength(2);
  });
});
