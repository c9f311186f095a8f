/** The words of teaching: the slide and what is done to it, the keys, the timer. */
import { inLanguage } from "../../core/language";

export const words = inLanguage({
  en: {
    slide: "Slide",
    slideOf: (slide: number, slides: number) => `Slide ${slide} of ${slides}`,
    stepOf: (step: number, steps: number) => `step ${step} of ${steps}`,
    slides: "Slides",
    blank: { black: "The board is black", white: "The board is white" },
    notes: "Notes",
    noNotes: "No notes for this slide.",
    aside: "Boards and next slide",
    next: "Next",
    nextSlide: "Next slide",
    last: "This is the last slide.",
    direct:
      "Firstbell’s servers can’t be reached. The board follows this device directly. Please " +
      "don’t reload either page until they are back.",
    offline: "No connection just now. Go on teaching: the board follows as soon as it is back.",

    clock: {
      hint: "Time since the lesson was opened. Click to start again.",
      label: "Elapsed time",
    },

    overview: { title: "All slides", close: "Close" },

    toolbar: { toggle: "Tools", tools: "Steering", colors: "Colour" },

    commands: {
      next: "Next",
      back: "Back",
      first: "First slide",
      last: "Last slide",
      overview: "All slides",
      pen: "Pen",
      highlighter: "Highlighter",
      eraser: "Eraser",
      undo: "Undo",
      redo: "Redo",
      clear: "Erase this slide’s ink",
      laser: "Laser pointer",
      spotlight: "Spotlight",
      zoom: "Enlarge a figure",
      black: "Black board",
      white: "White board",
      timer: "Timer",
      fullscreen: "Full screen",
      help: "Keys and help",
      putAway: "Put away the tool, the enlarged figure, the blank",
    },

    /** As it stands on keyboards. */
    spaceKey: "Space",

    help: {
      title: "Keys and help",
      groups: { move: "Slides", draw: "Ink", point: "Pointing", board: "Board and page" },
      touch:
        "Clickers work as they are. On a touch screen, swipe over the slide to turn it, and tap twice " +
        "on a picture or table to enlarge it. A pen’s other end erases.",
      letters: "Single letters are keys",
      close: "Close",
    },

    timer: {
      title: "Timer",
      goOn: "Go on",
      pause: "Pause",
      more: "+ 1 minute",
      again: "Start again",
      remove: "Remove",
      preset: (minutes: number) => `${minutes} min`,
      minutes: "Minutes",
      minutesExample: "min",
      start: "Start",
      stopwatch: "Stopwatch",
    },
  },

  nl: {
    slide: "Dia",
    slideOf: (slide: number, slides: number) => `Dia ${slide} van ${slides}`,
    stepOf: (step: number, steps: number) => `stap ${step} van ${steps}`,
    slides: "Dia’s",
    blank: { black: "Het bord is zwart", white: "Het bord is wit" },
    notes: "Notities",
    noNotes: "Geen notities bij deze dia.",
    aside: "Borden en volgende dia",
    next: "Hierna",
    nextSlide: "Volgende dia",
    last: "Dit is de laatste dia.",
    direct:
      "De servers van Firstbell zijn niet te bereiken. Het bord volgt dit apparaat rechtstreeks. Laad " +
      "geen van beide pagina’s opnieuw tot ze terug zijn.",
    offline: "Er is nu geen verbinding. Ga gerust door: het bord volgt zodra die terug is.",

    clock: {
      hint: "Tijd sinds de les werd geopend. Klik om opnieuw te beginnen.",
      label: "Verstreken tijd",
    },

    overview: { title: "Alle dia’s", close: "Sluiten" },

    toolbar: { toggle: "Gereedschap", tools: "Bediening", colors: "Kleur" },

    commands: {
      next: "Verder",
      back: "Terug",
      first: "Eerste dia",
      last: "Laatste dia",
      overview: "Alle dia’s",
      pen: "Pen",
      highlighter: "Markeerstift",
      eraser: "Gum",
      undo: "Ongedaan maken",
      redo: "Opnieuw",
      clear: "Tekening op deze dia wissen",
      laser: "Laserpen",
      spotlight: "Schijnwerper",
      zoom: "Figuur vergroten",
      black: "Bord zwart",
      white: "Bord wit",
      timer: "Timer",
      fullscreen: "Volledig scherm",
      help: "Toetsen en hulp",
      putAway: "Gereedschap, vergroting of leeg bord weghalen",
    },

    spaceKey: "Spatie",

    help: {
      title: "Toetsen en hulp",
      groups: { move: "Dia’s", draw: "Tekenen", point: "Aanwijzen", board: "Bord en pagina" },
      touch:
        "Een presenter (klikker) werkt meteen. Veeg op een aanraakscherm over de dia om verder of terug te gaan, en tik twee keer " +
        "op een afbeelding of tabel om die te vergroten. Met de achterkant van een pen gum je.",
      letters: "Losse letters werken als sneltoets",
      close: "Sluiten",
    },

    timer: {
      title: "Timer",
      goOn: "Verder",
      pause: "Pauze",
      more: "+ 1 minuut",
      again: "Opnieuw",
      remove: "Weghalen",
      preset: (minutes: number) => `${minutes} min`,
      minutes: "Minuten",
      minutesExample: "min",
      start: "Start",
      stopwatch: "Stopwatch",
    },
  },
});
