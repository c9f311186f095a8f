import ts from "typescript";
import { expect, test } from "vitest";

const components = import.meta.glob<string>("../src/{teacher,ui}/**/*.tsx", {
  eager: true,
  query: "?raw",
  import: "default",
});

/** Attributes that are read, or read out. */
const READ = /^(alt|label|placeholder|title|aria-(description|label|roledescription|valuetext))$/;

/** The same in every language: no letters, the product's name, an address. */
const IN_EVERY_LANGUAGE = /^(\P{L}*|Firstbell|\/\w+)$/u;

/** Texts that a component shows by itself, with their lines. */
function ownTexts(file: string, source: string): string[] {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const look = (text: string, at: ts.Node): void => {
    if (IN_EVERY_LANGUAGE.test(text)) return;
    const { line } = parsed.getLineAndCharacterOfPosition(at.getStart());
    found.push(`${file}:${line + 1} ${text.trim()}`);
  };
  /** What an expression comes to, so far as it is written there. */
  const lookInto = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) look(node.text, node);
    else if (ts.isTemplateExpression(node)) {
      look(node.head.text, node);
      for (const span of node.templateSpans) look(span.literal.text, span);
    } else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(lookInto);
    else if (ts.isBinaryExpression(node)) lookInto(node.right);
    else if (ts.isParenthesizedExpression(node)) lookInto(node.expression);
    else if (ts.isJsxExpression(node) && node.expression) lookInto(node.expression);
  };
  const walk = (node: ts.Node): void => {
    if (ts.isJsxText(node)) look(node.text, node);
    if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) lookInto(node);
    if (ts.isJsxAttribute(node) && READ.test(node.name.getText()) && node.initializer) {
      lookInto(node.initializer);
    }
    ts.forEachChild(node, walk);
  };
  walk(parsed);
  return found;
}

test("components have no words of their own: all that is read stands in words.ts, in each language", () => {
  expect(Object.keys(components).length).toBeGreaterThan(15);
  expect(Object.entries(components).flatMap(([file, source]) => ownTexts(file, source))).toEqual([]);
});

test("words of a component's own are found wherever they are read", () => {
  const source = `const a = <p title={b ? "Tall" : c} class="row">Text {d && "More"} {\`\${e} left\`}</p>;`;
  expect(ownTexts("a.tsx", source).map((one) => one.split(" ")[1])).toEqual([
    "Tall",
    "Text",
    "More",
    "left",
  ]);
});
