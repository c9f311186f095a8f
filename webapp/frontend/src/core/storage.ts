/**
 * What a page keeps between reloads.
 *
 * localStorage may be full, switched off or hold rubbish from another version: reading then gives
 * the fallback and writing says false, since no feature may break for lack of it.
 */

const PREFIX = "firstbell.";

export function load<T>(key: string, fallback: T, store: Storage = localStorage): T {
  try {
    const text = store.getItem(PREFIX + key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Returns whether the value is really kept. */
export function save(key: string, value: unknown, store: Storage = localStorage): boolean {
  try {
    store.setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function forget(key: string, store: Storage = localStorage): void {
  try {
    store.removeItem(PREFIX + key);
  } catch {
    // Nothing was kept, so nothing needs forgetting.
  }
}

/** The keys that begin so. */
export function keysWith(start: string, store: Storage = localStorage): string[] {
  try {
    return Array.from({ length: store.length }, (_, index) => store.key(index) ?? "")
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}
