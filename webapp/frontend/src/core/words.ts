/** The words of errors and dates, which any part of the pages may show. */
import { inLanguage } from "./language";

export const words = inLanguage({
  en: {
    errors: {
      unreachable:
        "Firstbell can’t be reached just now. Your work is kept on this device. " +
        "Please check the network and try again in a moment.",
      unexpected: "Something unexpected happened. Please try again.",
      signInAgain: "Please sign in again.",
      notYours: "This belongs to somebody else.",
      gone: "This is no longer there.",
      tooLarge: "This is too large.",
      tooManyTries: "Too many tries. Please wait a minute, then try again.",
      refused: (status: number) => `Firstbell could not do this (answer ${status}).`,
    },
    passkey: {
      here: "This device has a passkey for Firstbell already.",
      failed: "The passkey could not be used. Please try again, or use your password.",
    },
    today: (time: string) => `today, ${time}`,
  },
  nl: {
    errors: {
      unreachable:
        "Firstbell is nu niet te bereiken. Je werk blijft op dit apparaat bewaard. " +
        "Controleer het netwerk en probeer het zo meteen opnieuw.",
      unexpected: "Er ging iets onverwachts mis. Probeer het opnieuw.",
      signInAgain: "Meld je opnieuw aan.",
      notYours: "Dit is van iemand anders.",
      gone: "Dit is er niet meer.",
      tooLarge: "Dit is te groot.",
      tooManyTries: "Te veel pogingen. Wacht een minuut en probeer het dan opnieuw.",
      refused: (status: number) => `Dat lukte niet (antwoord ${status}).`,
    },
    passkey: {
      here: "Dit apparaat heeft al een passkey voor Firstbell.",
      failed: "De passkey kon niet worden gebruikt. Probeer het opnieuw of gebruik je wachtwoord.",
    },
    today: (time: string) => `vandaag, ${time}`,
  },
});
