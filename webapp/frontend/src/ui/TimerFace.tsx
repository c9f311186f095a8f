/** The running timer or stopwatch, as the class and the teacher see it. */
import { useEffect, useState } from "preact/hooks";
import type { SharedClock } from "../live/clock";
import type { Timer } from "../live/show";
import { face, isOver } from "../live/timer";
import { words } from "./words";

/** Looked at more often than it changes, so that both screens change within the same moment. */
const LOOK_MS = 100;

export function TimerFace({ timer, clock }: { timer: Timer; clock: SharedClock }) {
  const [, redraw] = useState("");
  useEffect(() => {
    const look = (): void => redraw(`${face(timer, clock.now())} ${isOver(timer, clock.now())}`);
    const timerId = setInterval(look, LOOK_MS);
    return () => clearInterval(timerId);
  }, [timer, clock]);
  const now = clock.now();
  const over = isOver(timer, now);
  const state = over ? "over" : timer.since === null ? "paused" : "running";
  return (
    <div class={`timer timer-${state}`} data-testid="timer-face" data-state={state} role="timer">
      <span class="timer-time">{face(timer, now)}</span>
      <span class="timer-word" role="status">
        {over ? words.timer.over : timer.since === null ? words.timer.paused : ""}
      </span>
    </div>
  );
}
