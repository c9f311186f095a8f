/**
 * The language of the pages.
 *
 * What somebody chose on this device, else the first of the browser's languages that we speak, else
 * English. It is fixed while a page lives: choosing another loads the page anew, which loses nothing
 * (pages survive a reload in the middle of a lesson), so words are plain constants everywhere.
 */
import { load, save } from "./storage";

/** Each in its own words, as a person who looks for it would read it. */
export const LANGUAGES = { en: "English", nl: "Nederlands" } as const;

export type Language = keyof typeof LANGUAGES;

const KEY = "language";

const preferred: readonly string[] = globalThis.navigator?.languages ?? [];

export const language: Language = choice(load<unknown>(KEY, null), preferred);

/** For dates and numbers: the browser's own form of our language (en-GB), else the language (nl). */
export const locale: string = preferred.find((tag) => primary(tag) === language) ?? language;

export function choice(chosen: unknown, preferred: readonly string[]): Language {
  return [chosen, ...preferred.map(primary)].find(isLanguage) ?? "en";
}

export function isLanguage(tag: unknown): tag is Language {
  return typeof tag === "string" && Object.hasOwn(LANGUAGES, tag);
}

/** Kept on this device; the page comes back in it. */
export function speak(chosen: Language): void {
  save(KEY, chosen);
  location.reload();
}

/**
 * The words of one part of the pages: English sets the shape, and a word that Dutch lacks does not
 * compile. A word with a name or a number in it is a function.
 */
export function inLanguage<T>(words: { en: T; nl: NoInfer<T> }): T {
  return words[language];
}

function primary(tag: string): string {
  return tag.toLowerCase().split("-")[0] ?? "";
}
