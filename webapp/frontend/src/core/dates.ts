/** Moments and days as a person would say them, in the language of the page. */
import { locale } from "./language";
import { words } from "./words";

/** The time if it is today, else the day; "" for what is no date. */
export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const time = date.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString() ? words.today(time) : day(iso);
}

export function day(iso: string): string {
  return new Date(iso).toLocaleDateString(locale, {
    day: "numeric",
    month: "long",
    year: "numeric",
  });
}
