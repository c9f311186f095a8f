/**
 * One slide's Markdown to HTML that is not yet safe (sanitize.ts makes it so).
 *
 * Beyond CommonMark it reads what decks in the wild use: boxes between lines of colons, attributes
 * in braces after a picture, and lists written with `*`, whose items appear one by one (Marp's
 * convention). How a deck is cut into slides is the API's business.
 */
import MarkdownIt from "markdown-it";
import type { StateBlock, StateCore, Token } from "markdown-it";

/** By the name that a deck gives them, which may be any word. */
/**
 * Boxes that a deck names but does not title, as the Carpentries' lessons do: as hosts title them
 * (webapp/lessons/deck/kinds.py), in no page's language, since teacher and board show one slide.
 */
const BOX_TITLES = new Map(
  Object.entries({
    objectives: "Objectives",
    questions: "Questions",
    keypoints: "Key points",
    prereq: "Before you start",
    discussion: "Discussion",
  }),
);
/** Meant for who teaches, not for the class. */
const HIDDEN_BOXES = new Set(["instructor", "notes", "speaker"]);

const md = new MarkdownIt({ html: true, linkify: false, typographer: false });
md.block.ruler.before("fence", "box", box, {
  alt: ["paragraph", "reference", "blockquote", "list"],
});
md.core.ruler.after("inline", "image_attributes", imageAttributes);
md.core.ruler.after("inline", "star_lists", starLists);
const pictureRule = md.renderer.rules.image;
md.renderer.rules.image = (tokens, index, options, env, self) => {
  const token = tokens[index];
  const played = token ? playedKind(String(token.attrGet("src"))) : null;
  if (token && played) return player(played, token, self.renderInlineAsText(token.children ?? [], options, env));
  return pictureRule?.(tokens, index, options, env, self) ?? "";
};

/** The top of the tree only: where blocks begin, without what is in their lines. */
export function blocksOf(markdown: string): Token[] {
  const tokens: Token[] = [];
  md.block.parse(markdown, md, {}, tokens);
  return tokens;
}

export function renderMarkdown(markdown: string): string {
  return md.render(markdown);
}

const COLONS = /^:{3,}\s*\{?\.?([\w-]*)[^:]*:*\s*$/;

/**
 * `::: name` … `:::`. A box that is never closed ends with the slide, and a stray closing line
 * vanishes: a deck that was cut at its headings has many of both.
 */
function box(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const opening = lineAt(state, startLine).match(COLONS);
  if (!opening) return false;
  if (silent) return true;
  const name = (opening[1] ?? "").toLowerCase();
  if (name === "") {
    state.line = startLine + 1;
    return true;
  }
  const closing = closingLine(state, startLine + 1, endLine);
  if (!HIDDEN_BOXES.has(name)) openBox(state, name);
  const nesting = HIDDEN_BOXES.has(name) ? state.tokens.length : null;
  const [parent, lineMax] = [state.parentType, state.lineMax];
  state.lineMax = closing;
  state.md.block.tokenize(state, startLine + 1, closing);
  state.parentType = parent;
  state.lineMax = lineMax;
  if (nesting !== null) state.tokens.length = nesting;
  else state.push("box_close", "div", -1);
  state.line = Math.min(closing + 1, endLine);
  return true;
}

function openBox(state: StateBlock, name: string): void {
  state.push("box_open", "div", 1).attrSet("class", `box box-${name}`);
  const title = BOX_TITLES.get(name);
  if (!title) return;
  state.push("paragraph_open", "p", 1).attrSet("class", "box-title");
  const inline = state.push("inline", "", 0);
  inline.content = title;
  inline.children = [];
  state.push("paragraph_close", "p", -1);
}

function closingLine(state: StateBlock, from: number, endLine: number): number {
  let depth = 1;
  for (let line = from; line < endLine; line++) {
    const match = lineAt(state, line).match(COLONS);
    if (!match) continue;
    depth += match[1] ? 1 : -1;
    if (depth === 0) return line;
  }
  return endLine;
}

function lineAt(state: StateBlock, line: number): string {
  const start = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(start, state.eMarks[line]);
}

/** `![](tree.svg){alt='A tree' width="60%"}`: the braces belong to the picture before them. */
function imageAttributes(state: StateCore): void {
  for (const token of state.tokens) {
    const children = token.children ?? [];
    children.forEach((child, index) => {
      const after = children[index + 1];
      if (child.type !== "image" || after?.type !== "text") return;
      const braces = after.content.match(/^\{([^}]*)\}/);
      if (!braces) return;
      after.content = after.content.slice(braces[0].length);
      applyImageAttributes(child, braces[1] ?? "");
    });
  }
}

function applyImageAttributes(image: Token, text: string): void {
  for (const [, name, double, single, bare] of text.matchAll(
    /([\w-]+)=(?:"([^"]*)"|'([^']*)'|([^\s"']+))/g,
  )) {
    const value = double ?? single ?? bare ?? "";
    if (name === "width" || name === "height") image.attrSet(name, value);
    if (name !== "alt") continue;
    // The renderer writes the alternative text from a picture's children.
    const first = image.children?.[0];
    if (first) first.content = value;
    else
      image.children = [
        Object.assign(Object.create(Object.getPrototypeOf(image)) as Token, {
          ...image,
          type: "text",
          content: value,
          children: null,
        }),
      ];
  }
}

/** `![A bell](/media/…mp3)`: sound and films are written as pictures are, and played. */
function playedKind(source: string): "audio" | "video" | null {
  const extension = source.match(/\.(\w+)$/)?.[1]?.toLowerCase() ?? "";
  if (/^(mp4|webm)$/.test(extension)) return "video";
  return /^(mp3|m4a|ogg|wav)$/.test(extension) ? "audio" : null;
}

function player(kind: "audio" | "video", token: Token, description: string): string {
  const { escapeHtml } = md.utils;
  const source = escapeHtml(String(token.attrGet("src")));
  const sizes = ["width", "height"]
    .filter((name) => token.attrGet(name))
    .map((name) => ` ${name}="${escapeHtml(String(token.attrGet(name)))}"`);
  return `<${kind} controls preload="metadata" src="${source}" title="${escapeHtml(description)}"${sizes.join("")}></${kind}>`;
}

function starLists(state: StateCore): void {
  for (const token of state.tokens) {
    if (token.type === "list_item_open" && token.markup === "*")
      token.attrJoin("class", "fragment");
  }
}
