// What people read stands in each folder's words, not in components; dutch.test.ts compares the two languages.
import ts from "typescript";
import { afterEach, expect, test, vi } from "vitest";

const components = import.meta.glob<string>("../src/*/*.tsx", {
  query: "?raw",
  import: "default",
  eager: true,
});
const folders = Object.keys(import.meta.glob(["../src/*/words.ts", "../src/*/words/*.ts"])).map(
  (path) => path.replace(/words.*/, ""),
);
const READ_ALOUD = new Set(["aria-label", "title", "placeholder", "alt", "label", "word"]);
const WORD = /\p{L}{2,}/u;
/** A name, an address. */
const NO_WORD = /^(Firstbell|\/\w+)$/;

const speaking = Object.keys(components).filter((path) =>
  folders.some((folder) => path.startsWith(folder)),
);

test.each(speaking)("%s holds no words of its own", (path) => {
  expect(wordsIn(components[path] ?? "")).toEqual([]);
});

/** The texts that a component says in its markup and in what is read aloud. */
function wordsIn(source: string): string[] {
  const { Latest } = ts.ScriptTarget;
  const file = ts.createSourceFile("part.tsx", source, Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const say = (text: string): void => {
    if (WORD.test(text) && !NO_WORD.test(text)) found.push(text.trim());
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) say(node.text);
    else if (ts.isStringLiteralLike(node) && isSaid(node)) say(node.text);
    else if (ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      if (isSaid(node)) say(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Whether this string comes out as text, and not as an argument, another attribute or what is compared. */
function isSaid(node: ts.Node): boolean {
  for (let at = node; at.parent; at = at.parent) {
    const { parent } = at;
    if (ts.isJsxAttribute(parent)) return READ_ALOUD.has(parent.name.getText());
    if (ts.isJsxExpression(parent) && !ts.isJsxAttribute(parent.parent)) return true;
    if (ts.isCallExpression(parent) || ts.isArrowFunction(parent)) return false;
    if (ts.isConditionalExpression(parent) && at === parent.condition) return false;
    if (ts.isBinaryExpression(parent) && /[=<>]/.test(parent.operatorToken.getText())) return false;
  }
  return false;
}

test("they are found wherever a component says them", () => {
  const said = wordsIn(
    `const a = <p title={b ? "Tall" : c} class="row">Text {d === "no" && "More"} {\`\${e} left\`}</p>;`,
  );
  expect(said).toEqual(["Tall", "Text", "More", "left"]);
});

afterEach(() => {
  localStorage.clear();
  vi.resetModules();
});

test("what Firstbell says of a slide is in the page's language, what stands on it is the same on all", async () => {
  localStorage.setItem("firstbell.language", '"nl"');
  vi.resetModules();
  const { renderSlide } = await import("../src/lesson/deck");
  const { html } = renderSlide("::: keypoints\n\n![A bell](https://elsewhere.example/bell.png)\n\n:::");
  expect(html).toContain("Key points");
  expect(html).toContain("Afbeelding: A bell");
});
