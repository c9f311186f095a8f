import { describe, expect, test } from "vitest";
import { Deck, labelOf, renderSlide } from "../src/lesson/deck";
import { clampPlace, nextPlace, previousPlace } from "../src/lesson/steps";
import type { Slide } from "../src/core/types";

function dom(markdown: string): HTMLElement {
  const holder = document.createElement("div");
  holder.innerHTML = renderSlide(markdown).html;
  return holder;
}

function steps(markdown: string): string[] {
  const shown = [...dom(markdown).querySelectorAll(".fragment")];
  return shown.map(
    (item) => `${item.getAttribute("data-fragment-index")}:${item.textContent?.trim()}`,
  );
}

describe("the steps of a slide", () => {
  test("are the items of lists written with a star", () => {
    expect(renderSlide("# T\n\n* one\n* two\n* three").steps).toBe(3);
    expect(renderSlide("- one\n- two\n\n1. three\n\n+ four").steps).toBe(0);
    expect(steps("* one\n* two")).toEqual(["0:one", "1:two"]);
  });

  test("include nested items and loose lists", () => {
    expect(renderSlide("* one\n  * inner\n\n* two").steps).toBe(3);
    expect(renderSlide("- one\n  * inner").steps).toBe(1);
  });

  test("follow reveal.js's comments", () => {
    expect(steps('A line <!-- .element: class="fragment" -->\n\nAnother')).toEqual(["0:A line"]);
    expect(steps('- one <!-- .element: class="fragment" -->\n- two')).toEqual(["0:one"]);
    expect(steps('Text\n\n![](x.png)\n\n<!-- .element: class="fragment" -->')).toHaveLength(1);
    expect(renderSlide("Text <!-- just a remark -->").steps).toBe(0);
  });

  test("are numbered as reveal.js does: by index, equal ones together, the others after them", () => {
    const item = (text: string, index: number): string =>
      `${text} <!-- .element: class="fragment" data-fragment-index="${index}" -->\n\n`;
    const markdown = `${item("c", 9)}${item("a", 2)}${item("b", 2)}* d`;
    expect(steps(markdown)).toEqual(["1:c", "0:a", "0:b", "2:d"]);
    expect(renderSlide(markdown).steps).toBe(3);
  });

  test("are also those of HTML in the deck", () => {
    expect(renderSlide('<p class="fragment">x</p>').steps).toBe(1);
  });
});

describe("next and back", () => {
  const counts = [2, 0, 1];
  const stepsOf = (slide: number): number => counts[slide] ?? 0;

  test("walk through every step of every slide, and stop at both ends", () => {
    const walk: string[] = [];
    let at = { slide: 0, step: 0 };
    for (let i = 0; i < 7; i++) {
      walk.push(`${at.slide}.${at.step}`);
      at = nextPlace(at, 3, stepsOf);
    }
    expect(walk).toEqual(["0.0", "0.1", "0.2", "1.0", "2.0", "2.1", "2.1"]);
    const back: string[] = [];
    for (let i = 0; i < 6; i++) {
      at = previousPlace(at, stepsOf);
      back.push(`${at.slide}.${at.step}`);
    }
    expect(back).toEqual(["2.0", "1.0", "0.2", "0.1", "0.0", "0.0"]);
  });

  test("a place that no longer exists becomes the nearest one that does", () => {
    expect(clampPlace({ slide: 99, step: 9 }, 3, stepsOf)).toEqual({ slide: 2, step: 1 });
    expect(clampPlace({ slide: -1, step: NaN }, 3, stepsOf)).toEqual({ slide: 0, step: 0 });
    expect(clampPlace({ slide: 5, step: 5 }, 0, stepsOf)).toEqual({ slide: 0, step: 0 });
  });
});

describe("a slide's HTML is harmless", () => {
  test.each([
    "<script>alert(1)</script>",
    '<img src="/media/ab/x.png" onerror="alert(1)">',
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "<iframe src=https://example.org></iframe>",
    "<svg><script>alert(1)</script></svg>",
    "<style>body{display:none}</style>",
    '<form action="https://example.org"><input name=q><button>x</button></form>',
    '<div style="background:url(https://example.org/x)">x</div>',
    '<div style="position:fixed;inset:0">x</div>',
    '<meta http-equiv="refresh" content="0;url=https://example.org">',
    '<link rel="stylesheet" href="https://example.org/x.css">',
    '<base href="https://example.org/">',
    '<!-- .element: onclick="alert(1)" class="fragment" -->',
    '<p id="app" data-testid="error" class="dialog">x</p>',
    '<video src="https://example.org/x.mp4" autoplay></video>',
    '<img srcset="https://example.org/x.png 2x" src="/media/../api/v1/session">',
  ])("%s", (markdown) => {
    const html = renderSlide(`Text\n\n${markdown}\n\nMore`).html;
    expect(html).not.toMatch(
      /<(script|iframe|style|form|input|button|meta|link|base|svg)|onerror|onclick|"javascript:|position|url\(|src="https|srcset|autoplay|data-testid|id=|class="dialog|\.\./i,
    );
    expect(html).toContain("More");
  });

  test("keeps what decks use", () => {
    const kept = dom('<span style="color: red; text-align:center">x</span>').querySelector("span");
    expect(kept?.style.color).toBe("red");
    expect(dom("![A bell](/media/ab/cd.svg)").querySelector("img")?.getAttribute("src")).toBe(
      "/media/ab/cd.svg",
    );
    const link = dom("[x](https://example.org/)").querySelector("a");
    expect([link?.getAttribute("target"), link?.getAttribute("rel")]).toEqual([
      "_blank",
      "noopener noreferrer",
    ]);
    expect(dom("```python\nx\n```").querySelector("code")?.className).toBe("language-python");
    expect(dom("|a|b|\n|-|-|\n|1|2|").querySelectorAll("td")).toHaveLength(2);
  });

  test("a picture that is not in the school's media is replaced by its description", () => {
    for (const source of ["https://example.org/x.png", "fig/x.png", "//example.org/x.png"]) {
      const holder = dom(`![A tall tree](${source})`);
      expect(holder.querySelector("img")).toBeNull();
      expect(holder.querySelector(".missing")?.textContent).toContain("A tall tree");
    }
  });
});

