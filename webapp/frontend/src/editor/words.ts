/** The words of writing a lesson. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    /** What a new lesson has in it. */
    newLesson: {
      title: "New lesson",
      markdown: "# New lesson\n\n---\n\n## First slide\n\n* Appears first\n* Appears second\n",
    },

    editor: {
      fetching: "Fetching the lesson…",
      title: "Title",
      delete: "Delete",
      teach: "Open",
      save: "Save",
      saving: "Saving…",
      saved: "Saved",
      /** `warning`: a whole sentence of the host. */
      savedBut: (warning: string) => `Saved. ${warning}`,
      savedWith: (warnings: number) => `Saved, with ${warnings} things to look at`,
      unsaved: "Not saved yet – kept on this device",
      noRoom:
        "This device has no room left to keep a draft. Please save, or copy your text elsewhere.",
      isTheirs: "This is now the other version.",
      bringBack: "Bring my text back",
      copyOf: (title: string) => `${title} (my copy)`,
      deleteTitle: "Delete this lesson?",
      deleteMeans: (title: string) => `“${title}” will be gone from all your devices.`,
      keep: "Keep it",
    },

    conflict: {
      changed: "This lesson was changed on another laptop",
      deleted: "This lesson was deleted on another laptop",
      ask: "Your text is safe on this device. What should happen to it?",
      mine: "Yours",
      theirs: "The other",
      length: (count: number) => (count === 1 ? "1 word" : `${count} words`),
      copy: "Keep mine as a copy",
      copyMeans: "Both lessons stay, side by side.",
      newLesson: "Keep my text as a new lesson",
      newLessonMeans: "The deleted lesson stays deleted.",
      takeTheirs: "Take the other",
      takeTheirsMeans: "What you changed here is let go.",
      overwrite: "Replace the other with mine",
      overwriteMeans: "The other change is no longer shown.",
      later: "Decide later",
      difference: "Differences: removed from the other, added by yours",
      onlyTheirs: "Only in the other",
      onlyMine: "Only in yours",
    },

    preview: {
      label: "Preview",
      empty: "The slide that you write shows here.",
      slide: {
        name: (n: number, all: number) => `Slide ${n} of ${all}`,
        label: (n: number, all: number) => `Preview of slide ${n} of ${all}`,
      },
      section: {
        name: (n: number, all: number) =>
          `Section ${n} of ${all}. Long sections are divided into several slides.`,
        label: (n: number, all: number) => `Preview of section ${n} of ${all}`,
      },
    },

    writing: {
      tools: "Editing",
      undo: "Undo",
      redo: "Redo",
      newSlide: "New slide",
      addFigure: "Add a figure",
      figureFile: "Figure to add",
      hint:
        "A line with three dashes begins a new slide; items written with * appear one by one. " +
        "Drop or paste pictures, sound, films and PDF into the text.",
      field: "Slides in Markdown",
    },

    uploads: {
      sending: (file: string) => `Sending ${file}…`,
      storing: (file: string) => `Storing ${file}…`,
      progress: (file: string) => `Upload of ${file}`,
      done: (file: string) => `${file} is in the text.`,
      close: "Close",
      closeOf: (file: string) => `Close the message about ${file}`,
    },

    /** Why a file can't be a figure, behind its name and a colon. */
    refused: {
      empty: "it is empty.",
      unknown:
        "this kind of file can’t be shown. Pictures (PNG, JPEG, GIF, WebP, AVIF, SVG), " +
        "sound (MP3, M4A, OGG, WAV), films (MP4, WebM) and PDF are taken.",
      /** `size`, `most`: with their unit. */
      tooLarge: (size: string, most: string) =>
        `it has ${size}, and at most ${most} are taken. Make it smaller or shorter.`,
      heic: "HEIC pictures are not shown by browsers. Save it as JPEG, then take that.",
      quickTime:
        "QuickTime films are not shown by all browsers. Save it as MP4 (H.264), then take that.",
      lockedPdf: "it is locked with a password. Save it without one, then take that.",
      brokenPdf: "this PDF can’t be read; it may be damaged.",
      longPdf: (pages: number, most: number) =>
        `it has ${pages} pages, and at most ${most} are taken. Take a part of it.`,
    },

    /** What a figure from a PDF is said to show. */
    pageOf: (file: string, page: number) => `${file}, page ${page}`,

    /** What CodeMirror says, by its own English. */
    codeMirror: {
      Find: "Find",
      Replace: "Replace",
      next: "next",
      previous: "previous",
      all: "all",
      "match case": "match case",
      regexp: "regexp",
      "by word": "by word",
      replace: "replace",
      "replace all": "replace all",
      close: "close",
      "Go to line": "Go to line",
      go: "go",
      "current match": "current match",
      "on line": "on line",
      "replaced match on line $": "replaced match on line $",
      "replaced $ matches": "replaced $ matches",
      "Selection deleted": "Selection deleted",
      "$ unchanged lines": "$ unchanged lines",
    },
  },

  nl: {
    newLesson: {
      title: "Nieuwe les",
      markdown:
        "# Nieuwe les\n\n---\n\n## Eerste dia\n\n* Verschijnt als eerste\n* Verschijnt daarna\n",
    },

    editor: {
      fetching: "Les ophalen…",
      title: "Titel",
      delete: "Wissen",
      teach: "Openen",
      save: "Opslaan",
      saving: "Opslaan…",
      saved: "Opgeslagen",
      savedBut: (warning: string) => `Opgeslagen. ${warning}`,
      savedWith: (warnings: number) => `Opgeslagen, met ${warnings} punten om na te kijken`,
      unsaved: "Nog niet opgeslagen – bewaard op dit apparaat",
      noRoom:
        "Dit apparaat heeft geen ruimte meer om een concept te bewaren. Sla de les op, of kopieer je tekst naar een andere plek.",
      isTheirs: "Dit is nu de andere versie.",
      bringBack: "Mijn tekst terughalen",
      copyOf: (title: string) => `${title} (mijn kopie)`,
      deleteTitle: "Deze les wissen?",
      deleteMeans: (title: string) => `‘${title}’ verdwijnt van al je apparaten.`,
      keep: "Behouden",
    },

    conflict: {
      changed: "Deze les is op een andere laptop gewijzigd",
      deleted: "Deze les is op een andere laptop gewist",
      ask: "Je tekst staat veilig op dit apparaat. Wat moet ermee gebeuren?",
      mine: "Jouw versie",
      theirs: "De andere versie",
      length: (count: number) => (count === 1 ? "1 woord" : `${count} woorden`),
      copy: "Mijn versie als kopie bewaren",
      copyMeans: "Beide lessen blijven naast elkaar bestaan.",
      newLesson: "Mijn tekst als nieuwe les bewaren",
      newLessonMeans: "De gewiste les blijft gewist.",
      takeTheirs: "De andere versie overnemen",
      takeTheirsMeans: "Wat je hier hebt gewijzigd, vervalt.",
      overwrite: "De andere versie vervangen door de mijne",
      overwriteMeans: "De andere wijziging is dan niet meer te zien.",
      later: "Later beslissen",
      difference: "Verschillen: weggehaald uit de andere versie, toegevoegd in de jouwe",
      onlyTheirs: "Alleen in de andere versie",
      onlyMine: "Alleen in jouw versie",
    },

    preview: {
      label: "Voorbeeld",
      empty: "Hier zie je de dia die je schrijft.",
      slide: {
        name: (n: number, all: number) => `Dia ${n} van ${all}`,
        label: (n: number, all: number) => `Voorbeeld van dia ${n} van ${all}`,
      },
      section: {
        name: (n: number, all: number) =>
          `Deel ${n} van ${all}. Lange delen worden over meer dia’s verdeeld.`,
        label: (n: number, all: number) => `Voorbeeld van deel ${n} van ${all}`,
      },
    },

    writing: {
      tools: "Bewerken",
      undo: "Ongedaan maken",
      redo: "Opnieuw uitvoeren",
      newSlide: "Nieuwe dia",
      addFigure: "Bestand invoegen",
      figureFile: "Bestand om in te voegen",
      hint:
        "Een regel met drie streepjes begint een nieuwe dia; punten die met * beginnen, verschijnen één voor één. " +
        "Sleep of plak afbeeldingen, geluid, films en pdf’s in de tekst.",
      field: "Dia’s in Markdown",
    },

    uploads: {
      sending: (file: string) => `${file} versturen…`,
      storing: (file: string) => `${file} opslaan…`,
      progress: (file: string) => `Voortgang van ${file}`,
      done: (file: string) => `${file} staat in de tekst.`,
      close: "Sluiten",
      closeOf: (file: string) => `Melding over ${file} sluiten`,
    },

    refused: {
      empty: "dit bestand is leeg.",
      unknown:
        "dit soort bestand kan niet worden getoond. Wel kunnen: afbeeldingen (PNG, JPEG, GIF, WebP, AVIF, SVG), " +
        "geluid (MP3, M4A, OGG, WAV), films (MP4, WebM) en pdf.",
      tooLarge: (size: string, most: string) =>
        `dit bestand is ${size}, en ${most} is het maximum. Maak het kleiner of korter.`,
      heic: "browsers tonen geen HEIC-afbeeldingen. Sla de afbeelding op als JPEG en voeg die in.",
      quickTime:
        "niet alle browsers tonen QuickTime-films. Sla de film op als MP4 (H.264) en voeg die in.",
      lockedPdf: "deze pdf heeft een wachtwoord. Sla hem op zonder wachtwoord en voeg die in.",
      brokenPdf: "deze pdf kan niet worden gelezen; misschien is hij beschadigd.",
      longPdf: (pages: number, most: number) =>
        `deze pdf heeft ${pages} pagina’s, en ${most} is het maximum. Voeg een deel ervan in.`,
    },

    pageOf: (file: string, page: number) => `${file}, pagina ${page}`,

    codeMirror: {
      Find: "Zoeken",
      Replace: "Vervangen door",
      next: "volgende",
      previous: "vorige",
      all: "alle",
      "match case": "hoofdlettergevoelig",
      regexp: "reguliere expressie",
      "by word": "hele woorden",
      replace: "vervangen",
      "replace all": "alles vervangen",
      close: "sluiten",
      "Go to line": "Naar regel",
      go: "ga",
      "current match": "gevonden",
      "on line": "op regel",
      "replaced match on line $": "vervangen op regel $",
      "replaced $ matches": "$ keer vervangen",
      "Selection deleted": "Selectie verwijderd",
      "$ unchanged lines": "$ ongewijzigde regels",
    },
  },
});
