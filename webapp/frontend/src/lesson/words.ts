/** What Firstbell itself puts into slides; all else in them is the teacher's. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    picture: (description: string) => `Picture: ${description}`,
    missing: "A picture is missing here",
    /** Of a picture that has neither a description nor a file's name. */
    aPicture: "picture",
    untitled: "Untitled",
  },
  nl: {
    picture: (description: string) => `Afbeelding: ${description}`,
    missing: "Hier ontbreekt een afbeelding",
    aPicture: "afbeelding",
    untitled: "Zonder titel",
  },
});
