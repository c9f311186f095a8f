/**
 * Where a slide's pictures come from: the chosen host, and another one when that fails.
 *
 * Names are content hashes, so any host's copy is the right one.
 */
import type { Hosts } from "../core/hosts";
import { missingPicture } from "./deck";

const SOURCE = "data-media";
const TRIED = "data-tried";

/** Points the pictures under `root` at a host. Call again after new slides were put in. */
export function pointMedia(root: ParentNode, hosts: Hosts): void {
  for (const element of root.querySelectorAll("img, video, audio, source")) {
    const source = element.getAttribute("src");
    if (source?.startsWith("/media/")) {
      element.setAttribute(SOURCE, source);
      tryNext(element, hosts);
    }
  }
}

/** Listens for pictures that fail to load. Errors do not bubble, but they can be captured. */
export function retryMedia(root: HTMLElement, hosts: Hosts): () => void {
  const onError = (event: Event): void => {
    const element = event.target;
    if (element instanceof Element && element.hasAttribute(SOURCE)) tryNext(element, hosts);
  };
  root.addEventListener("error", onError, true);
  return () => root.removeEventListener("error", onError, true);
}

function tryNext(element: Element, hosts: Hosts): void {
  const tried = (element.getAttribute(TRIED) ?? "").split(" ");
  const host = hosts.order().find((candidate) => !tried.includes(candidate.name));
  if (!host) {
    element.replaceWith(
      missingPicture(element.getAttribute("alt") ?? element.getAttribute("title") ?? ""),
    );
    return;
  }
  element.setAttribute(TRIED, [...tried, host.name].join(" ").trim());
  element.setAttribute("src", host.api + (element.getAttribute(SOURCE) ?? ""));
}
