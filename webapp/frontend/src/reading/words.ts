/** The words of the page on which a lesson is read and printed. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    back: "Lessons",
    fetching: "Fetching the lesson…",
    copy: "Make a copy",
    copyTheirs: "Make my copy",
    print: "Print",
    by: (author: string) =>
      `By ${author}. You can read it and make a copy of your own; only ${author} can change this one.`,
    slides: "Slides",
    slide: (slide: number, slides: number, title: string) =>
      `Slide ${slide} of ${slides}${title && `: ${title}`}`,
  },
  nl: {
    back: "Lessen",
    fetching: "Les ophalen…",
    copy: "Kopie maken",
    copyTheirs: "Eigen kopie maken",
    print: "Afdrukken",
    by: (author: string) =>
      `Van ${author}. Je kunt deze les lezen en er een eigen kopie van maken; alleen ${author} kan deze les wijzigen.`,
    slides: "Dia’s",
    slide: (slide: number, slides: number, title: string) =>
      `Dia ${slide} van ${slides}${title && `: ${title}`}`,
  },
});
