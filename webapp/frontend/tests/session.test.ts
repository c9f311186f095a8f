import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveSession } from "../src/live/session";
import { readPlace, writeBlank, writeLesson, writePlace } from "../src/live/show";
import type { Role } from "../src/live/protocol";
import { FakeNet, FakeRelay, makeHosts, settle } from "./helpers";

const SESSION = "01a00000-0000-7000-8000-000000000001"; // ranks host4, host2, host5, host3, host1
const hosts = makeHosts(3); // so here: host2, host3, host1
let net: FakeNet;
let relay: FakeRelay;
let running: LiveSession[];

function join(role: Role, session = SESSION): LiveSession {
  const made = new LiveSession({
    session,
    role,
    token: () => "token",
    name: role === "teacher" ? "Ada" : "Board",
    ...(role === "board" ? { pairing: "p1" } : {}),
    hosts,
    dependencies: net.dependencies,
  });
  running.push(made);
  made.start();
  return made;
}

async function pass(milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    net.time.pass(250);
    await settle();
  }
}

beforeEach(() => {
  localStorage.clear();
  net = new FakeNet();
  relay = new FakeRelay();
  relay.serve(net);
  running = [];
});

afterEach(() => running.forEach((session) => session.stop()));

describe("teacher and board", () => {
  test("the board follows lesson, place and blank", async () => {
    const teacher = join("teacher");
    const board = join("board");
    await pass(500);
    writeLesson(teacher.doc, { id: "l1", version: "v1", position: "1:5" }, { slide: 2, step: 0 });
    writePlace(teacher.doc, { slide: 2, step: 1 });
    writeBlank(teacher.doc, "black");
    expect(board.shown.place.value).toEqual({ slide: 2, step: 1 });
    expect(board.shown.lesson.value).toEqual({ id: "l1", version: "v1", position: "1:5" });
    expect(board.shown.blank.value).toBe("black");
    expect(teacher.connection.value).toBe("online");
  });

  test("a step made in the moment of the host's death still arrives", async () => {
    const teacher = join("teacher");
    const board = join("board");
    await pass(500);
    relay.dead.add("host2"); // it takes frames and says nothing any more
    writePlace(teacher.doc, { slide: 7, step: 0 });
    expect(board.shown.place.value.slide).toBe(7);
    await pass(4_000);
    writePlace(teacher.doc, { slide: 8, step: 0 });
    expect(board.shown.place.value.slide).toBe(8);
    expect(teacher.connection.value).toBe("online");
  });

  test("without any host steering goes on here, and is caught up with later", async () => {
    const teacher = join("teacher");
    const board = join("board");
    await pass(500);
    for (const host of hosts) relay.kill(host.name);
    await pass(500);
    expect(teacher.connection.value).toBe("reconnecting");
    writePlace(teacher.doc, { slide: 3, step: 2 });
    expect(teacher.shown.place.value).toEqual({ slide: 3, step: 2 });
    expect(board.shown.place.value).toEqual({ slide: 0, step: 0 });
    await pass(12_000);
    expect(teacher.connection.value).toBe("offline");
    relay.dead.clear();
    await pass(20_000);
    expect(teacher.connection.value).toBe("online");
    expect(board.shown.place.value).toEqual({ slide: 3, step: 2 });
  });

  test.each([
    ["there is a line again", window, "online"],
    ["the page is seen again", document, "visibilitychange"],
  ] as const)("hosts are asked at once when %s", async (_what, target, event) => {
    const teacher = join("teacher");
    await pass(500);
    for (const host of hosts) relay.kill(host.name);
    await pass(30_000);
    relay.dead.clear();
    await pass(250);
    expect(teacher.connection.value).toBe("offline");
    target.dispatchEvent(new Event(event));
    await pass(500);
    expect(teacher.connection.value).toBe("online");
  });

  test("after all servers lost everything, the teacher's page restores it", async () => {
    const teacher = join("teacher");
    await pass(500);
    writePlace(teacher.doc, { slide: 5, step: 0 });
    for (const host of hosts) relay.kill(host.name);
    relay = new FakeRelay();
    relay.serve(net);
    await pass(20_000);
    expect(readPlace(relay.doc)).toEqual({ slide: 5, step: 0 });
  });

  test("each knows that the other is there", async () => {
    const teacher = join("teacher");
    const board = join("board");
    await pass(1_500);
    expect(teacher.presence.present.value).toMatchObject([{ role: "board", pairing: "p1" }]);
    expect(board.presence.present.value).toMatchObject([{ role: "teacher", name: "Ada" }]);
  });
});

