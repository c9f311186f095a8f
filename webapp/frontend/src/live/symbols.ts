/** The names of the pictures that board and teacher compare. Hosts choose them, and say them in English. */
import { inLanguage } from "../core/language";

const NAMES = inLanguage<Record<string, string>>({
  en: {},
  nl: {
    fox: "vos",
    turtle: "schildpad",
    owl: "uil",
    octopus: "inktvis",
    butterfly: "vlinder",
    elephant: "olifant",
    giraffe: "giraf",
    penguin: "pinguïn",
    bee: "bij",
    whale: "walvis",
    apple: "appel",
    lemon: "citroen",
    cherries: "kersen",
    mushroom: "paddenstoel",
    sunflower: "zonnebloem",
    cactus: "cactus",
    rainbow: "regenboog",
    moon: "maan",
    star: "ster",
    fire: "vuur",
    anchor: "anker",
    "sailing boat": "zeilboot",
    rocket: "raket",
    bicycle: "fiets",
    balloon: "ballon",
    present: "cadeau",
    key: "sleutel",
    bell: "bel",
    guitar: "gitaar",
    umbrella: "paraplu",
    house: "huis",
    football: "voetbal",
  },
});

/** `name`: `symbol_name` as the host sent it. */
export function symbolText(name: string): string {
  return NAMES[name] ?? name;
}
