/**
 * Which slide of a Markdown text the cursor is in: for the preview, on this device, at each keystroke.
 *
 * The API decides what the slides of a saved lesson are. This knows its rules for where a slide begins
 * (a line of dashes; without any, headings), not how it divides what is too long for one slide.
 */
import { blocksOf } from "../lesson/markdown";

export interface Piece {
  /** Lines from 0; `to` is not part of it. */
  from: number;
  to: number;
  markdown: string;
}

export interface Pieces {
  pieces: Piece[];
  /** The writer chose the slides by lines of dashes; else pieces are sections, which may fill several. */
  chosen: boolean;
}

const FRONT_MATTER = /^---[ \t]*\n([\s\S]{0,65536}?)\n?---[ \t]*(?:\n|$)/;
const NOTE = /^notes?:(?=\s|$)/i;

export function piecesOf(text: string): Pieces {
  const lines = text.split("\n");
  const skipped = frontMatterLines(text);
  const blocks = blocksOf(lines.slice(skipped).join("\n")).filter(
    (token) => token.level === 0 && token.nesting >= 0 && token.map,
  );
  const lineOf = (token: (typeof blocks)[number]): number => (token.map?.[0] ?? 0) + skipped;
  const breaks = blocks.filter((token) => token.type === "hr" && token.markup.startsWith("-"));
  const chosen = breaks.length > 0;
  const starts = chosen
    ? breaks.map((token) => lineOf(token) + 1)
    : blocks
        .filter((token) => token.type === "heading_open" && /^h[123]$/.test(token.tag))
        .map(lineOf);
  const bounds = [skipped, ...starts, lines.length + (chosen ? 1 : 0)];
  const notes = blocks.filter(
    (token) => token.type === "paragraph_open" && NOTE.test(lines[lineOf(token)] ?? ""),
  );
  const pieces = bounds.slice(1).map((bound, index) => {
    const from = bounds[index] ?? 0;
    // The line of dashes itself belongs to no slide.
    const to = chosen ? bound - 1 : bound;
    const note = notes.map(lineOf).find((line) => line >= from && line < to) ?? to;
    return { from, to, markdown: lines.slice(from, note).join("\n") };
  });
  const shown = pieces.filter((piece) => piece.markdown.trim() !== "");
  return { pieces: shown, chosen };
}

/** The piece that this line belongs to, or the one before it; -1 if there is none. */
export function pieceAt(pieces: readonly Piece[], line: number): number {
  let found = pieces.length > 0 ? 0 : -1;
  pieces.forEach((piece, index) => {
    if (piece.from <= line) found = index;
  });
  return found;
}

function frontMatterLines(text: string): number {
  const found = text.match(FRONT_MATTER);
  const lines = (found?.[1] ?? "").split("\n").filter((line) => line.trim() !== "");
  // `---` may as well be the first slide's line, and `#` its heading: what names nothing is no matter.
  const first = lines.find((line) => !line.startsWith("#"));
  if (!found || (lines.length > 0 && !/^[\w"'-]+\s*:/.test(first ?? ""))) return 0;
  return found[0].replace(/\n$/, "").split("\n").length;
}
