/**
 * Makes any slide fit its page: smaller type, then columns, then plain scaling. Never cut.
 *
 * Expects `.slide-page > .slide-body`, with type and pictures sized in em (slide.css).
 */

/** Type smaller than this share of its usual size calls for columns. */
const COLUMNS_BELOW = 0.8;
/** Columns must make the type this much larger to be worth them. */
const COLUMNS_GAIN = 1.12;
const COLUMNS_MOST = 3;
/** Below this nothing can be read anyway: what is still too large is scaled as a picture. */
const LEAST_SCALE = 0.2;
/** Seven halvings find the size to within 1 %. */
const HALVINGS = 7;
/** Code is wrapped if its longest line forces type smaller than this. */
const WRAP_CODE_BELOW = 0.7;

export function fitSlide(page: HTMLElement): void {
  const body = page.querySelector<HTMLElement>(".slide-body");
  if (!body || page.clientHeight === 0) return;
  reset(body);
  let best = { columns: 1, scale: largestScale(page, body, 1) };
  if (best.scale < WRAP_CODE_BELOW && body.querySelector("pre")) {
    body.classList.add("wrap-code");
    best.scale = largestScale(page, body, 1);
  }
  for (let columns = 2; columns <= COLUMNS_MOST && best.scale < COLUMNS_BELOW; columns++) {
    const scale = largestScale(page, body, columns);
    if (scale > best.scale * COLUMNS_GAIN) best = { columns, scale };
  }
  apply(body, best.columns, best.scale);
  if (!fits(page, body)) shrinkAsPicture(page, body);
}

/** Calls back when a typeface has come: what was fitted before was measured in another. */
export function onTypefaces(refit: () => void): () => void {
  const { fonts } = document;
  fonts?.addEventListener("loadingdone", refit);
  return () => fonts?.removeEventListener("loadingdone", refit);
}

function reset(body: HTMLElement): void {
  body.classList.remove("wrap-code");
  body.style.transform = "";
}

function apply(body: HTMLElement, columns: number, scale: number): void {
  body.style.setProperty("--fit", scale.toFixed(4));
  body.style.columnCount = columns > 1 ? String(columns) : "";
  body.classList.toggle("in-columns", columns > 1);
}

function largestScale(page: HTMLElement, body: HTMLElement, columns: number): number {
  apply(body, columns, 1);
  if (fits(page, body)) return 1;
  let [low, high] = [LEAST_SCALE, 1];
  for (let turn = 0; turn < HALVINGS; turn++) {
    const middle = (low + high) / 2;
    apply(body, columns, middle);
    if (fits(page, body)) low = middle;
    else high = middle;
  }
  return low;
}

/** One pixel of grace, since heights are rounded. */
function fits(page: HTMLElement, body: HTMLElement): boolean {
  const room = innerSize(page);
  return body.scrollHeight <= room.height + 1 && body.scrollWidth <= room.width + 1;
}

/** From small type or from usual type, whichever leaves more: wide things don't shrink with type. */
function shrinkAsPicture(page: HTMLElement, body: HTMLElement): void {
  apply(body, 1, LEAST_SCALE);
  const small = pictureScale(page, body);
  apply(body, 1, 1);
  const usual = pictureScale(page, body);
  if (LEAST_SCALE * small > usual) apply(body, 1, LEAST_SCALE);
  body.style.transform = `scale(${LEAST_SCALE * small > usual ? small : usual})`;
}

function pictureScale(page: HTMLElement, body: HTMLElement): number {
  const room = innerSize(page);
  return Math.min(room.height / body.scrollHeight, room.width / body.scrollWidth, 1);
}

function innerSize(page: HTMLElement): { width: number; height: number } {
  const style = getComputedStyle(page);
  return {
    width: page.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
    height: page.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom),
  };
}
