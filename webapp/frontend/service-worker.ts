/**
 * The build's last step: sw.js, which knows all files of this build that pages need.
 *
 * Pages carry their checksum, so that an older page, which a CDN may still hand out, never passes for one of
 * this build; all else is named by its content.
 */
import { toBase64 } from "lib0/buffer";
import { digest } from "lib0/hash/sha256";
import { build, type Plugin } from "vite";

/** Typefaces of other scripts, and what takes PDFs apart: kept once they have been needed. */
const RARE = /-(cyrillic|greek|vietnamese)|\/pdf[.-]|\.(wasm|pfb|ttf)$/;

export function serviceWorker(): Plugin {
  const shell: { url: string; revision: string | null; integrity?: string }[] = [];
  let outDir = "";
  return {
    name: "service-worker",
    apply: "build",
    configResolved: (config) => {
      outDir = config.build.outDir;
    },
    writeBundle: (_, bundle) => {
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "asset" && name.endsWith(".html")) {
          const { source } = file;
          const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
          const sum = toBase64(digest(bytes));
          shell.push({ url: `/${name}`, revision: sum, integrity: `sha256-${sum}` });
        } else if (!RARE.test(name)) {
          shell.push({ url: `/${name}`, revision: null });
        }
      }
    },
    closeBundle: async () => {
      await build({
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        define: {
          __SHELL__: JSON.stringify(shell),
          "process.env.NODE_ENV": JSON.stringify("production"),
        },
        build: {
          target: "es2022",
          outDir,
          emptyOutDir: false,
          rollupOptions: {
            input: "src/offline/sw.ts",
            output: { format: "iife", entryFileNames: "sw.js" },
          },
        },
      });
    },
  };
}
