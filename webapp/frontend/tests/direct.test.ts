/** Teacher and board without any host, on a network of fakes; the real one is tested in browsers. */
import * as encoding from "lib0/encoding";
import { writeUpdate } from "y-protocols/sync";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { Channel, PIECE_BYTES, shortened } from "../src/live/channel";
import { LiveSession } from "../src/live/session";
import { writePlace } from "../src/live/show";
import { FakeLan, FakeNet, FakePeer, FakeRelay, makeHosts, settle, type FakeSocket } from "./helpers";

const SESSION = "01a00000-0000-7000-8000-000000000001";
const hosts = makeHosts(2);
let net: FakeNet;
let relay: FakeRelay;
let lan: FakeLan;
let running: LiveSession[];

/** `who`: "teacher", or a board by its pairing. */
function join(who: string): LiveSession {
  const role = who === "teacher" ? "teacher" : "board";
  const made = new LiveSession({
    session: SESSION,
    role,
    token: () => (role === "board" ? `board/${who}` : role),
    name: who,
    ...(role === "board" ? { pairing: who } : {}),
    hosts,
    dependencies: net.dependencies,
    makePeer: lan.makePeer,
  });
  running.push(made);
  made.start();
  return made;
}

async function pass(milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    net.time.pass(250);
    for (let turn = 0; turn < 4; turn++) await settle();
  }
}

async function paired(...boards: string[]): Promise<LiveSession[]> {
  const all = [join("teacher"), ...boards.map(join)];
  await pass(6_000);
  return all;
}

function killAll(): void {
  for (const host of hosts) relay.kill(host.name);
}

const offers = (): number =>
  net.sockets.flatMap((socket) => socket.sentText).filter((one) => one["sdp_type"] === "offer").length;

/** Through a socket of this session's page, as if a host had said it. */
function say(session: LiveSession, message: Record<string, unknown>): void {
  const primary = session.links.primary as unknown as { socket: FakeSocket };
  primary.socket.say(message);
}

beforeEach(() => {
  localStorage.clear();
  net = new FakeNet();
  relay = new FakeRelay();
  relay.serve(net);
  lan = new FakeLan();
  running = [];
});

afterEach(() => running.forEach((session) => session.stop()));

describe("with every host dead", () => {
  test("boards go on following, and both sides say that it is direct", async () => {
    const [teacher, one, two] = (await paired("p1", "p2")) as [LiveSession, LiveSession, LiveSession];
    expect(teacher.directCount.value).toBe(2);
    expect(teacher.connection.value).toBe("online");
    killAll();
    await pass(1_000);
    expect([teacher, one, two].map((page) => page.connection.value)).toEqual(Array(3).fill("direct"));
    writePlace(teacher.doc, { slide: 3, step: 2 });
    expect(one.shown.place.value).toEqual({ slide: 3, step: 2 });
    expect(two.shown.place.value).toEqual({ slide: 3, step: 2 });
    await pass(60_000);
    expect(teacher.connection.value).toBe("direct");
    expect(teacher.presence.present.value.map((page) => page.pairing).sort()).toEqual(["p1", "p2"]);
  });

  test("a board that is not reached is not said to be there", async () => {
    const [teacher] = await paired("p1", "p2");
    lan.peers.at(-1)?.fail();
    killAll();
    await pass(1_000);
    expect(teacher?.connection.value).toBe("direct");
    expect(teacher?.presence.present.value).toHaveLength(1);
  });

  test("a teacher's two devices go on together, and all is caught up with later", async () => {
    const [laptop, phone, board] = [join("teacher"), join("teacher"), join("p1")];
    await pass(6_000);
    killAll();
    await pass(1_000);
    laptop.doc.getMap("ink").set("a", 1);
    phone.doc.getMap("ink").set("b", 2);
    const both = { a: 1, b: 2 };
    for (const page of [laptop, phone, board]) expect(page.doc.getMap("ink").toJSON()).toEqual(both);
    relay.dead.clear();
    await pass(20_000);
    expect(laptop.connection.value).toBe("online");
    expect(relay.doc.getMap("ink").toJSON()).toEqual(both);
  });

  test("a connection that falls silent is kept, and counts again when it speaks again", async () => {
    const [teacher, board] = (await paired("p1")) as [LiveSession, LiveSession];
    killAll();
    lan.isCut = true;
    await pass(5_000);
    expect(teacher.connection.value).toBe("reconnecting");
    lan.isCut = false;
    await pass(2_000);
    expect(teacher.connection.value).toBe("direct");
    writePlace(teacher.doc, { slide: 5, step: 0 });
    expect(board.shown.place.value.slide).toBe(5);
    expect(offers()).toBe(1);
  });
});

