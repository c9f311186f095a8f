/** Where slides begin in a text that is being written: as the API has it, for what the preview shows. */
import { expect, test } from "vitest";
import { pieceAt, piecesOf } from "../src/editor/slides";

const shown = (text: string): string[] =>
  piecesOf(text).pieces.map((piece) => piece.markdown.trim());

test("lines of dashes part slides, but not within code, and not below a line of text", () => {
  expect(shown("# A\n\n---\n\n```\n---\n```\n\n----\n\nHeading\n---\n\ntext")).toEqual([
    "# A",
    "```\n---\n```",
    "Heading\n---\n\ntext",
  ]);
});

test("without lines of dashes headings begin sections", () => {
  const text = "lead\n\n# A\n\n## B\ntext\n\n#### no\n\n### C";
  expect(shown(text)).toEqual(["lead", "# A", "## B\ntext\n\n#### no", "### C"]);
  expect(piecesOf(text).chosen).toBe(false);
});

test("front matter is no slide, but a first line of dashes is one's own", () => {
  expect(shown("---\ntitle: Tides\nmarp: true\n---\n\n# A\n\n---\n\n# B")).toEqual(["# A", "# B"]);
  expect(shown("---\n\n# A\n\n---\n\n# B")).toEqual(["# A", "# B"]);
});

test("notes are not shown to the class", () => {
  expect(shown("# A\n\nNote: ask who\n\nmore for me\n\n---\n\n# B")).toEqual(["# A", "# B"]);
});

test("the cursor is in the slide above it; on a line of dashes in the one that it ends", () => {
  const { pieces } = piecesOf("# A\n\n---\n\n# B\n\n---\n\n# C");
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map((line) => pieceAt(pieces, line))).toEqual([
    0, 0, 0, 1, 1, 1, 1, 2, 2,
  ]);
  expect(pieceAt([], 0)).toBe(-1);
});

test("the largest lesson there may be is cut within this test's time", () => {
  const text = "## Slide\n\n* one\n* two\n\n---\n\n".repeat(38_000);
  expect(piecesOf(text).pieces.length).toBe(38_000);
});
