/**
 * Makes a slide's HTML harmless.
 *
 * A deck may come from anywhere. It can neither run code, nor fetch anything but this school's
 * media, nor dress up as a part of the page: only known classes and quiet styles pass, no ids, no
 * forms, no frames.
 */
import DOMPurify from "dompurify";
import { words } from "./words";

const CLASSES =
  /^(fragment|box(-[\w-]+)?|language-[\w+#-]+|fade-(out|up|down|left|right|in-then-out|in-then-semi-out)|semi-fade-out|current-visible|highlight-(red|green|blue|current-red|current-green|current-blue)|grow|shrink|strike)$/;
const STYLES = new Set([
  "color",
  "background-color",
  "text-align",
  "font-size",
  "font-weight",
  "font-style",
  "width",
  "max-width",
  "height",
  "max-height",
  "margin",
  "margin-left",
  "margin-right",
  "margin-top",
  "margin-bottom",
  "padding",
  "float",
  "display",
  "gap",
  "flex",
  "flex-direction",
  "align-items",
  "justify-content",
  "grid-template-columns",
  "border",
  "border-radius",
  "vertical-align",
  "columns",
  "column-gap",
]);
const LOCAL_MEDIA = /^\/media\/[\w./-]+$/;
const INLINE_PICTURE = /^data:image\/(png|jpe?g|gif|webp|svg\+xml)[;,]/i;
const MEDIA_ATTRIBUTES = new Set(["src", "poster"]);

const purifier = DOMPurify(window);

purifier.addHook("uponSanitizeAttribute", (element, attribute) => {
  const { attrName: name, attrValue: value } = attribute;
  if (name === "class") attribute.attrValue = keepClasses(value);
  if (name === "style") attribute.attrValue = keepStyles(value);
  if (name === "srcset") attribute.keepAttr = false;
  if (MEDIA_ATTRIBUTES.has(name)) attribute.keepAttr = isOwnMedia(value);
  if (name === "href" && !/^https?:\/\//i.test(value)) attribute.keepAttr = false;
  if (name === "src" && !attribute.keepAttr) markMissing(element, value);
});

purifier.addHook("afterSanitizeAttributes", (element) => {
  if (element.tagName === "A" && element.hasAttribute("href")) {
    element.setAttribute("target", "_blank");
    element.setAttribute("rel", "noopener noreferrer");
  }
});

export function sanitize(dirty: HTMLElement): DocumentFragment {
  return purifier.sanitize(dirty, {
    USE_PROFILES: { html: true },
    RETURN_DOM_FRAGMENT: true,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ADD_ATTR: ["data-fragment-index", "data-missing"],
    FORBID_ATTR: [
      "id",
      "name",
      "tabindex",
      "autofocus",
      "autoplay",
      "srcset",
      "background",
      "popover",
      "popovertarget",
      "slot",
    ],
    FORBID_TAGS: [
      "form",
      "input",
      "button",
      "select",
      "textarea",
      "option",
      "style",
      "dialog",
      "map",
      "area",
      "template",
      "slot",
    ],
  });
}

export function isOwnMedia(source: string): boolean {
  return LOCAL_MEDIA.test(source) && !source.includes("..") ? true : INLINE_PICTURE.test(source);
}

/** A picture that is not in this school's media is replaced by its description (deck.ts). */
function markMissing(element: Element, source: string): void {
  if (element.tagName !== "IMG") return;
  const named = element.getAttribute("alt") || source.split("/").pop() || words.aPicture;
  element.setAttribute("data-missing", named.slice(0, 200));
}

function keepClasses(value: string): string {
  return value
    .split(/\s+/)
    .filter((word) => CLASSES.test(word))
    .join(" ");
}

function keepStyles(value: string): string {
  return value
    .split(";")
    .map((part) => part.trim())
    .filter((part) => {
      const [property = "", ...rest] = part.split(":");
      return (
        STYLES.has(property.trim().toLowerCase()) &&
        !/url|expression|\\|@|var\(/i.test(rest.join(":"))
      );
    })
    .join("; ");
}
