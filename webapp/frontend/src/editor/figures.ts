/**
 * Files that become figures of a lesson: told by their first bytes, named by their content, sent to a host.
 *
 * The API checks all of it again (webapp/media/types.py); here it is told before megabytes were sent.
 */
import type { Api } from "../core/api";
import { FirstbellError } from "../core/errors";
import { words } from "./words";

export const FIGURE_LIMIT_BYTES = 50 * 1024 * 1024;
/** What the file button offers. Phones turn their own kind of picture into JPEG when they see this. */
export const ACCEPTED =
  "image/png,image/jpeg,image/gif,image/webp,image/avif,image/svg+xml,audio/mpeg,audio/mp4,audio/ogg,audio/wav,video/mp4,video/webm,application/pdf";

/** Why this file can't be a figure, in words that say what to do. */
export class BadFigure extends FirstbellError {
  constructor(file: string, why: string) {
    super("bad_figure", `${file}: ${why}`);
  }
}

const HEAD_BYTES = 512;

export type Kind = { extension: string } | { pdf: true };

/** Throws BadFigure for what no board can show. */
export async function kindOf(file: File): Promise<Kind> {
  if (file.size === 0) throw new BadFigure(file.name, words.refused.empty);
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const text = Array.from(head, (byte) => String.fromCharCode(byte)).join("");
  if (text.startsWith("%PDF-")) return { pdf: true };
  const found = extensionOf(text, file.name);
  if (!found) throw new BadFigure(file.name, words.refused.unknown);
  if (file.size > FIGURE_LIMIT_BYTES) {
    const [size, most] = [megabytes(file.size), megabytes(FIGURE_LIMIT_BYTES)];
    throw new BadFigure(file.name, words.refused.tooLarge(size, most));
  }
  return { extension: found };
}

/** By the first bytes, each as one character. */
function extensionOf(head: string, name: string): string | null {
  if (head.startsWith("\x89PNG\r\n")) return "png";
  if (head.startsWith("\xff\xd8\xff")) return "jpg";
  if (/^GIF8[79]a/.test(head)) return "gif";
  if (/^RIFF[\s\S]{4}WEBP/.test(head)) return "webp";
  if (/^RIFF[\s\S]{4}WAVE/.test(head)) return "wav";
  if (head.startsWith("OggS")) return "ogg";
  if (head.startsWith("\x1aE\xdf\xa3") && head.slice(0, 64).includes("webm")) return "webm";
  if (head.startsWith("ID3") || /^\xff[\xe2\xe3\xf2\xf3\xfa\xfb]/.test(head)) return "mp3";
  if (head.slice(4, 8) === "ftyp") return isoMedia(head.slice(8, 12), name);
  return /^(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg)/i.test(head) ? "svg" : null;
}

function isoMedia(brand: string, name: string): string {
  if (/^avi[fs]$/.test(brand)) return "avif";
  if (/^(hei[cx]|mif1|msf1)$/.test(brand)) {
    throw new BadFigure(name, words.refused.heic);
  }
  if (brand === "qt  ") {
    throw new BadFigure(name, words.refused.quickTime);
  }
  return /^M4[AB] $/.test(brand) ? "m4a" : "mp4";
}

/** Returns where the figure is from now on. The same file twice is stored once. */
export async function uploadFigure(
  api: Api,
  file: Blob,
  extension: string,
  onProgress: (share: number) => void,
): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  const sha256 = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return api.putFigure(`${sha256}.${extension}`, file, onProgress);
}

/** The figure's Markdown; its file's name is the best guess at what it shows. */
export function figureMarkdown(name: string, url: string, page?: number): string {
  const file = name
    .replace(/\.\w{1,5}$/, "")
    .replace(/[_\s]+/g, " ")
    .replace(/([\\[\]<>`*_])/g, "\\$1")
    .trim();
  return `![${page ? words.pageOf(file, page) : file}](${url})`;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MB`;
}
