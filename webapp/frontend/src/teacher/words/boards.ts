/** The words of pairing, and of the boards and rooms of a class. */
import type { ComponentChild } from "preact";
import { inLanguage } from "../../core/language";

export const words = inLanguage({
  en: {
    title: "Boards",
    another: "Pair another",
    close: "Close",
    draw: "The class may draw",

    code: {
      label: "Code on the board",
      submit: "Pair",
      busy: "Looking…",
      hint: (address: ComponentChild): ComponentChild[] => [
        "Open ",
        address,
        " on the classroom screen.",
      ],
      long: "I type the long code",
    },

    compare: {
      lead: "Do you see this on the board?",
      leadWithNumber: "The board shows your name and this:",
      number: "The number below it",
      name: "Remember it as",
      optional: "(optional)",
      nameExample: "Room 12",
      nameHint: "With a name you need no code here next time.",
      yes: "Yes, the same",
      yesWithNumber: "Pair",
      no: "No",
      noWithNumber: "I don’t see it",
    },

    progress: {
      confirming: "Pairing the board…",
      starting: (room: string) => `Starting on ${room}…`,
      stop: "Stop",
      paired: "The board is paired.",
      /** What came of it. */
      refused: "The board refused, or it was switched off. It can be paired by its code.",
      noAnswer: "There is no connection just now. Please try again in a moment.",
      notPaired: "Nothing was paired. The board shows a new code.",
      expired:
        "The time to compare the symbols is over. Please type the code that the board shows now.",
    },

    paired: {
      list: "Paired boards",
      unnamed: (number: number) => `Board ${number}`,
      here: "is showing",
      away: "is away",
      unreachable: "· not reachable just now",
      end: "End",
      forget: "Forget",
      forgetOf: (board: string) => `Forget ${board}`,
      forgetIt: "Forget it",
      keep: "Keep",
    },

    rooms: {
      list: "Remembered rooms",
      waits: "waits",
      off: "is off or in use",
      start: "Start",
      startOn: (room: string) => `Start on ${room}`,
      forget: "Forget",
      forgetOf: (room: string) => `Forget the room ${room}`,
    },

    forgetAll: {
      button: "Forget all boards",
      title: "Forget all boards?",
      lead:
        "Every board that is paired with you shows a new code, in other lessons too, and no room " +
        "is remembered any more.",
      keep: "Keep them",
      confirm: "Forget all",
    },
  },

  nl: {
    title: "Borden",
    another: "Nog een bord",
    close: "Sluiten",
    draw: "De klas mag tekenen",

    code: {
      label: "Code op het bord",
      submit: "Koppelen",
      busy: "Zoeken…",
      hint: (address: ComponentChild): ComponentChild[] => [
        "Open ",
        address,
        " op het bord in de klas.",
      ],
      long: "Ik typ de lange code",
    },

    compare: {
      lead: "Zie je dit op het bord?",
      leadWithNumber: "Op het bord staan je naam en dit:",
      number: "Het getal eronder",
      name: "Onthouden als",
      optional: "(hoeft niet)",
      nameExample: "Lokaal 12",
      nameHint: "Met een naam heb je hier de volgende keer geen code nodig.",
      yes: "Ja, hetzelfde",
      yesWithNumber: "Koppelen",
      no: "Nee",
      noWithNumber: "Ik zie het niet",
    },

    progress: {
      confirming: "Bord koppelen…",
      starting: (room: string) => `Start zo op ${room}…`,
      stop: "Stoppen",
      paired: "Het bord is gekoppeld.",
      refused: "Het bord heeft geweigerd of is uitgezet. Koppel het met de code die erop staat.",
      noAnswer: "Er is nu geen verbinding. Probeer het zo meteen opnieuw.",
      notPaired: "Er is niets gekoppeld. Op het bord staat een nieuwe code.",
      expired:
        "De tijd om de symbolen te vergelijken is om. Typ de code die nu op het bord staat.",
    },

    paired: {
      list: "Gekoppelde borden",
      unnamed: (number: number) => `Bord ${number}`,
      here: "toont de les",
      away: "is weg",
      unreachable: "· nu niet te bereiken",
      end: "Stoppen",
      forget: "Vergeten",
      forgetOf: (board: string) => `${board} vergeten`,
      forgetIt: "Vergeten",
      keep: "Houden",
    },

    rooms: {
      list: "Bekende lokalen",
      waits: "staat klaar",
      off: "is uit of bezet",
      start: "Start",
      startOn: (room: string) => `Start op ${room}`,
      forget: "Vergeten",
      forgetOf: (room: string) => `${room} niet meer onthouden`,
    },

    forgetAll: {
      button: "Alle borden vergeten",
      title: "Alle borden vergeten?",
      lead:
        "Elk bord dat met jou gekoppeld is, toont een nieuwe code, ook in andere lessen, en er wordt geen " +
        "lokaal meer onthouden.",
      keep: "Behouden",
      confirm: "Alles vergeten",
    },
  },
});
