/** The board's words. */
import type { ComponentChild } from "preact";
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    title: "Firstbell board",

    waiting: {
      connecting: "Getting a code for this board…",
      title: "Show your lesson here",
      /** `code`: with a space between digits, to be heard. */
      code: (code: string) => `Code ${code}`,
      open: (host: ComponentChild) => ["Open ", host, " on your own device and sign in."],
      type: "Open a lesson and type this code under “Boards”.",
      number: "Type the number that then comes here.",
      scan: "or scan this, or type",
      qr: "QR picture that opens the teacher’s page with this code",
      /** `time`: minutes and seconds, 2:59. */
      countdown: (time: string) => `new code in ${time}`,
    },

    // Below the teacher's name.
    offer: {
      asks: "would like to show a lesson here.",
      starts: (room: string) => `starts here, in ${room}.`,
      number: (number: string) => `Number ${number}`,
      typeNumber: "Type this number on your device.",
      compare: "Do you see the same symbol on your device? Then say yes there.",
      refuse: "Not here",
      notNow: "Not now",
    },

    remembered: {
      label: "Remembered for",
      title: "No code needed for",
      forget: "Forget",
      forgetWhom: (teacher: string) => `Forget ${teacher}`,
      confirm: "Yes, forget",
      forgetAll: "Forget all",
      confirmAll: "Yes, forget all",
    },

    showing: {
      paired: "Paired",
      pairedWith: (teacher: string) => `Paired with ${teacher}`,
      coming: "The lesson is on its way…",
      noLesson: "The lesson appears here as soon as it is opened.",
      slide: (lesson: string, slide: number, slides: number) =>
        `${lesson}, slide ${slide} of ${slides}`,
    },

    tools: {
      end: "End pairing",
      fullscreen: "Full screen",
      leaveFullscreen: "Leave full screen",
      endTitle: "End the pairing?",
      endMeans:
        "This board then shows a new code and no longer follows the lesson. " +
        "There it can also forget for whom it is remembered.",
      stay: "Stay",
    },

    pens: {
      label: "Pens",
      pen: "Pen",
      eraser: "Eraser",
    },
  },

  nl: {
    title: "Firstbell-bord",

    waiting: {
      connecting: "Code voor dit bord ophalen…",
      title: "Toon hier je les",
      code: (code: string) => `Code: ${code}`,
      open: (host: ComponentChild) => ["Open ", host, " op je eigen apparaat en meld je aan."],
      type: "Open een les en typ deze code onder ‘Borden’.",
      number: "Typ het getal dat daarna hier verschijnt.",
      scan: "of scan dit, of typ",
      qr: "QR-code die de pagina voor leraren opent met deze code",
      countdown: (time: string) => `nieuwe code over ${time}`,
    },

    offer: {
      asks: "wil hier een les laten zien.",
      starts: (room: string) => `begint hier, in ${room}.`,
      number: (number: string) => `Getal ${number}`,
      typeNumber: "Typ dit getal op je apparaat.",
      compare: "Zie je hetzelfde symbool op je apparaat? Zeg daar dan ja.",
      refuse: "Niet hier",
      notNow: "Nu niet",
    },

    remembered: {
      label: "Onthouden voor",
      title: "Geen code nodig voor",
      forget: "Vergeten",
      forgetWhom: (teacher: string) => `${teacher} vergeten`,
      confirm: "Ja, vergeten",
      forgetAll: "Iedereen vergeten",
      confirmAll: "Ja, iedereen vergeten",
    },

    showing: {
      paired: "Gekoppeld",
      pairedWith: (teacher: string) => `Gekoppeld met ${teacher}`,
      coming: "De les komt eraan…",
      noLesson: "De les verschijnt hier zodra die geopend is.",
      slide: (lesson: string, slide: number, slides: number) =>
        `${lesson}, dia ${slide} van ${slides}`,
    },

    tools: {
      end: "Ontkoppelen",
      fullscreen: "Volledig scherm",
      leaveFullscreen: "Volledig scherm sluiten",
      endTitle: "Bord ontkoppelen?",
      endMeans:
        "Dit bord toont dan een nieuwe code en volgt de les niet meer. " +
        "Je kunt het daar ook laten vergeten voor wie geen code nodig is.",
      stay: "Gekoppeld blijven",
    },

    pens: {
      label: "Pennen",
      pen: "Pen",
      eraser: "Gum",
    },
  },
});
