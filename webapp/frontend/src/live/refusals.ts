/**
 * What a person reads when a host refuses something on a socket (`error` in PROTOCOL.md).
 *
 * Hosts say it in English, in a sentence of their own for each case; a page tells it by its code, and
 * repeats the host's sentence where it has none for that code.
 */
import { inLanguage } from "../core/language";

const SENTENCES = inLanguage<Record<string, string>>({
  en: {
    "pair.wrong_code":
      "No board shows this code. Please type the six digits that the board shows now.",
    "pair.expired_code":
      "This code is no longer valid. Please type the code that the board shows now.",
    "pair.too_many_tries":
      "Too many wrong codes were typed. Please scan the picture on the board, or type the long code below it.",
    "pair.wrong_number":
      "This is not the number on the board. It shows a new code now: please type that one.",
    "pair.not_waiting":
      "This board does not wait just now: it is off, or somebody is teaching on it.",
    "pair.not_remembered":
      "This board does not remember you any more. Please pair it by the code that it shows.",
    "pair.gone": "The board has stopped waiting. It shows a new code: please type that one.",
  },
  nl: {
    "pair.wrong_code":
      "Geen enkel bord toont deze code. Typ de zes cijfers die nu op het bord staan.",
    "pair.expired_code": "Deze code is niet meer geldig. Typ de code die nu op het bord staat.",
    "pair.too_many_tries":
      "Er zijn te veel verkeerde codes getypt. Scan de QR-code op het bord, of typ de lange code eronder.",
    "pair.wrong_number":
      "Dit is niet het getal op het bord. Er staat nu een nieuwe code op: typ die.",
    "pair.too_early": "Het bord kan nu nog weigeren. Probeer het over een paar seconden opnieuw.",
    "pair.not_waiting":
      "Dit bord is nu niet vrij: het staat uit, of iemand geeft er al les op.",
    "pair.not_remembered":
      "Dit bord kent je niet meer. Koppel het met de code die erop staat.",
    "pair.gone": "Het bord wacht niet meer. Er staat een nieuwe code op: typ die.",
    "pair.unreachable":
      "Het bord is nu niet te bereiken. Probeer het zo meteen opnieuw.",
    bad_frame: "Deze pagina en de server begrijpen elkaar niet. Laad de pagina opnieuw.",
    bad_token: "Je bent niet meer aangemeld. Meld je opnieuw aan.",
    expired_token: "Deze pagina stond te lang open. Laad de pagina opnieuw.",
    revoked: "De koppeling met dit bord is verbroken. Koppel het opnieuw.",
    bad_device: "Dit bord is hier niet meer bekend. Koppel het met de code die erop staat.",
    read_only: "Een bord kan meekijken, maar niets veranderen.",
    too_large: "Dit is te groot om te versturen.",
    too_fast: "Het is nu te druk. Probeer het over een minuut opnieuw.",
    internal: "Er ging iets mis op de server. Probeer het opnieuw.",
  },
});

/** `code` and `message` as the host sent them. */
export function refusalText(code: string, message: string): string {
  return SENTENCES[code] ?? message;
}
