/** What Firstbell itself puts into slides; all else in them is the teacher's. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    /** Boxes that a deck names but does not title, as the Carpentries' lessons do. */
    boxes: {
      objectives: "Objectives",
      questions: "Questions",
      keypoints: "Key points",
      prereq: "Before we start",
      discussion: "Discussion",
    },
    picture: (description: string) => `Picture: ${description}`,
    missing: "A picture is missing here",
    /** Of a picture that has neither a description nor a file's name. */
    aPicture: "picture",
    untitled: "Untitled",
  },
  nl: {
    boxes: {
      objectives: "Leerdoelen",
      questions: "Vragen",
      keypoints: "Kernpunten",
      prereq: "Voor we beginnen",
      discussion: "Discussie",
    },
    picture: (description: string) => `Afbeelding: ${description}`,
    missing: "Hier ontbreekt een afbeelding",
    aPicture: "afbeelding",
    untitled: "Zonder titel",
  },
});
