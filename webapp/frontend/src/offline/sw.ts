/**
 * The service worker: the pages start without any server.
 *
 * It keeps the built shell and the figures of lessons, both named by their content. Pages themselves
 * come from the network whenever it answers, so no worker can pin an old release. It never sees what
 * the API says: answers belong to whoever asked, and lesson/cache.ts keeps the lessons.
 */
import { clientsClaim } from "workbox-core";
import { ExpirationPlugin } from "workbox-expiration";
import { matchPrecache, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";
import { RangeRequestsPlugin } from "workbox-range-requests";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { CacheFirst, NetworkFirst } from "workbox-strategies";
import { FIGURE_PATH, FIGURES_CACHE, type TakeOver } from "./names";

declare const self: ServiceWorkerGlobalScope & typeof globalThis;
/** Put in by service-worker.ts: all files of this build that pages need, pages among them. */
declare const __SHELL__: PrecacheEntry[];
const shell = __SHELL__;

/** A page that the network has not brought by then comes from this device. */
const PAGE_WAIT_SECONDS = 3;
/** What nobody asked for so long is forgotten. */
const KEPT_SECONDS = 60 * 24 * 3600;

const pageOf = (url: string): string =>
  /^\/board(\.html)?(\/|$)/.test(new URL(url).pathname) ? "/board.html" : "/index.html";

// Before the shell's own route: pages are asked for, whatever is kept of them.
registerRoute(
  new NavigationRoute(
    new NetworkFirst({
      networkTimeoutSeconds: PAGE_WAIT_SECONDS,
      plugins: [
        {
          // A CDN without its origin answers too, but an error is no page.
          fetchDidSucceed: async ({ response }) => {
            if (response.ok || response.type === "opaqueredirect") return response;
            throw new Error(`the pages' server answered ${response.status}`);
          },
          // The shell has each page already, with all that belongs to it.
          cacheWillUpdate: async () => null,
          cachedResponseWillBeUsed: async ({ request }) => matchPrecache(pageOf(request.url)),
        },
      ],
    }),
  ),
);

precacheAndRoute(shell, { directoryIndex: "", cleanURLs: false });

// What the shell leaves out: typefaces of other scripts, once a lesson has needed them.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname.startsWith("/assets/"),
  new CacheFirst({
    cacheName: "firstbell-assets",
    plugins: [new ExpirationPlugin({ maxEntries: 200, maxAgeSeconds: KEPT_SECONDS })],
  }),
);

registerRoute(
  ({ url }) => FIGURE_PATH.test(url.pathname),
  new CacheFirst({
    cacheName: FIGURES_CACHE,
    plugins: [
      {
        cacheKeyWillBeUsed: async ({ request }) =>
          new Request(new URL(request.url).pathname, { headers: request.headers }),
        // <img> asks in a way that hides the answer from scripts; kept, such answers count for megabytes each.
        requestWillFetch: async ({ request }) =>
          new Request(request.url, {
            headers: request.headers,
            mode: "cors",
            credentials: "omit",
            signal: request.signal,
          }),
      },
      new RangeRequestsPlugin(),
      new ExpirationPlugin({
        maxEntries: 2_000,
        maxAgeSeconds: KEPT_SECONDS,
        purgeOnQuotaError: true,
      }),
    ],
  }),
);

self.addEventListener("message", (event) => {
  const message = event.data as Partial<TakeOver> | null;
  if (message?.type !== "take-over") return;
  if (shell.some(({ url }) => url === message.script)) void self.skipWaiting();
});
clientsClaim();
