/**
 * The steps of a slide: what appears one after the other.
 *
 * Both pages count with this code on the same Markdown, so that "next" means the same on each. A
 * slide with n groups of fragments has the steps 0 (none shown) to n (all shown).
 */

/** reveal.js's comment that gives attributes to the element it stands in or behind. */
const ELEMENT_COMMENT = /^\s*\.element:\s*(.*?)\s*$/s;
const INLINE_HOLDERS = new Set([
  "LI",
  "P",
  "TD",
  "TH",
  "DT",
  "DD",
  "H1",
  "H2",
  "H3",
  "H4",
  "H5",
  "H6",
  "BLOCKQUOTE",
  "FIGCAPTION",
]);

/** Carries `<!-- .element: class="fragment" -->` over to the elements meant. */
export function applyElementComments(root: HTMLElement): void {
  const walker = root.ownerDocument.createTreeWalker(root, NodeFilter.SHOW_COMMENT);
  const comments: Comment[] = [];
  while (walker.nextNode()) comments.push(walker.currentNode as Comment);
  for (const comment of comments) {
    const attributes = comment.data.match(ELEMENT_COMMENT)?.[1];
    const target = attributes === undefined ? null : targetOf(comment, root);
    if (attributes !== undefined && target) applyAttributes(target, attributes);
    comment.remove();
  }
}

function targetOf(comment: Comment, root: HTMLElement): Element | null {
  const parent = comment.parentElement;
  if (parent && parent !== root && INLINE_HOLDERS.has(parent.tagName)) {
    // In a loose list the comment stands in the item, behind the item's paragraph.
    return parent;
  }
  for (let node = comment.previousSibling; node; node = node.previousSibling) {
    if (node.nodeType === Node.ELEMENT_NODE) return node as Element;
  }
  return parent === root ? null : parent;
}

function applyAttributes(target: Element, text: string): void {
  for (const [, name, double, single] of text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    const value = double ?? single ?? "";
    if (name === "class") target.classList.add(...value.split(/\s+/).filter(Boolean));
    if (name === "data-fragment-index" && /^\d+$/.test(value)) target.setAttribute(name, value);
    if (name === "style") target.setAttribute(name, value);
  }
}

/**
 * Numbers the fragments 0, 1, 2, … as reveal.js does (equal indices appear together, those without
 * an index after them in reading order) and returns how many steps there are.
 */
export function numberFragments(root: ParentNode): number {
  const fragments = [...root.querySelectorAll(".fragment")];
  const groups = new Map<number, Element[]>();
  const single: Element[][] = [];
  for (const fragment of fragments) {
    const index = fragment.getAttribute("data-fragment-index");
    if (index === null || !/^\d+$/.test(index)) single.push([fragment]);
    else groups.set(Number(index), [...(groups.get(Number(index)) ?? []), fragment]);
  }
  const ordered = [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
  const all = [...ordered, ...single];
  all.forEach((group, index) => {
    for (const fragment of group) fragment.setAttribute("data-fragment-index", String(index));
  });
  return all.length;
}

export interface Place {
  slide: number;
  step: number;
}

/** The place after this one; the last place stays where it is. `stepsOf` gives a slide's steps. */
export function nextPlace(at: Place, slides: number, stepsOf: (slide: number) => number): Place {
  if (at.step < stepsOf(at.slide)) return { slide: at.slide, step: at.step + 1 };
  if (at.slide < slides - 1) return { slide: at.slide + 1, step: 0 };
  return at;
}

/** Going back shows the slide before with all its steps, as it was left. */
export function previousPlace(at: Place, stepsOf: (slide: number) => number): Place {
  if (at.step > 0) return { slide: at.slide, step: at.step - 1 };
  if (at.slide > 0) return { slide: at.slide - 1, step: stepsOf(at.slide - 1) };
  return at;
}

/** A place that exists, also when the lesson became shorter meanwhile. */
export function clampPlace(at: Place, slides: number, stepsOf: (slide: number) => number): Place {
  const slide = Math.min(Math.max(0, Math.trunc(at.slide) || 0), Math.max(0, slides - 1));
  const steps = slides > 0 ? stepsOf(slide) : 0;
  return { slide, step: Math.min(Math.max(0, Math.trunc(at.step) || 0), steps) };
}