describe("what decks in the wild write", () => {
  test("boxes between colons, nested and badly closed", () => {
    const holder = dom(
      "::: challenge\n\n## Try\n\n:::: solution\n\nIt is 4\n\n::::\n\n:::\n\nAfter\n\n:::",
    );
    expect(holder.querySelector(".box-challenge .box-solution")?.textContent).toContain("It is 4");
    expect(holder.lastElementChild?.textContent).toBe("After");
    expect(holder.textContent).not.toContain(":::");
    expect(dom("::: callout\n\nnever closed").querySelector(".box-callout")?.textContent).toContain(
      "never closed",
    );
    expect(dom("::: instructor\n\nnot for the class\n\n:::\n\nText").textContent?.trim()).toBe(
      "Text",
    );
    expect(dom("::: keypoints\n\n- a\n\n:::").querySelector(".box-title")?.textContent).toBe(
      "Key points",
    );
  });

  test("a box may be called as anything that all objects have", () => {
    const holder = dom("::: constructor\n\nHouses\n\n:::");
    expect(holder.querySelector(".box")?.textContent?.trim()).toBe("Houses");
  });

  test("attributes behind a picture", () => {
    const picture = dom(
      '![](/media/ab/x.svg){alt=\'The "root" of a tree\' width="60%"}',
    ).querySelector("img");
    expect(picture?.alt).toBe('The "root" of a tree');
    expect(picture?.getAttribute("width")).toBe("60%");
  });

  test("counters behind titles, and boxes written as quotes", () => {
    expect(dom("## Files (2/5)\n\nText").querySelector(".counter")?.textContent).toBe("2/5");
    expect(dom("> **Mind**\n>\n> the gap").querySelector("blockquote")?.className).toBe("box");
    expect(dom("> **Mind** (continued)\n>\n> the gap").querySelector("blockquote")?.className).toBe(
      "box",
    );
    expect(dom("> **To be** or not to be").querySelector("blockquote")?.className).toBe("");
  });

  test("labels for the list of slides", () => {
    const slide = (title: string, markdown: string): Slide => ({ title, markdown, notes: "" });
    expect(labelOf(slide("Files (1/3)", ""))).toEqual({ text: "Files", continues: false });
    expect(
      labelOf(slide("Files (2/3)", "## Files (2/3)\n\n```sh\n```\n\n- The **root** [of](x) it")),
    ).toEqual({
      text: "The root of it",
      continues: true,
    });
    expect(labelOf(slide("", ""))).toEqual({ text: "Untitled", continues: false });
  });

  test("title slides", () => {
    expect(renderSlide("# Sound\n\nA tour").isTitle).toBe(true);
    expect(renderSlide("# Sound\n\n- a").isTitle).toBe(false);
  });
});

test("a deck renders each slide once, and beyond its end nothing", () => {
  const deck = new Deck([{ title: "a", markdown: "* x", notes: "" }]);
  expect(deck.slide(0)).toBe(deck.slide(0));
  expect(deck.stepsOf(0)).toBe(1);
  expect(deck.slide(5)).toEqual({ html: "", steps: 0, isTitle: false });
});

test("sound and films are written as pictures are, and get controls", () => {
  const name = "/media/ab/" + "ab".repeat(32);
  const { html } = renderSlide(`![A "bell"](${name}.mp3)\n\n![Waves](${name}.mp4)\n\n![t](${name}.png)`);
  const holder = document.createElement("div");
  holder.innerHTML = html;
  const [sound, film] = [holder.querySelector("audio"), holder.querySelector("video")];
  expect(sound?.getAttribute("title")).toBe('A "bell"');
  expect(sound?.getAttribute("src")).toBe(`${name}.mp3`);
  expect(film?.hasAttribute("controls")).toBe(true);
  expect(film?.hasAttribute("autoplay")).toBe(false);
  expect(holder.querySelectorAll("img").length).toBe(1);
});
