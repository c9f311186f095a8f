import { describe, expect, it } from "vitest";
import { choice, inLanguage, isLanguage } from "../src/core/language";

describe("the language of the pages", () => {
  it("is what was chosen on this device", () => {
    expect(choice("nl", ["en-GB"])).toBe("nl");
  });

  it("is else the first of the browser's that we speak", () => {
    expect(choice(null, ["fr-FR", "nl-BE", "en"])).toBe("nl");
  });

  it("is English for who speaks neither, and where rubbish was kept", () => {
    expect(choice(null, ["fr"])).toBe("en");
    expect(choice({ language: "nl" }, [])).toBe("en");
    expect(choice("toString", [])).toBe("en");
  });

  it("has no other names than its own", () => {
    expect(["en", "nl", "NL", "constructor", 3].filter(isLanguage)).toEqual(["en", "nl"]);
  });

  it("gives the words of a page in it", () => {
    expect(inLanguage({ en: { next: "Next" }, nl: { next: "Volgende" } })).toEqual({ next: "Next" });
  });
});
