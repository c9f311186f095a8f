/** Ticks from a worker: browsers slow down the timers of hidden pages, but not those of workers. */
const TICK_MS = 1_000;
setInterval(() => postMessage(null), TICK_MS);
