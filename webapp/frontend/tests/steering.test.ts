import { beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { SharedClock } from "../src/live/clock";
import {
  readPlace,
  readPointer,
  readTimer,
  readZoom,
  writePlace,
  writeTimer,
  writeZoom,
} from "../src/live/show";
import { elapsed, face, isOver, lengthened, start, toggled } from "../src/live/timer";
import { figuresOf } from "../src/lesson/figures";
import {
  ariaKeys,
  chordOf,
  commandFor,
  COMMANDS,
  commandOf,
  keyName,
} from "../src/teacher/commands";
import { swipeOf } from "../src/teacher/swipe";

describe("commands", () => {
  const pressed = (key: string, more: KeyboardEventInit = {}, on: Element = document.body) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, ...more });
    on.dispatchEvent(event);
    return event;
  };

  test("each has a name and keys, and no key has two commands", () => {
    const keys = COMMANDS.flatMap((command) => [...command.keys]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(COMMANDS.map((command) => command.id)).size).toBe(COMMANDS.length);
    for (const command of COMMANDS) expect(command.label && command.keys.length).toBeTruthy();
  });

  test.each([
    ["PageDown", "next"],
    ["PageUp", "back"],
    [" ", "next"],
    ["b", "blank-black"],
    [".", "blank-black"],
    ["W", "blank-white"],
    ["F5", "fullscreen"],
    ["Escape", "put-away"],
    ["?", "help"],
  ])("key %s means %s, as clickers and habits have it", (key, command) => {
    expect(commandFor(pressed(key))).toBe(command);
  });

  test("with keys held down beside it, a key means another thing or nothing of ours", () => {
    expect(commandFor(pressed(" ", { shiftKey: true }))).toBe("back");
    expect(commandFor(pressed("z", { ctrlKey: true }))).toBe("undo");
    expect(commandFor(pressed("Z", { ctrlKey: true, shiftKey: true }))).toBe("redo");
    expect(commandFor(pressed("z", { metaKey: true }))).toBe("undo");
    for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }])
      expect(commandFor(pressed("b", more))).toBeNull();
  });

  test("what is typed in a field, and the space bar on a button, are not ours", () => {
    document.body.innerHTML =
      "<input><button></button><dialog><p></p></dialog><input type=checkbox>";
    const [input, button, paragraph, box] = document.body.querySelectorAll("input, button, p");
    expect(commandFor(pressed("b", {}, box))).toBe("blank-black");
    expect(commandFor(pressed(" ", {}, box))).toBeNull();
    expect(commandFor(pressed("b", {}, input))).toBeNull();
    expect(commandFor(pressed("b", {}, paragraph))).toBeNull();
    expect(commandFor(pressed(" ", {}, button))).toBeNull();
    expect(commandFor(pressed("PageDown", {}, button))).toBe("next");
  });

  test("single letters can be switched off, clicker keys stay", () => {
    expect(commandFor(pressed("b"), false)).toBeNull();
    expect(commandFor(pressed("PageDown"), false)).toBe("next");
    expect(commandFor(pressed("z", { ctrlKey: true }), false)).toBe("undo");
  });

  test("keys are written as on keyboards, and as screen readers want them", () => {
    expect(keyName("Ctrl+Shift+z")).toBe("Ctrl + Shift + Z");
    expect(keyName("ArrowRight")).toBe("→");
    expect(ariaKeys(commandOf("undo"))).toBe("u Control+z");
    expect(chordOf(pressed("F5", { shiftKey: true }))).toBe("Shift+F5");
  });
});

