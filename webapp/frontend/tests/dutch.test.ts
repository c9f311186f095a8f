import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Language } from "../src/core/language";

const modules = import.meta.glob<{ words: unknown }>([
  "../src/**/words.ts",
  "../src/**/words/*.ts",
]);

/** What both languages call alike, beside numbers and what a name was put into. */
const ALIKE = new Set(["Account", "Open", "Pen", "Start", "Timer", "Stopwatch", "min"]);

const fresh = (language: Language): void => {
  localStorage.setItem("firstbell.language", JSON.stringify(language));
  vi.resetModules();
};

/** Each text with where it stands; functions are asked for one and for several. */
function texts(value: unknown, place: string): [string, string][] {
  if (typeof value === "string") return [[place, value]];
  if (Array.isArray(value)) return [[place, value.join("")]];
  if (typeof value === "function")
    return [1, 2].flatMap((count) =>
      texts((value as (...all: number[]) => unknown)(count, count, count), `${place}(${count})`),
    );
  return Object.entries(value as object).flatMap(([name, inner]) =>
    texts(inner, `${place}.${name}`),
  );
}

async function allTexts(language: Language): Promise<Map<string, string>> {
  fresh(language);
  const found = new Map<string, string>();
  for (const [file, fetch] of Object.entries(modules)) {
    const { words } = await fetch();
    expect(words, `${file} exports its words`).toBeTypeOf("object");
    for (const [place, text] of texts(words, file)) found.set(place, text);
  }
  return found;
}

beforeEach(() => localStorage.clear());

describe("the words of the pages", () => {
  test("each stands there in Dutch as well, in words of its own", async () => {
    const english = await allTexts("en");
    const dutch = await allTexts("nl");
    expect([...dutch.keys()]).toEqual([...english.keys()]);
    expect(english.size).toBeGreaterThan(200);
    const lacking = [...dutch].filter(([place, text]) => {
      const alike = text === english.get(place) && !ALIKE.has(text.replace(/\d/g, "").trim());
      return alike || text.trim() === "";
    });
    expect(lacking).toEqual([]);
  });

  test("dates are in it too", async () => {
    const iso = "2026-03-09T12:00:00Z";
    fresh("nl");
    expect((await import("../src/core/dates")).moment(iso)).toBe("9 maart 2026");
    fresh("en");
    expect((await import("../src/core/dates")).moment(iso)).toContain("March");
    expect((await import("../src/core/dates")).moment("rubbish")).toBe("");
  });
});

// That every code and symbol has a Dutch one is shown beside the protocol: tests/realtime/test_protocol.py.
describe("what hosts say in English", () => {
  test.each([
    ["en", "No board shows this code. Please type the six digits that the board shows now."],
    ["nl", "Geen enkel bord toont deze code. Typ de zes cijfers die nu op het bord staan."],
  ] as const)("is told in the language of the page: %s", async (language, sentence) => {
    fresh(language);
    const { refusalText } = await import("../src/live/refusals");
    expect(refusalText("pair.wrong_code", "No board shows this code.")).toBe(sentence);
    const { symbolText } = await import("../src/live/symbols");
    expect(symbolText("turtle")).toBe({ en: "turtle", nl: "schildpad" }[language]);
  });

  test("is told as the host put it where the page does not know it", async () => {
    fresh("nl");
    const { refusalText } = await import("../src/live/refusals");
    expect(refusalText("pair.new_in_2030", "Not on a Sunday.")).toBe("Not on a Sunday.");
    const { symbolText } = await import("../src/live/symbols");
    expect(symbolText("unicorn")).toBe("unicorn");
  });
});

describe("the pens", () => {
  test("have a name for each colour", async () => {
    fresh("nl");
    const { COLORS } = await import("../src/ink/outline");
    const { colorText } = await import("../src/ink/words");
    const names = Object.values(COLORS).flatMap((colors) => Object.keys(colors));
    expect(names.filter((name) => colorText(name) === name)).toEqual([]);
  });
});