describe("a pointer", () => {
  const at = (x: number) => ({ kind: "laser" as const, slide: 0, x, y: 10 });

  test("is seen by the board a few dozen times a second, and is gone when put away", async () => {
    vi.useFakeTimers();
    const teacher = join("teacher");
    const board = join("board");
    await pass(500);
    const before = net.sockets[0]!.sentBinary.length;
    for (let moved = 0; moved < 100; moved++) {
      teacher.presence.point(at(moved));
      vi.advanceTimersByTime(10);
    }
    expect(board.presence.pointers.value).toEqual([at(99)]);
    expect(net.sockets[0]!.sentBinary.length - before).toBeLessThanOrEqual(26);
    expect(board.presence.present.value).toMatchObject([{ role: "teacher", name: "Ada" }]);
    teacher.presence.point(null);
    vi.advanceTimersByTime(40);
    expect(board.presence.pointers.value).toEqual([]);
    vi.useRealTimers();
  });

  test("of a board points nowhere", async () => {
    const teacher = join("teacher");
    const board = join("board");
    await pass(500);
    vi.useFakeTimers();
    board.presence.point(at(1));
    vi.advanceTimersByTime(100);
    vi.useRealTimers();
    expect(teacher.presence.pointers.value).toEqual([]);
  });
});

describe("what boards offer", () => {
  async function offering(): Promise<LiveSession> {
    const board = join("board");
    await pass(500);
    vi.useFakeTimers();
    board.presence.offer({ strokes: [1], erase: [] });
    vi.advanceTimersByTime(100);
    vi.useRealTimers();
    return board;
  }

  test("comes to one of the teacher's pages, and is gone with the board's wish", async () => {
    const teachers = [join("teacher"), join("teacher")];
    await pass(1_500); // each has heard of the other
    const board = await offering();
    const heard = teachers.map((teacher) => teacher.presence.offers.value);
    expect(heard.filter((offers) => offers.length > 0)).toEqual([
      [{ board: "p1", ink: { strokes: [1], erase: [] } }],
    ]);
    board.presence.offer(null);
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const teacher of teachers) expect(teacher.presence.offers.value).toEqual([]);
  });

  test("is no document frame, and no other board's business", async () => {
    const other = join("board");
    await offering();
    expect(other.presence.offers.value).toEqual([]);
    const frames = net.sockets.flatMap((socket) => socket.sentBinary);
    expect(frames.every((frame) => frame[0] === 1 || frame[1] === 0)).toBe(true);
  });
});

describe("a board", () => {
  test("sends no document frames but questions", async () => {
    const teacher = join("teacher");
    join("board");
    await pass(3_000);
    writePlace(teacher.doc, { slide: 1, step: 0 });
    const hellos = net.sockets.filter((socket) => socket.sentBinary.length > 0);
    const boards = hellos.filter((socket) =>
      socket.sentBinary.every((frame) => frame[0] === 1 || frame[1] === 0),
    );
    expect(boards).toHaveLength(2);
  });

  test("that misses its teacher looks on further hosts, and stops looking when nobody comes", async () => {
    const board = join("board");
    await pass(2_000);
    expect(board.links.open).toHaveLength(2);
    await pass(3_000);
    expect(board.links.open).toHaveLength(3);
    await pass(75_000);
    expect(board.links.open).toHaveLength(2);
  });
});

test("frames that cannot be read are passed over", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const teacher = join("teacher");
  await pass(500);
  const socket = net.sockets[0]!;
  for (const frame of [[], [0], [0, 1, 255], [1, 9], [9, 9, 9]])
    socket.sayBinary(Uint8Array.from(frame));
  writePlace(teacher.doc, { slide: 1, step: 0 });
  expect(readPlace(relay.doc).slide).toBe(1);
});
