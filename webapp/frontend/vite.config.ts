/** Two pages, built to static files that any web server or CDN can serve. */
import { defineConfig } from "vitest/config";
import { serviceWorker } from "./service-worker.ts";

export default defineConfig({
  plugins: [serviceWorker()],
  build: {
    target: "es2022",
    rollupOptions: { input: { teacher: "index.html", board: "board.html" } },
    // Nothing is inlined as data: URLs, so that a strict content security policy stays possible.
    assetsInlineLimit: 0,
  },
  server: {
    // In development the pages ask the laptop cluster's edge which hosts there are.
    proxy: { "/config.json": "http://localhost:8000" },
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.ts"], testTimeout: 10_000 },
});
