/** Signals compare by identity; values that are equal must not draw the page again each second. */
export function setIfChanged<T>(target: { value: T; peek(): T }, value: T): void {
  if (JSON.stringify(target.peek()) !== JSON.stringify(value)) target.value = value;
}