describe("a timer", () => {
  test("counts down over pauses and reloads, from what the document says", () => {
    const doc = new Y.Doc();
    writeTimer(doc, start(60_000, 1_000_000));
    let timer = readTimer(doc)!;
    expect(face(timer, 1_000_000)).toBe("1:00");
    expect(face(timer, 1_000_001)).toBe("1:00");
    expect(face(timer, 1_029_500)).toBe("0:31");
    writeTimer(doc, toggled(timer, 1_030_000));
    timer = readTimer(doc)!;
    expect(face(timer, 9_000_000)).toBe("0:30");
    timer = toggled(timer, 9_000_000);
    expect(isOver(timer, 9_029_999)).toBe(false);
    expect(isOver(timer, 9_030_000)).toBe(true);
    expect(face(timer, 9_999_000)).toBe("0:00");
  });

  test("gets more time, after its end too", () => {
    const timer = start(60_000, 0);
    expect(face(lengthened(timer, 60_000, 30_000), 30_000)).toBe("1:30");
    expect(face(lengthened(timer, 60_000, 500_000), 500_000)).toBe("1:00");
  });

  test("without a length is a stopwatch", () => {
    const watch = start(null, 0);
    expect(face(watch, 3_725_900)).toBe("1:02:05");
    expect(isOver(watch, 1e9)).toBe(false);
    expect(elapsed(watch, -500)).toBe(0); // a page whose clock is a little behind
  });

  test.each([undefined, null, 5, "x", { length: "long", since: NaN, passed: {} }])(
    "read from %j breaks nothing",
    (value) => {
      const doc = new Y.Doc();
      doc.getMap("show").set("timer", value);
      const timer = readTimer(doc);
      if (timer) expect(face(timer, 1)).toBe("0:00");
    },
  );
});

describe("the shared clock", () => {
  let wall: number;
  let clock: SharedClock;
  beforeEach(() => {
    localStorage.clear();
    wall = 1_000_000;
    clock = new SharedClock(() => wall);
  });

  test("shows the hosts' time, half of the way back added", () => {
    expect(clock.now()).toBe(1_000_000);
    clock.told(1_095_000, 40);
    expect(clock.now()).toBe(1_095_020);
    wall += 500;
    expect(clock.now()).toBe(1_095_520);
  });

  test("trusts quick answers more than slow ones", () => {
    clock.told(1_005_000, 10);
    clock.told(1_005_000, 800);
    expect(clock.now()).toBe(1_005_005);
  });

  test("follows when somebody sets this device's clock", () => {
    clock.told(1_000_000, 10);
    wall += 3_600_000;
    clock.told(1_001_000, 60);
    expect(clock.now()).toBe(1_001_030);
  });

  test("remembers the difference over a reload without hosts", () => {
    clock.told(1_095_000, 0);
    wall += 10_000;
    expect(new SharedClock(() => wall).now()).toBe(1_105_000);
  });
});

describe("zoom", () => {
  test("ends with the slide it was for, whoever turns it", () => {
    const doc = new Y.Doc();
    writePlace(doc, { slide: 2, step: 0 });
    writeZoom(doc, { slide: 2, figure: 1 });
    writePlace(doc, { slide: 2, step: 1 });
    expect(readZoom(doc)).toEqual({ slide: 2, figure: 1 });
    writePlace(doc, { slide: 3, step: 0 });
    writePlace(doc, { slide: 2, step: 0 });
    expect(readZoom(doc)).toBeNull();
    writeZoom(doc, { slide: 7, figure: 0 }); // set by a page that was a slide behind
    expect(readZoom(doc)).toBeNull();
  });

  test("counts figures in reading order, a picture within a table not twice", () => {
    document.body.innerHTML = `<div id="page"><div class="slide-body">
      <p><img alt="a"></p><table><tr><td><img alt="b"></td></tr></table><pre>c</pre></div></div>`;
    const figures = figuresOf(document.getElementById("page")!);
    expect(figures.map((figure) => figure.tagName)).toEqual(["IMG", "TABLE", "PRE"]);
  });
});

test.each([undefined, null, 1, {}, { kind: "cannon", x: 1, y: 1 }, { kind: "laser", x: "1", y: 1 }])(
  "%j is no pointer",
  (value) => expect(readPointer(value)).toBeNull(),
);

test("a swipe is quick and level", () => {
  const from = { x: 300, y: 200, at: 0 };
  expect(swipeOf(from, { x: 200, y: 210, at: 200 })).toBe("next");
  expect(swipeOf(from, { x: 400, y: 190, at: 200 })).toBe("back");
  expect(swipeOf(from, { x: 280, y: 200, at: 200 })).toBeNull(); // a tap
  expect(swipeOf(from, { x: 200, y: 300, at: 200 })).toBeNull(); // scrolling
  expect(swipeOf(from, { x: 200, y: 200, at: 2_000 })).toBeNull(); // a hesitation
});

test("an unknown place is the beginning", () => expect(readPlace(new Y.Doc()).slide).toBe(0));
