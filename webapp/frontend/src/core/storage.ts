/**
 * What a page keeps between reloads.
 *
 * localStorage may be full, switched off or hold rubbish from another version: reading then gives
 * the fallback and writing says false, since no feature may break for lack of it. Where it is switched
 * off, naming it already throws.
 */

const PREFIX = "firstbell.";

export function load<T>(key: string, fallback: T, store?: Storage): T {
  try {
    const text = (store ?? localStorage).getItem(PREFIX + key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Returns whether the value is really kept. */
export function save(key: string, value: unknown, store?: Storage): boolean {
  try {
    (store ?? localStorage).setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function forget(key: string, store?: Storage): void {
  try {
    (store ?? localStorage).removeItem(PREFIX + key);
  } catch {
    // Nothing was kept, so nothing needs forgetting.
  }
}

/** The keys that begin so. */
export function keysWith(start: string, store?: Storage): string[] {
  try {
    const kept = store ?? localStorage;
    return Array.from({ length: kept.length }, (_, index) => kept.key(index) ?? "")
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}
