import { expect, test } from "vitest";
import { figurePaths } from "../src/offline/figures";

const figure = (letter: string): string => `/media/${letter}${letter}/${letter.repeat(64)}.svg`;

test("every figure of a lesson is named once, in the order of its slides", () => {
  const slide = (markdown: string) => ({ title: "", markdown, notes: "" });
  const slides = [
    slide(`![water](${figure("b")}) and ![again](${figure("b")} "title")`),
    slide(`<img src="${figure("a")}">`),
    slide("![elsewhere](https://example.org/media/x.png) ![gone](/media/short.png)"),
  ];
  expect(figurePaths(slides as never)).toEqual([figure("b"), figure("a")]);
});
