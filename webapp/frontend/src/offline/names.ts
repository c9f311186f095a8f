/** What the pages and their service worker must agree on. */

/** The cache of lessons' figures, by their path alone: names are content hashes, alike on all hosts. */
export const FIGURES_CACHE = "firstbell-figures";
export const FIGURE_PATH = /^\/media\/[0-9a-f]{2}\/[0-9a-f]{64}\.[a-z0-9]{1,8}$/;

/** From a page to a waiting worker: "I was made by your build": see worker.ts. */
export interface TakeOver {
  type: "take-over";
  /** Path of the page's own script, whose name is its content. */
  script: string;
}
