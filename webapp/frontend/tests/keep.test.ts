/** The document on this device, with a real (in-memory) IndexedDB. */
import "fake-indexeddb/auto";
import { afterEach, expect, test } from "vitest";
import * as Y from "yjs";
import { keepDocument } from "../src/live/keep";
import { documentName, forgetDocument } from "../src/live/kept";
import { readPlace, writePlace } from "../src/live/show";
import type { Role } from "../src/live/protocol";

let open: Y.Doc[] = [];
let session = "";
let count = 0;

async function load(who: Role = "teacher", which = session): Promise<Y.Doc> {
  const doc = new Y.Doc();
  open.push(doc);
  await keepDocument(doc, which, who);
  return doc;
}

async function close(doc: Y.Doc): Promise<void> {
  doc.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
}

async function rows(): Promise<number> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(documentName(session, "teacher"));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("not opened"));
  });
  const counted = await new Promise<number>((resolve) => {
    const request = db.transaction("updates").objectStore("updates").count();
    request.onsuccess = () => resolve(request.result);
  });
  db.close();
  return counted;
}

afterEach(() => {
  open.forEach((doc) => doc.destroy());
  open = [];
});

const newSession = (): void => void (session = `session-${(count += 1)}`);

test("a reload starts where it ended", async () => {
  newSession();
  const doc = await load();
  writePlace(doc, { slide: 4, step: 1 });
  await close(doc);
  expect(readPlace(await load())).toEqual({ slide: 4, step: 1 });
});

test("what was drawn before the store was open is kept too", async () => {
  newSession();
  const doc = new Y.Doc();
  const loaded = keepDocument(doc, session, "teacher");
  writePlace(doc, { slide: 2, step: 0 });
  await loaded;
  await close(doc);
  expect(readPlace(await load()).slide).toBe(2);
});

test("each change is written by itself, and not the whole document with it", async () => {
  newSession();
  const doc = await load();
  const before = await rows();
  for (let slide = 0; slide < 10; slide++) writePlace(doc, { slide, step: 0 });
  await close(doc);
  expect(await rows()).toBe(before + 10);
});

test("two sessions, and teacher and board of one browser, are not mixed up", async () => {
  newSession();
  writePlace(await load(), { slide: 4, step: 1 });
  expect(readPlace(await load("board")).slide).toBe(0);
  expect(readPlace(await load("teacher", "another")).slide).toBe(0);
});

test("two tabs keep what each of them drew", async () => {
  newSession();
  const [one, other] = [await load(), await load()];
  one.getMap("ink").set("a", 1);
  other.getMap("ink").set("b", 2);
  await close(one);
  await close(other);
  expect((await load()).getMap("ink").toJSON()).toEqual({ a: 1, b: 2 });
});

test("what is forgotten is gone, and a tab that still shows it goes on without keeping", async () => {
  newSession();
  const doc = await load();
  writePlace(doc, { slide: 4, step: 1 });
  forgetDocument(session, "teacher");
  await new Promise((resolve) => setTimeout(resolve, 50));
  writePlace(doc, { slide: 5, step: 0 });
  expect(readPlace(doc).slide).toBe(5);
  await close(doc);
  expect(readPlace(await load()).slide).toBe(0);
});
