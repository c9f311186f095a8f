/**
 * The pages of a PDF as pictures, drawn on this device by pdf.js in a worker of its own.
 *
 * The "legacy" build, since school laptops have browsers of some years. What pdf.js fetches while it
 * draws (decoders, the fonts that every PDF may take for granted) comes from our own origin. Left out:
 * tables for Chinese, Japanese and Korean PDFs that hold no fonts.
 */
import * as pdfjs from "pdfjs-dist/legacy/build/pdf.mjs";
import workerUrl from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?url";
import jbig2Url from "pdfjs-dist/wasm/jbig2.wasm?url";
import openjpegUrl from "pdfjs-dist/wasm/openjpeg.wasm?url";
import { BadFigure } from "./figures";
import { words } from "./words";

export const PAGES_MOST = 200;
/** A page fills a 4K board's height; more is not seen. */
const HEIGHT = 1600;
const WIDTH_MOST = 2560;

const fonts = import.meta.glob<string>("/node_modules/pdfjs-dist/standard_fonts/*.{pfb,ttf}", {
  query: "?url",
  import: "default",
  eager: true,
});
const ADDRESSES: Record<string, string> = {
  "jbig2.wasm": jbig2Url,
  "openjpeg.wasm": openjpegUrl,
  ...Object.fromEntries(
    Object.entries(fonts).map(([path, url]) => [path.split("/").pop() ?? path, url]),
  ),
};

pdfjs.GlobalWorkerOptions.workerSrc = workerUrl;

/** Files are named by their content in a build, so pdf.js can't tell their addresses. */
class Files {
  async fetch({ filename }: { filename: string }): Promise<Uint8Array> {
    const address = ADDRESSES[filename];
    const answer = address ? await fetch(address) : null;
    if (!answer?.ok) throw new Error(`${filename} is not there`);
    return new Uint8Array(await answer.arrayBuffer());
  }
}

export interface PdfPage {
  page: number;
  pages: number;
  picture: Blob;
}

/** Throws BadFigure for a file that can't be read; pages are drawn as they are asked for. */
export async function* pagesOf(file: File): AsyncGenerator<PdfPage> {
  const task = pdfjs.getDocument({
    data: new Uint8Array(await file.arrayBuffer()),
    BinaryDataFactory: Files,
    useWorkerFetch: false,
    // Anything true makes it ask the class above.
    standardFontDataUrl: "fonts/",
    wasmUrl: "wasm/",
    enableXfa: false,
    stopAtErrors: false,
  });
  try {
    const pdf = await opened(task, file.name);
    for (let page = 1; page <= pdf.numPages; page++) {
      yield { page, pages: pdf.numPages, picture: await draw(await pdf.getPage(page)) };
    }
  } finally {
    await task.destroy();
  }
}

async function opened(
  task: pdfjs.PDFDocumentLoadingTask,
  name: string,
): Promise<pdfjs.PDFDocumentProxy> {
  let pdf: pdfjs.PDFDocumentProxy;
  try {
    pdf = await task.promise;
  } catch (problem) {
    const locked = (problem as Error | null)?.name === "PasswordException";
    throw new BadFigure(name, locked ? words.refused.lockedPdf : words.refused.brokenPdf);
  }
  if (pdf.numPages > PAGES_MOST) {
    throw new BadFigure(name, words.refused.longPdf(pdf.numPages, PAGES_MOST));
  }
  return pdf;
}

async function draw(page: pdfjs.PDFPageProxy): Promise<Blob> {
  const usual = page.getViewport({ scale: 1 });
  const scale = Math.min(HEIGHT / usual.height, WIDTH_MOST / usual.width);
  const viewport = page.getViewport({ scale });
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(viewport.width);
  canvas.height = Math.ceil(viewport.height);
  await page.render({ canvas, viewport, background: "#ffffff" }).promise;
  page.cleanup();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png");
  });
}
