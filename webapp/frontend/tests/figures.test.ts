// @vitest-environment node
/** Files that become figures: told by their bytes, refused in words that help. */
import { expect, test } from "vitest";
import { BadFigure, figureMarkdown, kindOf } from "../src/editor/figures";

const file = (head: string, name = "a.bin"): File =>
  new File([Uint8Array.from(head, (letter) => letter.charCodeAt(0))], name);

test.each([
  ["\x89PNG\r\n\x1a\n", "png"],
  ["\xff\xd8\xff\xe0", "jpg"],
  ["GIF89a", "gif"],
  ["RIFF\0\0\0\0WEBPVP8 ", "webp"],
  ["RIFF\0\0\0\0WAVEfmt ", "wav"],
  ["\0\0\0\x1cftypavif", "avif"],
  ["\0\0\0\x20ftypisom", "mp4"],
  ["\0\0\0\x20ftypM4A ", "m4a"],
  ["\x1aE\xdf\xa3\x9fB\x82\x84webm", "webm"],
  ["ID3\x04", "mp3"],
  ["\xff\xfb\x90", "mp3"],
  ["OggS", "ogg"],
  ["\xef\xbb\xbf<?xml version='1.0'?><svg/>", "svg"],
])("the kind of %j is %s, whatever its name", async (head, extension) => {
  expect(await kindOf(file(head))).toEqual({ extension });
});

test("a PDF is taken apart", async () => {
  expect(await kindOf(file("%PDF-1.7"))).toEqual({ pdf: true });
});

test.each([
  ["", "photo.png", "photo.png: it is empty"],
  ["PK\x03\x04", "talk.pptx", "talk.pptx: this kind of file can’t be shown"],
  ["\0\0\0\x18ftypheic", "IMG_1.HEIC", "Save it as JPEG"],
  ["\0\0\0\x14ftypqt  ", "clip.mov", "Save it as MP4"],
  ["\x1aE\xdf\xa3\x9fB\x82\x88matroska", "film.mkv", "can’t be shown"],
  ["<html>", "page.html", "can’t be shown"],
])("%j (%s) is refused: %s", async (head, name, words) => {
  await expect(kindOf(file(head, name))).rejects.toThrow(BadFigure);
  await expect(kindOf(file(head, name))).rejects.toThrow(words);
});

test("a file's name describes it, and can't end the description", () => {
  expect(figureMarkdown("low_tide ](x).png", "/media/a.png")).toBe(
    "![low tide \\](x)](/media/a.png)",
  );
  expect(figureMarkdown("scan.pdf", "/media/a.png", 2)).toBe("![scan, page 2](/media/a.png)");
});
