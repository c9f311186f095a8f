/** Pairing codes as people type and read them: six digits, or the long code that QR pictures hold. */

const SHORT = 6;
const LONG = 12;
/** Crockford's alphabet: these look like others and stand for them. */
const ALIKE: Record<string, string> = { I: "1", L: "1", O: "0" };

/** What was typed without its spaces; letters as the board shows them. Never longer than a code. */
export function cleanCode(typed: string): string {
  const signs = typed.toUpperCase().replace(/[^0-9A-Z]/g, "");
  if (/^\d*$/.test(signs)) return signs.slice(0, LONG);
  return signs.replace(/[ILO]/g, (sign) => ALIKE[sign] ?? sign).slice(0, LONG);
}

export function isCode(code: string): boolean {
  return /^\d{6}$/.test(code) || (code.length === LONG && /^[0-9A-HJKMNP-TV-Z]+$/.test(code));
}

/** In groups, as the board shows it. */
export function spacedCode(code: string): string {
  const short = code.length <= SHORT && /^\d*$/.test(code);
  return code.replace(short ? /(.{3})(?=.)/g : /(.{4})(?=.)/g, "$1 ");
}
