/** Sets, pauses and removes the timer or stopwatch that board and teacher see. */
import { useState } from "preact/hooks";
import type { SharedClock } from "../live/clock";
import type { Timer } from "../live/show";
import { lengthened, start, toggled } from "../live/timer";
import { TimerFace } from "../ui/TimerFace";
import { words } from "./words/teaching";

const MINUTE_MS = 60_000;
const PRESETS = [1, 2, 5, 10, 15];
/** A school day. */
const MINUTES_MOST = 600;

interface Props {
  timer: Timer | null;
  clock: SharedClock;
  onChange: (timer: Timer | null) => void;
}

export function TimerStrip({ timer, clock, onChange }: Props) {
  return (
    <section class="timer-strip" aria-label={words.timer.title} data-testid="timer-strip">
      {timer ? (
        <Running timer={timer} clock={clock} onChange={onChange} />
      ) : (
        <Choice onStart={(length) => onChange(start(length, clock.now()))} />
      )}
    </section>
  );
}

function Running({ timer, clock, onChange }: { timer: Timer } & Omit<Props, "timer">) {
  return (
    <>
      <TimerFace timer={timer} clock={clock} />
      <button
        class="button button-small"
        data-testid="timer-pause"
        onClick={() => onChange(toggled(timer, clock.now()))}
      >
        {timer.since === null ? words.timer.goOn : words.timer.pause}
      </button>
      {timer.length !== null && (
        <button
          class="button button-small"
          data-testid="timer-more"
          onClick={() => onChange(lengthened(timer, MINUTE_MS, clock.now()))}
        >
          {words.timer.more}
        </button>
      )}
      <button
        class="button button-small"
        data-testid="timer-again"
        onClick={() => onChange(start(timer.length, clock.now()))}
      >
        {words.timer.again}
      </button>
      <button
        class="button button-small"
        data-testid="timer-remove"
        onClick={() => onChange(null)}
      >
        {words.timer.remove}
      </button>
    </>
  );
}

function Choice({ onStart }: { onStart: (length: number | null) => void }) {
  const [minutes, setMinutes] = useState("");
  const wanted = Number(minutes.replace(",", "."));
  const possible = wanted > 0 && wanted <= MINUTES_MOST;
  return (
    <>
      {PRESETS.map((preset) => (
        <button
          key={preset}
          class="button button-small"
          data-testid={`timer-${preset}`}
          onClick={() => onStart(preset * MINUTE_MS)}
        >
          {words.timer.preset(preset)}
        </button>
      ))}
      <form
        class="timer-own"
        onSubmit={(event) => {
          event.preventDefault();
          if (possible) onStart(Math.round(wanted * MINUTE_MS));
        }}
      >
        <input
          data-testid="timer-minutes"
          aria-label={words.timer.minutes}
          placeholder={words.timer.minutesExample}
          inputMode="decimal"
          value={minutes}
          onInput={(event) => setMinutes(event.currentTarget.value)}
        />
        <button class="button button-small" data-testid="timer-start" disabled={!possible}>
          {words.timer.start}
        </button>
      </form>
      <button
        class="button button-small"
        data-testid="stopwatch"
        onClick={() => onStart(null)}
      >
        {words.timer.stopwatch}
      </button>
    </>
  );
}
