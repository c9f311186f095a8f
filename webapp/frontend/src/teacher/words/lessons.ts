/** The words of the pages around teaching: signing in, the list of lessons, what is done with one. */
import type { ComponentChild } from "preact";
import { inLanguage } from "../../core/language";

export const words = inLanguage({
  en: {
    waiting: { account: "One moment…", lesson: "Opening the lesson…" },
    untitled: "Untitled lesson",
    slides: (count: number) => (count === 1 ? "1 slide" : `${count} slides`),

    signIn: {
      title: "Welcome back",
      titleOf: (school: string) => `Welcome to ${school}`,
      lead: "Sign in to open your lessons.",
      leadWithCode: "Sign in, then the board’s code is filled in for you.",
      userName: "User name",
      password: "Password",
      submit: "Sign in",
      busy: "Signing in…",
      passkey: "Sign in with a passkey",
      forgot: "Forgot your password?",
      screen: {
        question: "Setting up a classroom screen?",
        link: "Open the board page",
        end: " on it.",
      },
      wrong: "User name and password do not match. Please check both and try again.",
    },

    lessons: {
      title: "My lessons",
      fetching: "Fetching your lessons…",
      older: "Firstbell can’t be reached just now. These are the lessons as last seen.",
      account: "Account",
      signOut: "Sign out",
      fresh: "New lesson",
      scanned: (code: ComponentChild): ComponentChild[] => [
        "Choose the lesson to show on the board with the code ",
        code,
        ".",
      ],
      draft: "unsaved draft",
      shared: "shared with the school",
      open: "Open",
      openOf: (title: string) => `Open ${title}`,
      edit: "Edit",
      editOf: (title: string) => `Edit ${title}`,
      more: "More…",
      moreOf: (title: string) => `More with ${title}`,
    },

    menu: {
      copy: "Make a copy",
      copyHint: "A second lesson with the same slides.",
      share: (school: string) => `Share with ${school}`,
      shareHint:
        "All teachers of your school can read it, notes included, and make copies. Only you can change it.",
      unshare: (school: string) => `Stop sharing with ${school}`,
      unshareHint: "Nobody else can read it any more. Copies that colleagues made stay theirs.",
      download: "Download as a zip",
      downloadHint: "Markdown and figures; it can be imported again, here or elsewhere.",
      downloadFor: (program: string) => `Download for ${program}`,
      downloadForHint: {
        marp: "Its slides as a Marp deck, with notes and pictures. Films and sounds become links.",
        reveal: "Its slides as a web page for reveal.js, with steps, notes, figures and films.",
      },
      read: "Read or print",
      readHint: "All slides under each other; one a page on paper or as PDF.",
      close: "Close",
    },

    /** What a copy's title ends with; and a file without a title. */
    copyEnd: " (copy)",
    fileName: "lesson",

    school: {
      title: (school: string) => `Shared by colleagues at ${school}`,
      read: "Read",
      readOf: (title: string) => `Read ${title}`,
      copy: "Make my copy",
      copyOf: (title: string) => `Make my copy of ${title}`,
    },

    importer: {
      title: "Import",
      button: "Import a deck",
      file: "Deck to import",
      hint:
        "A Markdown file (Marp too), a reveal.js deck, or a zip of them with figures. " +
        "You can drop it anywhere on this page.",
      sending: (file: string) => `Sending ${file}…`,
      reading: (file: string) => `Reading ${file}…`,
      progress: (file: string) => `Import of ${file}`,
      done: (file: string, lessons: number) =>
        `${file}: ${lessons === 1 ? "1 lesson" : `${lessons} lessons`} imported.`,
      warnings: (count: number) =>
        count === 1 ? "One thing to look at" : `${count} things to look at`,
      slide: (number: number) => `slide ${number}`,
    },
  },

  nl: {
    waiting: { account: "Een ogenblik…", lesson: "Les openen…" },
    untitled: "Les zonder titel",
    slides: (count: number) => (count === 1 ? "1 dia" : `${count} dia’s`),

    signIn: {
      title: "Welkom terug",
      titleOf: (school: string) => `Welkom bij ${school}`,
      lead: "Meld je aan om je lessen te openen.",
      leadWithCode: "Meld je aan; de code van het bord wordt dan voor je ingevuld.",
      userName: "Gebruikersnaam",
      password: "Wachtwoord",
      submit: "Aanmelden",
      busy: "Aanmelden…",
      passkey: "Aanmelden met een passkey",
      forgot: "Wachtwoord vergeten?",
      screen: {
        question: "Een bord in de klas klaarzetten?",
        link: "Open daarop de pagina voor het bord",
        end: ".",
      },
      wrong: "De gebruikersnaam of het wachtwoord klopt niet. Controleer ze en probeer het opnieuw.",
    },

    lessons: {
      title: "Mijn lessen",
      fetching: "Lessen ophalen…",
      older: "Firstbell is nu niet te bereiken. Dit zijn de lessen zoals je ze het laatst zag.",
      account: "Account",
      signOut: "Afmelden",
      fresh: "Nieuwe les",
      scanned: (code: ComponentChild): ComponentChild[] => [
        "Kies de les die op het bord met code ",
        code,
        " moet komen.",
      ],
      draft: "nog niet opgeslagen",
      shared: "gedeeld met de school",
      open: "Open",
      openOf: (title: string) => `Open ${title}`,
      edit: "Bewerken",
      editOf: (title: string) => `${title} bewerken`,
      more: "Meer…",
      moreOf: (title: string) => `Meer met ${title}`,
    },

    menu: {
      copy: "Kopie maken",
      copyHint: "Een tweede les met dezelfde dia’s.",
      share: (school: string) => `Delen met ${school}`,
      shareHint:
        "Alle leraren van je school kunnen de les lezen, ook de notities, en er een kopie van maken. Alleen jij kunt de les wijzigen.",
      unshare: (school: string) => `Niet meer delen met ${school}`,
      unshareHint:
        "Niemand anders kan de les nog lezen. Kopieën die collega’s maakten, blijven van hen.",
      download: "Downloaden als zip",
      downloadHint: "Markdown en afbeeldingen; je kunt de zip weer importeren, hier of elders.",
      downloadFor: (program: string) => `Downloaden voor ${program}`,
      downloadForHint: {
        marp: "De dia’s voor Marp, met notities en plaatjes. Films en geluid worden links.",
        reveal:
          "De dia’s als webpagina voor reveal.js, met stappen, notities, afbeeldingen en films.",
      },
      read: "Lezen of afdrukken",
      readHint: "Alle dia’s onder elkaar; op papier of als pdf één per bladzijde.",
      close: "Sluiten",
    },

    copyEnd: " (kopie)",
    fileName: "les",

    school: {
      title: (school: string) => `Gedeeld door collega’s van ${school}`,
      read: "Lezen",
      readOf: (title: string) => `${title} lezen`,
      copy: "Eigen kopie maken",
      copyOf: (title: string) => `Eigen kopie maken van ${title}`,
    },

    importer: {
      title: "Importeren",
      button: "Presentatie importeren",
      file: "Presentatie om te importeren",
      hint:
        "Een Markdown-bestand (ook van Marp), een presentatie van reveal.js, of een zip daarvan met afbeeldingen. " +
        "Je kunt het ook naar deze pagina slepen.",
      sending: (file: string) => `${file} versturen…`,
      reading: (file: string) => `${file} lezen…`,
      progress: (file: string) => `Import van ${file}`,
      done: (file: string, lessons: number) =>
        `${file}: ${lessons === 1 ? "1 les" : `${lessons} lessen`} geïmporteerd.`,
      warnings: (count: number) =>
        count === 1 ? "Eén punt om na te kijken" : `${count} punten om na te kijken`,
      slide: (number: number) => `dia ${number}`,
    },
  },
});