describe("while hosts are there", () => {
  test("a connection that is lost is made again", async () => {
    const [teacher] = await paired("p1");
    lan.peers[0]?.fail();
    expect(teacher?.directCount.value).toBe(0);
    await pass(5_000);
    expect(teacher?.directCount.value).toBe(1);
  });

  test("after a silence the board is called anew, more and more rarely, until it answers", async () => {
    const [teacher] = await paired("p1");
    lan.isCut = true;
    await pass(120_000);
    const calls = offers();
    expect(calls).toBeGreaterThan(3);
    expect(calls).toBeLessThan(14);
    lan.isCut = false;
    await pass(20_000);
    expect(teacher?.directCount.value).toBe(1);
    expect(teacher?.connection.value).toBe("online");
  });

  test("one page calls each other one once, whatever sockets it hears them by", async () => {
    await paired("p1", "p2");
    expect(offers()).toBe(2);
    expect(lan.peers).toHaveLength(4);
  });

  test("a browser without WebRTC is as well as before", async () => {
    lan.makePeer = (): never => null as never;
    const [teacher] = await paired("p1");
    expect(teacher?.connection.value).toBe("online");
    expect(offers()).toBe(0);
  });

  test("a host that takes signals for rubbish is not told more of them", async () => {
    const teacher = join("teacher");
    await pass(1_000);
    const message = { type: "error", code: "bad_frame", message: "unknown", retry: false };
    say(teacher, message);
    join("p1");
    await pass(10_000);
    expect(offers()).toBe(0);
  });
});

describe("who may do what", () => {
  test("what a board says of the document is passed over", async () => {
    const [teacher] = await paired("p1");
    killAll();
    const forged = new Y.Doc();
    writePlace(forged, { slide: 9, step: 0 });
    const frame = encoding.createEncoder();
    encoding.writeVarUint(frame, 0);
    writeUpdate(frame, Y.encodeStateAsUpdate(forged));
    // The board's end of the channel: the teacher's page called.
    lan.peers[1]?.channel?.send(Uint8Array.from([0, ...encoding.toUint8Array(frame)]));
    expect(teacher?.shown.place.value.slide).toBe(0);
    // The same frame from a teacher's page counts.
    lan.peers[0]?.channel?.send(Uint8Array.from([0, ...encoding.toUint8Array(frame)]));
    expect(running[1]?.shown.place.value.slide).toBe(9);
  });

  test("a board takes no calls but a teacher's", async () => {
    const board = join("p1");
    await pass(1_000);
    const to = String(board.doc.clientID);
    const call = { type: "signal", from: "5", to, sdp_type: "offer", sdp: "v=0 0" };
    say(board, { ...call, call: "x", role: "board", pairing: "p2" });
    await pass(500);
    expect(lan.peers).toHaveLength(0);
    say(board, { ...call, to: "7", call: "y", role: "teacher" });
    await pass(500);
    expect(lan.peers).toHaveLength(0);
  });

  test("a second answer does not change who is at the other end", async () => {
    const [teacher] = await paired("p1");
    const sent = net.sockets.flatMap((socket) => socket.sentText);
    const offer = sent.find((one) => one["sdp_type"] === "offer");
    const from = offer?.["to"];
    say(teacher!, { ...offer, from, to: offer?.["from"], sdp_type: "answer", role: "teacher" });
    killAll();
    await pass(500);
    expect(teacher?.connection.value).toBe("direct"); // to a board, and not to a teacher
  });

  test("a board that was sent away is hung up on, and not called again", async () => {
    const [teacher, board] = await paired("p1");
    teacher?.doc.getMap("boards").set("p1", { paired_at: "2026-11-21", revoked: true });
    await pass(10_000);
    expect(teacher?.directCount.value).toBe(0);
    expect(board?.directCount.value).toBe(0);
    expect(offers()).toBe(1);
  });
});

describe("a channel", () => {
  test("carries frames that are larger than a message may be", async () => {
    const heard: Uint8Array[] = [];
    const events = {
      opened: () => undefined,
      died: () => undefined,
      binary: (frame: Uint8Array) => void heard.push(frame),
    };
    const peers = [lan.makePeer(), lan.makePeer()];
    const [from, to] = peers.map((peer) => new Channel(1, "call", peer, events, () => 0));
    await to?.answer((await from?.offer()) ?? "");
    await from?.answered("v=0 1");
    const frame = Uint8Array.from({ length: 3 * PIECE_BYTES }, (_, index) => index % 251);
    from?.sendBinary(frame);
    from?.sendBinary(Uint8Array.from([7]));
    expect(heard).toEqual([frame, Uint8Array.from([7])]);
    expect(lan.sent.every((one) => one.length <= PIECE_BYTES + 1)).toBe(true);
    expect((peers[0] as unknown as FakePeer).connectionState).toBe("new");
  });

  test("describes itself in few enough words, whatever networks there are", () => {
    const udp = (n: number): string => `a=candidate:${n} 1 udp 2122260223 10.0.0.${n} 5${n} typ host`;
    const tcp = "a=candidate:9 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active";
    const many = Array.from({ length: 90 }, (_, index) => udp(index));
    const short = shortened(["v=0", tcp, ...many, "a=ice-ufrag:x"].join("\r\n"));
    expect(short.length).toBeLessThanOrEqual(4096);
    expect(short).toContain(udp(0));
    expect(short).toContain("a=ice-ufrag:x");
    expect(short).not.toContain("tcptype");
  });
});
