/** Timer and stopwatch: what the shared value means at an instant. Pure; times in ms. */
import type { Timer } from "./show";

export function start(length: number | null, now: number): Timer {
  return { length, since: now, passed: 0 };
}

/** Ms it has been running, pauses left out. */
export function elapsed(timer: Timer, now: number): number {
  return timer.passed + (timer.since === null ? 0 : Math.max(0, now - timer.since));
}

export function isOver(timer: Timer, now: number): boolean {
  return timer.length !== null && elapsed(timer, now) >= timer.length;
}

export function toggled(timer: Timer, now: number): Timer {
  return timer.since === null
    ? { ...timer, since: now }
    : { ...timer, since: null, passed: elapsed(timer, now) };
}

/** More time: after the end, so much from now on. */
export function lengthened(timer: Timer, more: number, now: number): Timer {
  if (timer.length === null) return timer;
  return isOver(timer, now) ? start(more, now) : { ...timer, length: timer.length + more };
}

/** What is shown: the time that is left, rounded up, or that has passed, rounded down. */
export function face(timer: Timer, now: number): string {
  const passed = elapsed(timer, now);
  const shown = timer.length === null ? Math.floor(passed / 1_000) : left(timer.length - passed);
  return clockWords(shown);
}

function left(milliseconds: number): number {
  return Math.max(0, Math.ceil(milliseconds / 1_000));
}

/** 75 seconds are "1:15". */
export function clockWords(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}
