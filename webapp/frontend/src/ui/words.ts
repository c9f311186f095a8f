/** The words of what both pages share. */
import { inLanguage } from "../core/language";

export const words = inLanguage({
  en: {
    language: "Language",
    connection: {
      online: "Online",
      direct: "Direct – without servers",
      reconnecting: "Reconnecting…",
      offline: "Offline – goes on here",
    },
    older: {
      said: "A server has failed. What was changed in its last moment may be missing here until it is back.",
      close: "Close",
    },
    timer: { over: "Time is up", paused: "Paused" },
  },
  nl: {
    language: "Taal",
    connection: {
      online: "Verbonden",
      direct: "Direct – zonder servers",
      reconnecting: "Opnieuw verbinden…",
      offline: "Offline – gaat hier door",
    },
    older: {
      said: "Er is een server uitgevallen. Wat er op het laatst is veranderd, ontbreekt hier misschien tot die terug is.",
      close: "Sluiten",
    },
    timer: { over: "De tijd is om", paused: "Gepauzeerd" },
  },
});
