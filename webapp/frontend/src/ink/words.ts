/** What the pens' colours are called. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    colors: {
      black: "black",
      red: "red",
      blue: "blue",
      green: "green",
      purple: "purple",
      yellow: "yellow",
      pink: "pink",
    },
  },
  nl: {
    colors: {
      black: "zwart",
      red: "rood",
      blue: "blauw",
      green: "groen",
      purple: "paars",
      yellow: "geel",
      pink: "roze",
    },
  },
});

/** `color`: as in COLORS (outline.ts). */
export function colorText(color: string): string {
  const known: Record<string, string> = words.colors;
  return known[color] ?? color;
}
